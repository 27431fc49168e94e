// The bytes of a whole file, for reading: mapped, or copied into memory (--no-mmap). Used by the
// readers of engine/format. Reference: mmap(2), madvise(2).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/core/file_descriptor.h"

namespace heed {

enum class FileAccess {
  map,   ///< pages come from the file when first touched; a file cut short meanwhile is fatal
  read,  ///< everything is read at once into memory of our own
};

/// Move-only; the bytes live as long as the object that holds them, wherever it is moved to.
class MappedFile {
 public:
  /// Throws Error(io) if `path` is missing, not a regular file, empty or not readable.
  static MappedFile open(const std::filesystem::path& path, FileAccess access = FileAccess::map);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// Starts on a page boundary.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// The same as characters.
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Gives back the memory of the pages that lie wholly within `range`, a part of bytes(). They may
  /// be read again, which fetches them from the file. Does nothing where the file was copied.
  void drop(std::span<const std::byte> range) const noexcept;

  /// Copies `range`, a part of bytes(), to `out` without touching mapped pages: nothing of it stays
  /// in memory, and a file that was cut short meanwhile, or a disk that fails, is an Error(io).
  /// Any number of threads may do so.
  void copy(std::span<const std::byte> range, std::byte* out) const;

 private:
  MappedFile(std::filesystem::path path, FileDescriptor file, std::span<const std::byte> bytes);

  std::filesystem::path path_;
  FileDescriptor file_;  // closed where the bytes were copied
  std::span<const std::byte> bytes_;
};

}  // namespace heed
