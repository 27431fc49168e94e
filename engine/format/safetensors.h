// Checkpoints in the safetensors format, in one file or in shards with an index. Read by the
// converter. Reference: github.com/huggingface/safetensors, README.md, "Format".
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/mapped_file.h"
#include "engine/format/tensor_table.h"

namespace heed {

/// Everything the headers say has been checked against the files: the tensors cover each file's
/// data without gap or overlap, and names hold no control characters. A tensor's data need not be
/// aligned to its type: the format does not promise that. Tensors may be empty (a dimension of 0).
class Safetensors {
 public:
  /// `path` is a .safetensors file, a .safetensors.index.json, or a directory that holds
  /// model.safetensors or model.safetensors.index.json.
  /// Throws Error(io), Error(format) or Error(unsupported) naming file and tensor.
  static Safetensors open(const std::filesystem::path& path, FileAccess access = FileAccess::map);

  /// One file in somebody else's memory, which must outlive the result; `name` stands for it in
  /// errors.
  static Safetensors parse(std::span<const std::byte> bytes, std::string name);

  /// The path or name it was opened with.
  const std::string& name() const { return name_; }

  /// The files that an index names, in the order of their names, whether they exist or not.
  static std::vector<std::filesystem::path> shards(const std::filesystem::path& index);

  /// In the order of their data, shard by shard. Tensors of element types that Heed does not hold
  /// (U8, BOOL, F8_E4M3 ...), often masks that no model needs, are left out.
  std::span<const TensorView> tensors() const { return tensors_.views(); }
  const TensorView* find(std::string_view name) const { return tensors_.find(name); }
  /// Throws Error(format) if the tensor is missing, Error(unsupported) if it was left out.
  const TensorView& require(std::string_view name) const;
  /// The dtype of a tensor that was left out: "F8_E4M3"; empty if it was not.
  std::string_view left_out(std::string_view name) const;

  /// Gives back the memory of a tensor that has been read: see MappedFile::drop.
  void drop(const TensorView& tensor) const noexcept;

 private:
  explicit Safetensors(std::string name) : name_(std::move(name)) {}
  void add_file(std::span<const std::byte> bytes, const std::string& file);
  void open_shards(const std::filesystem::path& index, FileAccess access);

  std::string name_;
  std::vector<MappedFile> files_;
  TensorTable tensors_;
  std::unordered_map<std::string, std::string, StringHash, std::equal_to<>> left_out_;  // -> dtype
};

}  // namespace heed
