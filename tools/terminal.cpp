#include "tools/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "tools/numbers.h"

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
      start_(Clock::now()),
      width_(hidden ? 0 : terminal_width(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() {
  if (drawn_ >= 0) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(double fraction, const std::string& note) {
  if (take_interrupt()) throw Interrupted();
  const Clock::time_point now = Clock::now();
  if (width_ == 0 || now - start_ < std::chrono::seconds(1)) return;

  const double shown = std::clamp(fraction, 0.0, 1.0);
  const int words = static_cast<int>(label_.size() + note.size());
  const int cells = std::clamp(width_ - words - 12, 10, 50);
  const int full = static_cast<int>(shown * cells);
  const bool stale = !note.empty() && now - drawn_at_ > std::chrono::milliseconds(250);
  if (full == drawn_ && !stale) return;
  drawn_ = full;
  drawn_at_ = now;
  const std::string bar = std::string(static_cast<size_t>(full), '#') +
                          std::string(static_cast<size_t>(cells - full), '.');
  std::fprintf(stderr, "\r%s [%s] %3.0f %% %s\x1b[K", label_.c_str(), bar.c_str(), shown * 100,
               note.c_str());
}

void ProgressBar::update_bytes(int64_t done, int64_t all) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-9);
  const auto left = static_cast<int64_t>(static_cast<double>(all - done) / std::max(rate, 1.0));
  std::array<char, 32> time;
  if (left < 3600) {
    std::snprintf(time.data(), time.size(), "%d:%02d", static_cast<int>(left / 60),
                  static_cast<int>(left % 60));
  } else {
    std::snprintf(time.data(), time.size(), "%lld h %02d min", static_cast<long long>(left / 3600),
                  static_cast<int>(left / 60 % 60));
  }
  update(all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 1,
         bytes_text(static_cast<int64_t>(rate)) + "/s, " + time.data() + " left");
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
