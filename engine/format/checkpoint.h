// A model's weights as others publish them: safetensors or torch's pytorch_model.bin, in one file
// or in shards with an index, or CTranslate2's model.bin. Read by the converter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/mapped_file.h"
#include "engine/format/tensor_table.h"

namespace heed {

/// Everything the files say of their tensors has been checked against their sizes, and names hold
/// no control characters. A tensor's data need not be aligned to its type: the formats do not
/// promise that. Tensors may be empty (a dimension of 0), and those of torch and CTranslate2 may
/// share their data.
class Checkpoint {
 public:
  /// `path` is a file (safetensors if it is called so, CTranslate2's if it is called model.bin,
  /// else torch's), a .index.json, or a directory, in which model.safetensors goes before
  /// pytorch_model.bin, a file before an index, and model.bin comes last. Throws Error(io) that
  /// lists every shard that is missing, Error(format) or Error(unsupported) naming file and tensor.
  static Checkpoint open(const std::filesystem::path& path, FileAccess access = FileAccess::map);

  /// One file in somebody else's memory, which must outlive the result; `name` stands for it in
  /// errors, and tells its format as above.
  static Checkpoint parse(std::span<const std::byte> bytes, std::string name);

  /// What `directory` lacks to be opened: names of shards, or one phrase for what might be there.
  static std::vector<std::string> missing_files(const std::filesystem::path& directory);

  /// Whether a directory's weights are those of CTranslate2.
  static bool is_ctranslate2(const std::filesystem::path& directory);

  /// The path or name it was opened with.
  const std::string& name() const { return name_; }
  /// What CTranslate2's file calls its model, "TransformerSpec"; empty for any other file.
  const std::string& model_spec() const { return model_spec_; }

  /// In the order of the files, shard by shard. Tensors of element types that Heed does not hold
  /// (U8, BOOL, F8_E4M3 ...), often masks that no model needs, are left out.
  std::span<const TensorView> tensors() const { return tensors_.views(); }
  const TensorView* find(std::string_view name) const { return tensors_.find(name); }
  /// Throws Error(format) if the tensor is missing, Error(unsupported) if it was left out.
  const TensorView& require(std::string_view name) const;
  /// The element type of a tensor that was left out: "F8_E4M3"; empty if it was not.
  std::string_view left_out(std::string_view name) const { return tensors_.left_out(name); }

  /// Copies bytes of a tensor's data, from `offset` on: see MappedFile::copy.
  void copy(const TensorView& tensor, int64_t offset, std::span<std::byte> out) const;

 private:
  explicit Checkpoint(std::string name) : name_(std::move(name)) {}
  void add_file(const std::filesystem::path& path, FileAccess access);
  void read_weights(std::span<const std::byte> bytes, const std::string& file);
  void add_shards(const std::filesystem::path& index, FileAccess access);

  std::string name_;
  std::string model_spec_;
  std::vector<MappedFile> files_;
  TensorTable tensors_;
};

}  // namespace heed
