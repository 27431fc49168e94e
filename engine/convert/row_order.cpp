#include "engine/convert/row_order.h"

#include <algorithm>
#include <cstring>
#include <vector>

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

}  // namespace heed
