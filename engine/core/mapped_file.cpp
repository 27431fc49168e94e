// Opening, mapping and reading the file of mapped_file.h.
#include "engine/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "engine/core/file_descriptor.h"

namespace heed {
namespace {

/// Size of the open regular file, or the error of whatever else it is.
size_t file_size(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) fail_errno("look at", path);
  if (S_ISDIR(status.st_mode)) {
    fail(Error::Code::io, "'", path.string(), "' is a directory, expected a file");
  }
  if (!S_ISREG(status.st_mode)) {
    fail(Error::Code::io, "'", path.string(), "' is a device or a pipe, expected a file");
  }
  if (status.st_size == 0) fail(Error::Code::io, "'", path.string(), "' is empty");
  return static_cast<size_t>(status.st_size);
}

/// Fills `bytes` from the start of the file.
void read_all(const FileDescriptor& file, std::span<std::byte> bytes,
              const std::filesystem::path& path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno("read", path);
    if (got == 0) {
      fail(Error::Code::io, "'", path.string(), "' shrank while it was read: expected ",
           bytes.size(), " bytes, found ", done);
    }
    done += static_cast<size_t>(got);
  }
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path, FileAccess access) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer before we could refuse it.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) fail_errno("open", path);
  const size_t size = file_size(file, path);

  const bool map = access == FileAccess::map;
  void* memory = ::mmap(nullptr, size, map ? PROT_READ : PROT_READ | PROT_WRITE,
                        map ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS, map ? file.get() : -1, 0);
  if (memory == MAP_FAILED) fail_errno(map ? "map" : "find memory for", path);
  const std::span bytes(static_cast<std::byte*>(memory), size);
  MappedFile result(path, access, bytes);  // owns the memory should the reading throw
  if (!map) read_all(file, bytes, path);
  return result;
}

MappedFile::MappedFile(std::filesystem::path path, FileAccess access,
                       std::span<const std::byte> bytes)
    : path_(std::move(path)), access_(access), bytes_(bytes) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      access_(other.access_),
      bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(access_, other.access_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::drop(std::span<const std::byte> range) const noexcept {
  // On a private copy the same call would lose the bytes for good.
  if (access_ != FileAccess::map) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(range.data() - bytes_.data());
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + range.size()) / page * page;
  if (begin < end) {
    ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
  }
}

}  // namespace heed
