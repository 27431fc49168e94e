// The tensors of a model file, in the file's order and by name. Used by the readers of GGUF, of
// safetensors, of torch's checkpoints and of CTranslate2's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/tensor.h"
#include "engine/format/metadata.h"

namespace heed {

class TensorTable {
 public:
  std::span<const TensorView> views() const { return views_; }

  const TensorView* find(std::string_view name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &views_[it->second];
  }

  /// False, and nothing added, if there is a tensor of that name already.
  bool add(const TensorView& view) {
    if (left_out_.contains(view.name)) return false;
    if (!index_.try_emplace(view.name, views_.size()).second) return false;
    views_.push_back(view);
    return true;
  }

  /// Notes a tensor of an element type that Heed does not hold. False as above.
  bool leave_out(const std::string& name, std::string_view dtype) {
    return !find(name) && left_out_.try_emplace(name, dtype).second;
  }
  /// The element type of such a tensor: "F8_E4M3"; empty if `name` is none.
  std::string_view left_out(std::string_view name) const {
    const auto it = left_out_.find(name);
    return it == left_out_.end() ? std::string_view() : it->second;
  }

 private:
  std::vector<TensorView> views_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;
  std::unordered_map<std::string, std::string, StringHash, std::equal_to<>> left_out_;  // -> dtype
};

/// Dimensions of a checkpoint's tensor; PyTorch's stay below 6.
inline constexpr size_t kMaxCheckpointDimensions = 8;

/// What is wrong with the name of a tensor or of a metadata key, if anything: names are printed,
/// and must not end a line or steer a terminal.
std::optional<std::string> name_problem(std::string_view name);

/// Bytes of a tensor whose dimensions nobody has checked yet (0 or more each, the last one a
/// multiple of the type's block), or nothing if they do not fit into 63 bits.
std::optional<int64_t> checked_bytes(DType type, const Shape& shape);

}  // namespace heed
