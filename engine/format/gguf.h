// GGUF model files, versions 2 and 3, little-endian. Read by the loader, `heed show` and the
// converter. Reference: the GGUF specification (github.com/ggml-org/ggml, docs/gguf.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/atomic_file.h"
#include "engine/core/mapped_file.h"
#include "engine/format/metadata.h"
#include "engine/format/tensor_table.h"

namespace heed {

/// A parsed file. Everything its header says has been checked against the file: all tensors lie
/// within it, apart from each other, aligned to 8 bytes or more, and names hold no control
/// characters. The values inside the tensors have not been looked at.
class GgufFile {
 public:
  /// Throws Error(io) if the file cannot be read, Error(format) if it is damaged or not GGUF, and
  /// Error(unsupported) for what Heed does not read: version 1, big-endian files, unknown types.
  static GgufFile open(const std::filesystem::path& path, FileAccess access = FileAccess::map);

  /// A file in somebody else's memory, which must outlive the result and start on a multiple of 8.
  /// `name` stands for the file in errors.
  static GgufFile parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  int64_t size() const { return size_; }  ///< bytes
  uint32_t version() const { return version_; }
  const Metadata& metadata() const { return metadata_; }

  /// In the order of the file's header; shapes are outermost first.
  std::span<const TensorView> tensors() const { return tensors_.views(); }
  const TensorView* find(std::string_view name) const { return tensors_.find(name); }
  /// Throws Error(format) naming file and tensor if it is missing.
  const TensorView& require(std::string_view name) const;

  /// Gives back the memory of tensors that have been packed, in any order: see MappedFile::drop.
  void drop(std::span<const TensorView* const> tensors) const;

  /// Copies bytes of a tensor's data, from `offset` on: see MappedFile::copy.
  void copy(const TensorView& tensor, int64_t offset, std::span<std::byte> out) const;

 private:
  friend class GgufParser;
  explicit GgufFile(std::string name) : name_(std::move(name)), metadata_(name_) {}

  std::string name_;
  int64_t size_ = 0;
  uint32_t version_ = 0;
  std::optional<MappedFile> file_;
  Metadata metadata_;
  TensorTable tensors_;
};

/// Writes a version 3 file: header first, then the tensors' data in the order announced, so that no
/// more than one piece of one tensor needs to be in memory. Without commit() the target stays as it
/// was. Errors about the content are Error(argument), failed writes Error(io).
class GgufWriter {
 public:
  struct Tensor {
    std::string name;
    DType type = DType::f32;
    Shape shape;  // outermost first
  };

  /// Data is aligned as the metadata's general.alignment says, to 32 bytes if it says nothing.
  GgufWriter(const std::filesystem::path& target, const Metadata& metadata,
             std::span<const Tensor> tensors);

  /// The next bytes of tensor `name`, whose turn it must be; all of them or a part.
  void write(std::string_view name, std::span<const std::byte> bytes);

  /// Gives the file its name. Every tensor must be complete.
  void commit();

 private:
  struct Planned {
    std::string name;
    uint64_t bytes;
    uint64_t left;  // of these, not written yet
  };
  void pad(uint64_t bytes);

  AtomicFile file_;
  std::string target_;
  std::vector<Planned> planned_;
  size_t current_ = 0;
  uint64_t alignment_;
};

}  // namespace heed
