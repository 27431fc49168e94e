// Opening, mapping and reading the file of mapped_file.h.
#include "engine/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
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

/// Fills `out` with what the file has from `offset` on.
void read_at(const FileDescriptor& file, size_t offset, std::span<std::byte> out,
             const std::filesystem::path& path) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(file.get(), out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno("read", path);
    if (got == 0) {
      fail(Error::Code::io, "'", path.string(), "' shrank while it was read: expected at least ",
           offset + out.size(), " bytes, found ", offset + done);
    }
    done += static_cast<size_t>(got);
  }
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path, FileAccess access) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer before we could refuse it.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) fail_errno("open", path);
  const size_t size = file_size(file, path);

  const bool map = access == FileAccess::map;
  void* memory = ::mmap(nullptr, size, map ? PROT_READ : PROT_READ | PROT_WRITE,
                        map ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS, map ? file.get() : -1, 0);
  if (memory == MAP_FAILED) fail_errno(map ? "map" : "find memory for", path);
  const std::span bytes(static_cast<std::byte*>(memory), size);
  if (map) return MappedFile(path, std::move(file), bytes);
  MappedFile result(path, FileDescriptor(), bytes);  // owns the memory should the reading throw
  read_at(file, 0, bytes, path);
  return result;
}

MappedFile::MappedFile(std::filesystem::path path, FileDescriptor file,
                       std::span<const std::byte> bytes)
    : path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::drop(std::span<const std::byte> range) const noexcept {
  // On a private copy the same call would lose the bytes for good.
  if (!file_.is_open()) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(range.data() - bytes_.data());
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + range.size()) / page * page;
  if (begin < end) {
    ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
  }
}

void MappedFile::copy(std::span<const std::byte> range, std::byte* out) const {
  if (file_.is_open()) {
    const auto offset = static_cast<size_t>(range.data() - bytes_.data());
    read_at(file_, offset, {out, range.size()}, path_);
  } else {
    std::ranges::copy(range, out);
  }
}

}  // namespace heed
