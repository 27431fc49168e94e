// Writes a file whole or not at all. Used by every writer: converter, pictures, arrays.
// Reference: rename(2) replaces its target in one step; flock(2) ends with its process.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/file_descriptor.h"

namespace heed {

/// What is written goes to a temporary file beside the target, which commit() puts in the target's
/// place; without commit() the temporary is removed and the target stays as it was. A target that
/// is a device or a pipe (/dev/stdout) has nothing to keep and is written directly. After an error
/// nothing more can be written. A process that is killed leaves "TARGET.tmp-..." behind, which the
/// next one that writes the same target removes: it is locked while its writer lives.
class AtomicFile {
 public:
  /// Throws Error(io) if the temporary cannot be made or the target may not be written.
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws Error(io) naming the target, on a full disk for instance.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Makes the file durable and gives it its name. Call it once, last.
  void commit();

 private:
  void open_temporary();
  void remove_abandoned() const;
  void flush();
  void write_through(std::span<const std::byte> bytes);
  void require_open() const;
  void discard() noexcept;
  [[noreturn]] void discard_and_fail();

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty if there is none to remove
  FileDescriptor file_;
  std::vector<std::byte> buffer_;
};

}  // namespace heed
