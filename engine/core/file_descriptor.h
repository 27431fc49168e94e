// An open file descriptor that closes itself, and the error of a failed system call. Used by
// mapped_file and atomic_file.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/core/error.h"

namespace heed {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }

  /// Closes now and returns what close(2) returned, for writers whose last error may come that
  /// late.
  int close() noexcept { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

/// Throws Error(io): "cannot <verb> '<path>': <what errno says>".
[[noreturn]] inline void fail_errno(std::string_view verb, const std::filesystem::path& path) {
  const std::string reason = std::system_category().message(errno);
  fail(Error::Code::io, "cannot ", verb, " '", path.string(), "': ", reason);
}

}  // namespace heed
