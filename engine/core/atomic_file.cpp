// The temporary, its checks and its renaming: see atomic_file.h.
#include "engine/core/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <string>

namespace heed {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;  // makes small fields cheap; large ones pass it by
constexpr int kAttempts = 1000;                   // names tried before we blame something else
constexpr std::string_view kTemporary = ".tmp-";  // between the target's name and a number

/// Where a rename has to go so that a symbolic link stays one.
std::filesystem::path behind_links(const std::filesystem::path& path) {
  std::error_code none;
  const auto real = std::filesystem::canonical(path, none);
  return none ? path : real;
}

/// The rename itself must survive a power cut; a directory that cannot be synced is no error.
void sync_directory_of(const std::filesystem::path& path) {
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) ::fsync(directory.get());
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(behind_links(target)) {
  buffer_.reserve(kBufferBytes);
  struct stat status = {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    file_ = FileDescriptor(::open(target_.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file_.is_open()) fail_errno("write", target_);
  } else if (!exists && std::filesystem::is_symlink(target_)) {
    // A rename would replace the link: /dev/stdout's, for instance, when stdout is closed.
    fail(Error::Code::io, "cannot write '", target_.string(), "': it is a link to nothing");
  } else {
    // A rename would replace even a file that is protected against writing.
    if (exists && ::access(target_.c_str(), W_OK) != 0) fail_errno("write", target_);
    open_temporary();
    if (exists) ::fchmod(file_.get(), status.st_mode & 07777);
  }
}

void AtomicFile::open_temporary() {
  remove_abandoned();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary_ = target_;
    temporary_ += cat(kTemporary, ::getpid(), "-", attempt);
    file_ =
        FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_.is_open() && errno != EEXIST) break;
    if (!file_.is_open()) continue;
    while (::flock(file_.get(), LOCK_EX) != 0 && errno == EINTR) continue;
    // Somebody who looks for abandoned files may have been here before the lock was.
    struct stat status = {};
    if (::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) return;
    file_.close();
    errno = EAGAIN;
  }
  temporary_.clear();
  fail_errno("write", target_);
}

/// Removes temporaries of this target that no living process has locked. A file system without
/// locks keeps them all.
void AtomicFile::remove_abandoned() const {
  const auto parent = target_.has_parent_path() ? target_.parent_path() : ".";
  const std::string prefix = target_.filename().string() + std::string(kTemporary);
  std::error_code error;
  std::filesystem::directory_iterator entry(parent, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    if (name.find_first_not_of("0123456789-", prefix.size()) != name.npos) continue;
    const FileDescriptor file(
        ::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.is_open() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    ::unlink(entry->path().c_str());
  }
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (file_.is_open()) file_.close();
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::discard_and_fail() {
  const int error = errno;
  discard();
  errno = error;
  fail_errno("write", target_);
}

void AtomicFile::require_open() const {
  if (!file_.is_open()) {
    fail(Error::Code::io, "cannot write '", target_.string(), "': it is closed already");
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  require_open();
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    write_through(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void AtomicFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) discard_and_fail();
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  require_open();
  flush();
  const bool direct = temporary_.empty();
  if (!direct && ::fsync(file_.get()) != 0) discard_and_fail();
  if (file_.close() != 0) discard_and_fail();
  if (direct) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) discard_and_fail();
  temporary_.clear();
  sync_directory_of(target_);
}

}  // namespace heed
