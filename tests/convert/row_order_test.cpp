#include "engine/convert/row_order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace heed {
namespace {

/// Elements [first, first + count) of a target made of the numbers 0, 1, 2 ...
std::vector<float> read(const Shape& source_shape, const PlannedTensor& planned, int64_t first,
                        int64_t count) {
  std::vector<float> values(static_cast<size_t>(element_count(source_shape)));
  std::iota(values.begin(), values.end(), 0.0f);
  const TensorView source{.name = "t",
                          .type = DType::f32,
                          .shape = source_shape,
                          .data = std::as_bytes(std::span(values))};
  PlannedTensor tensor = planned;
  tensor.source = &source;
  std::vector<float> out(static_cast<size_t>(count));
  read_rows(
      tensor, first,
      [](const TensorView& from, int64_t offset, std::span<std::byte> bytes) {
        std::memcpy(bytes.data(), from.data.data() + offset, bytes.size());
      },
      std::as_writable_bytes(std::span(out)));
  for (int64_t i = 0; i < count; ++i) {
    CHECK(out[static_cast<size_t>(i)] == static_cast<float>(source_element(tensor, first + i)));
  }
  return out;
}

PlannedTensor target(const Shape& shape, RowOrder order, int64_t heads = 1) {
  return {.target = {"t", DType::f32, shape}, .order = order, .heads = heads};
}

}  // namespace

TEST_CASE("rows as they are") {
  CHECK(read({3, 2}, target({3, 2}, RowOrder::same), 2, 4) == std::vector<float>{2, 3, 4, 5});
}

TEST_CASE("rows of the target are columns of a transposed source") {
  const PlannedTensor tensor = target({3, 2}, RowOrder::transposed);
  CHECK(read({2, 3}, tensor, 0, 6) == std::vector<float>{0, 3, 1, 4, 2, 5});
  CHECK(read({2, 3}, tensor, 2, 4) == std::vector<float>{1, 4, 2, 5});
}

TEST_CASE("the halves of each head are dealt in turn, of matrices and of biases") {
  const PlannedTensor matrix = target({8, 1}, RowOrder::halves_of_heads, 2);
  CHECK(read({8, 1}, matrix, 0, 8) == std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7});
  CHECK(read({8, 1}, matrix, 3, 2) == std::vector<float>{3, 4});
  const PlannedTensor wide = target({4, 2}, RowOrder::halves_of_kv_heads, 1);
  CHECK(read({4, 2}, wide, 0, 8) == std::vector<float>{0, 1, 4, 5, 2, 3, 6, 7});
  const PlannedTensor bias = target({8}, RowOrder::halves_of_kv_heads, 2);
  CHECK(read({8}, bias, 0, 8) == std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7});
}

TEST_CASE("one of several tensors that lie one below the other") {
  PlannedTensor second = target({2, 3}, RowOrder::same);
  second.first_row = 2;
  CHECK(read({6, 3}, second, 0, 6) == std::vector<float>{6, 7, 8, 9, 10, 11});
  CHECK(read({6, 3}, second, 3, 3) == std::vector<float>{9, 10, 11});
  PlannedTensor bias = target({2}, RowOrder::same);
  bias.first_row = 4;
  CHECK(read({6}, bias, 0, 2) == std::vector<float>{4, 5});
}

TEST_CASE("rows behind the source's last one are zeros") {
  PlannedTensor tensor = target({3, 2}, RowOrder::same);
  const float numbers[] = {1, 2, 3, 4};
  const TensorView source{
      .name = "t", .type = DType::f32, .shape = {2, 2}, .data = std::as_bytes(std::span(numbers))};
  tensor.source = &source;
  const auto rows_from = [&](int64_t first, size_t count) {
    std::vector<float> out(count, 7);
    read_rows(
        tensor, first,
        [](const TensorView& from, int64_t offset, std::span<std::byte> bytes) {
          std::memcpy(bytes.data(), from.data.data() + offset, bytes.size());
        },
        std::as_writable_bytes(std::span(out)));
    return out;
  };
  CHECK(rows_from(2, 4) == std::vector<float>{3, 4, 0, 0});
  CHECK(rows_from(4, 2) == std::vector<float>{0, 0});
}

}  // namespace heed
