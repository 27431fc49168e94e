#include "engine/convert/layer_tensors.h"

#include <algorithm>
#include <utility>

#include "engine/quant/quant.h"

namespace heed {
namespace {

/// What no layer can use as it is becomes F32.
DType type_of(const PlannedTensor& tensor) {
  const DType type = tensor.source->type;
  return tensor.scale || type == DType::f64 ? DType::f32 : type;
}

int64_t row_size(const PlannedTensor& tensor) {
  const Shape& shape = tensor.target.shape;
  return shape.size() < 2 ? 1 : shape.back();
}

size_t bytes_of(const PlannedTensor& tensor, int64_t values) {
  return static_cast<size_t>(row_bytes(type_of(tensor), values));
}

Shape with_rows(const PlannedTensor& tensor, int64_t rows) {
  Shape shape = tensor.target.shape;
  shape.front() = rows;
  return shape;
}

}  // namespace

void LayerTensors::release(const TensorView& tensor) {
  const auto it = held_.find(tensor.name);
  if (it != held_.end()) std::exchange(it->second.bytes, {});
}

void LayerTensors::lend(const std::string& name, Shape shape, std::span<const float> values) {
  held_[name].view = {
      .name = name, .type = DType::f32, .shape = std::move(shape), .data = std::as_bytes(values)};
}

const TensorView* LayerTensors::find(std::string_view name) {
  const auto it = held_.find(std::string(name));
  if (it != held_.end()) return &it->second.view;
  const PlannedTensor* planned = find_planned(name);
  if (!planned) return nullptr;
  Held& held = hold(*planned, planned->target.shape);
  read(*planned, 0, held.bytes);
  return &held.view;
}

void LayerTensors::take_window(const std::string& name, int64_t first, int64_t count) {
  const PlannedTensor* planned = find_planned(name);
  if (!planned) return;
  Held& held = hold(*planned, with_rows(*planned, count));
  const int64_t there = std::clamp<int64_t>(planned->target.shape.front() - first, 0, count);
  const size_t bytes = bytes_of(*planned, there * row_size(*planned));
  read(*planned, first * row_size(*planned), std::span(held.bytes).first(bytes));
}

void LayerTensors::take_columns(const std::string& name, int64_t first, int64_t count) {
  const PlannedTensor* planned = find_planned(name);
  if (!planned) return;
  const int64_t rows = planned->target.shape.front();
  Held& held = hold(*planned, {rows, count});
  const size_t bytes = bytes_of(*planned, count);
  for (int64_t row = 0; row < rows; ++row) {
    read(*planned, row * row_size(*planned) + first,
         std::span(held.bytes).subspan(static_cast<size_t>(row) * bytes, bytes));
  }
}

void LayerTensors::take_rows(const std::string& name, std::span<const Token> rows) {
  const PlannedTensor* planned = find_planned(name);
  if (!planned) return;
  Held& held = hold(*planned, with_rows(*planned, std::ssize(rows)));
  const size_t bytes = bytes_of(*planned, row_size(*planned));
  for (size_t i = 0; i < rows.size(); ++i) {
    read(*planned, rows[i] * row_size(*planned), std::span(held.bytes).subspan(i * bytes, bytes));
  }
}

int64_t LayerTensors::columns(std::string_view name) const {
  return find_planned(name)->target.shape.back();
}

bool LayerTensors::has_columns(std::string_view name) const {
  const PlannedTensor* planned = find_planned(name);
  return planned && planned->order == RowOrder::same && !planned->scale;
}

const PlannedTensor* LayerTensors::find_planned(std::string_view name) const {
  const auto it = planned_.find(name);
  return it == planned_.end() ? nullptr : it->second;
}

LayerTensors::Held& LayerTensors::hold(const PlannedTensor& tensor, Shape shape) {
  Held& held = held_[tensor.target.name];
  held.bytes.assign(bytes_of(tensor, element_count(shape)), std::byte{0});
  held.view = {.name = tensor.target.name,
               .type = type_of(tensor),
               .shape = std::move(shape),
               .data = held.bytes};
  return held;
}

/// Fills `out` from element `first` on.
void LayerTensors::read(const PlannedTensor& tensor, int64_t first, std::span<std::byte> out) {
  if (out.empty()) return;
  if (type_of(tensor) == tensor.source->type) {
    read_rows(tensor, first, read_, out);
  } else {
    const auto count = out.size() / sizeof(float);
    read_floats(tensor, first, read_, room_, {reinterpret_cast<float*>(out.data()), count});
  }
  read_bytes_ += static_cast<int64_t>(out.size());
}

}  // namespace heed
