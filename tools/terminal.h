// What stderr and the keyboard are used for besides text: a bar for long work, Ctrl-C.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

namespace heed {

bool is_terminal(int fd);

/// Columns of the terminal at `fd`; 80 where it does not say, 0 where there is none.
int terminal_width(int fd);

/// A line on stderr that grows while work goes on: only on a terminal, only after a second.
class ProgressBar {
 public:
  /// `hidden`: never drawn, as where results go to the same terminal; Ctrl-C is still seen.
  explicit ProgressBar(std::string label, bool hidden = false);
  /// Removes the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Throws Interrupted after Ctrl-C. `note` stands behind the percentage.
  void update(double fraction, const std::string& note = {});
  void update(int64_t done, int64_t all) {
    update(all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 1);
  }
  /// The same with the rate and the time left: "412.0 MB/s, 1:05 left".
  void update_bytes(int64_t done, int64_t all);

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  Clock::time_point start_;
  Clock::time_point drawn_at_;
  int width_;       // 0: not a terminal
  int drawn_ = -1;  // cells last drawn
};

/// Ctrl-C was pressed: work is abandoned, exit code 130.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// From here on Ctrl-C is noted instead of ending the program at once; a second one, not asked
/// about in between, still does.
void catch_interrupts();

/// Whether Ctrl-C was pressed since the last call.
bool take_interrupt();

}  // namespace heed
