#include "engine/convert/row_order.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/quant/quant.h"

namespace heed {
namespace {

/// A vector's rows are its elements.
int64_t row_size(const Shape& shape) {
  return shape.size() < 2 ? 1 : shape.back();
}

void read_in_order(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                   std::span<std::byte> out) {
  const TensorView& source = *tensor.source;
  const int64_t begin = row_bytes(source.type, source_element(tensor, first));
  const auto rest = static_cast<size_t>(std::max<int64_t>(0, std::ssize(source.data) - begin));
  const auto there = out.first(std::min(out.size(), rest));
  if (!there.empty()) read(source, begin, there);
  std::ranges::fill(out.subspan(there.size()), std::byte{0});
}

/// Row 2i of a head is row i of its first half, row 2i + 1 that of its second.
int64_t half_row(const PlannedTensor& tensor, int64_t row) {
  const int64_t head_rows = tensor.target.shape.front() / tensor.heads;
  const int64_t in_head = row % head_rows;
  return row - in_head + in_head / 2 + in_head % 2 * (head_rows / 2);
}

void read_row_by_row(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                     std::span<std::byte> out) {
  const auto bytes =
      static_cast<size_t>(row_bytes(tensor.source->type, row_size(tensor.target.shape)));
  int64_t row = first / row_size(tensor.target.shape);
  for (size_t at = 0; at < out.size(); at += bytes, ++row) {
    read(*tensor.source, half_row(tensor, row) * static_cast<int64_t>(bytes),
         out.subspan(at, bytes));
  }
}

/// Rows of the target are columns of the source: a slice of each of its rows.
void read_transposed(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                     std::span<std::byte> out) {
  const Shape& shape = tensor.target.shape;
  const auto size = static_cast<size_t>(row_bytes(tensor.source->type, 1));
  const auto columns = static_cast<size_t>(shape[1]);
  const size_t rows = out.size() / size / columns;
  std::vector<std::byte> slice(rows * size);
  for (size_t k = 0; k < columns; ++k) {
    const int64_t element = source_element(tensor, first + static_cast<int64_t>(k));
    read(*tensor.source, element * static_cast<int64_t>(size), slice);
    for (size_t r = 0; r < rows; ++r) {
      std::memcpy(&out[(r * columns + k) * size], &slice[r * size], size);
    }
  }
}

template <typename T>
void read_numbers(std::span<const std::byte> bytes, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    values[i] = static_cast<float>(value);
  }
}

/// Values at `bytes` as floats; those of F64 are rounded, to infinity if they are beyond F32.
void read_values(DType type, std::span<const std::byte> bytes, std::span<float> values) {
  switch (type) {
    case DType::f64:
      return read_numbers<double>(bytes, values);
    case DType::i16:
      return read_numbers<int16_t>(bytes, values);
    case DType::i8:
      return read_numbers<int8_t>(bytes, values);
    default:
      return dequantize_row(type, bytes.data(), values.data(), std::ssize(values));
  }
}

/// Integers become what they stand for. `first`: the element of the target that they begin with.
void undo_scale(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                std::span<float> values) {
  const TensorView& scale = *tensor.scale;
  const auto columns = static_cast<size_t>(tensor.target.shape.back());
  std::vector<float> divisors(values.size() / columns, 1);  // of rows of zeros
  const auto read_scales = [&](int64_t row, std::span<float> out) {
    read(scale, row_bytes(scale.type, row), std::as_writable_bytes(out));
  };
  if (scale.shape.empty()) {
    read_scales(0, std::span(divisors).first(1));
    std::ranges::fill(divisors, divisors[0]);
  } else {
    const int64_t row = source_element(tensor, first) / tensor.target.shape.back();
    const int64_t there = std::min(std::ssize(divisors), scale.shape[0] - row);
    if (there > 0) read_scales(row, std::span(divisors).first(static_cast<size_t>(there)));
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] /= divisors[i / columns];
}

}  // namespace

int64_t source_element(const PlannedTensor& tensor, int64_t index) {
  const int64_t columns = row_size(tensor.target.shape);
  const int64_t row = index / columns, column = index % columns;
  switch (tensor.order) {
    case RowOrder::same:
      return tensor.first_row * columns + index;
    case RowOrder::transposed:
      return column * tensor.target.shape.front() + row;
    case RowOrder::halves_of_heads:
    case RowOrder::halves_of_kv_heads:
      return half_row(tensor, row) * columns + column;
  }
  return index;
}

void read_rows(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
               std::span<std::byte> out) {
  if (tensor.order == RowOrder::same) {
    read_in_order(tensor, first, read, out);
  } else if (tensor.order == RowOrder::transposed) {
    read_transposed(tensor, first, read, out);
  } else {
    read_row_by_row(tensor, first, read, out);
  }
}

void read_floats(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                 std::vector<std::byte>& bytes, std::span<float> out) {
  const DType type = tensor.source->type;
  bytes.resize(static_cast<size_t>(row_bytes(type, std::ssize(out))));
  read_rows(tensor, first, read, bytes);
  read_values(type, bytes, out);
  if (tensor.scale) undo_scale(tensor, first, read, out);
}

}  // namespace heed
