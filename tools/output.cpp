#include "tools/output.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "heed_error.hpp"

namespace heed {

void Output::write(std::string_view text) {
  constexpr size_t kEnough = 1 << 16;
  buffer_ += text;
  if (buffer_.size() >= kEnough) flush();
}

void Output::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const std::string reason = std::system_category().message(errno);
      buffer_.clear();
      throw Error(Error::Code::io, "cannot write to stdout: " + reason);
    }
    left.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
}

}  // namespace heed
