// The tensors that a layer needs, read when it is run: whole, or some of their rows or columns.
// Used by LayerwiseRun.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/convert/row_order.h"
#include "heed_types.hpp"

namespace heed {

/// Finds tensors by the names they will have, and holds what was read of them until clear().
class LayerTensors {
 public:
  LayerTensors(std::span<const PlannedTensor> tensors, const TensorReader& read) : read_(read) {
    for (const PlannedTensor& tensor : tensors) planned_[tensor.target.name] = &tensor;
  }

  int64_t read_bytes() const { return read_bytes_; }
  void clear() { held_.clear(); }
  /// Gives the memory of a tensor back.
  void release(const TensorView& tensor);

  /// A table of floats in somebody else's memory.
  void lend(const std::string& name, Shape shape, std::span<const float> values);

  /// What was taken in the tensor's place, or the tensor, read as a whole; null if there is none.
  const TensorView* find(std::string_view name);

  /// Takes rows `first` to `first + count` in the place of a tensor, if it exists; beyond its end,
  /// zeros.
  void take_window(const std::string& name, int64_t first, int64_t count);
  /// The same of columns, none beyond its end.
  void take_columns(const std::string& name, int64_t first, int64_t count);
  /// The same of any rows, in this order.
  void take_rows(const std::string& name, std::span<const Token> rows);

  /// Of a whole row of a tensor that exists.
  int64_t columns(std::string_view name) const;
  /// Whether take_columns() can read a tensor.
  bool has_columns(std::string_view name) const;

 private:
  struct Held {
    std::vector<std::byte> bytes;
    TensorView view;
  };

  const PlannedTensor* find_planned(std::string_view name) const;
  Held& hold(const PlannedTensor& tensor, Shape shape);
  void read(const PlannedTensor& tensor, int64_t first, std::span<std::byte> out);

  const TensorReader& read_;
  std::unordered_map<std::string_view, const PlannedTensor*> planned_;
  std::unordered_map<std::string, Held> held_;
  std::vector<std::byte> room_;
  int64_t read_bytes_ = 0;
};

}  // namespace heed
