// The tensors of a model file, in the file's order and by name. Used by the GGUF and safetensors
// readers.
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
    if (!index_.try_emplace(view.name, views_.size()).second) return false;
    views_.push_back(view);
    return true;
  }

 private:
  std::vector<TensorView> views_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;
};

/// What is wrong with the name of a tensor or of a metadata key, if anything: names are printed,
/// and must not end a line or steer a terminal.
std::optional<std::string> name_problem(std::string_view name);

/// Bytes of a tensor whose dimensions nobody has checked yet (0 or more each, the last one a
/// multiple of the type's block), or nothing if they do not fit into 63 bits.
std::optional<int64_t> checked_bytes(DType type, const Shape& shape);

}  // namespace heed
