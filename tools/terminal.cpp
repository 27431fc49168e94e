#include "tools/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace heed {
namespace {

volatile sig_atomic_t interrupts = 0;  // a signal handler can reach nothing else

void count_interrupt(int number) {
  interrupts = interrupts + 1;
  if (interrupts > 1) {
    signal(number, SIG_DFL);
    raise(number);
  }
}

}  // namespace

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

int terminal_width(int fd) {
  if (!is_terminal(fd)) return 0;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

ProgressBar::ProgressBar(std::string label, bool hidden)
    : label_(std::move(label)),
      start_(std::chrono::steady_clock::now()),
      width_(hidden ? 0 : terminal_width(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() {
  if (drawn_ >= 0) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(double fraction, const std::string& note) {
  if (take_interrupt()) throw Interrupted();
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  if (width_ == 0 || elapsed < std::chrono::seconds(1)) return;

  const double shown = std::clamp(fraction, 0.0, 1.0);
  const int words = static_cast<int>(label_.size() + note.size());
  const int cells = std::clamp(width_ - words - 12, 10, 50);
  const int full = static_cast<int>(shown * cells);
  if (full == drawn_) return;
  drawn_ = full;
  const std::string bar = std::string(static_cast<size_t>(full), '#') +
                          std::string(static_cast<size_t>(cells - full), '.');
  std::fprintf(stderr, "\r%s [%s] %3.0f %% %s\x1b[K", label_.c_str(), bar.c_str(), shown * 100,
               note.c_str());
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = count_interrupt;  // without SA_RESTART: reading a line ends with EINTR
  ::sigaction(SIGINT, &action, nullptr);
}

bool take_interrupt() {
  const bool pressed = interrupts > 0;
  interrupts = 0;
  return pressed;
}

}  // namespace heed
