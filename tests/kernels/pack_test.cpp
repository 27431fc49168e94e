#include "engine/kernels/pack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/quant/quant.h"
#include "tests/kernels/matrices.h"

namespace heed {
namespace {

/// Row n of a panel as floats, through unpack_record or dense_value.
std::vector<float> panel_row(DType type, const std::byte* panel, int n, int64_t columns) {
  std::vector<float> row(static_cast<size_t>(columns));
  Record record;
  for (int64_t k = 0; k < columns; ++k) {
    float& value = row[static_cast<size_t>(k)];
    if (!is_quantized(type)) {
      value = dense_value(type, panel, n, k);
      continue;
    }
    const auto i = static_cast<int>(k % kRecordColumns);
    if (i == 0) unpack_record(type, panel, k / kRecordColumns, record);
    const auto code = static_cast<float>(record.code[n][i] - panel_format(type).zero);
    value = record.d[i / 16][n] * code + record.m[i / 16][n];
  }
  return row;
}

}  // namespace

TEST_CASE("a packed row holds the values of the file's row, bit for bit") {
  const Kernels& k = kernels(Isa::scalar);
  for (const DType type : kWeightTypes) {
    CAPTURE(info(type).name);
    const int64_t columns = info(type).block == kSuperBlock ? 512 : info(type).block == 1 ? 37 : 96;
    constexpr int64_t kRows = 21;
    const Matrix m(k, type, kRows, columns, 1);
    std::vector<float> expected(static_cast<size_t>(columns));
    for (int64_t row = 0; row < kRows; ++row) {
      CAPTURE(row);
      dequantize_row(type, m.file.data() + row * row_bytes(type, columns), expected.data(),
                     columns);
      const auto n = static_cast<int>(row % kPanelRows);
      CHECK(panel_row(type, m.panels.panel(row / kPanelRows), n, columns) == expected);
    }
  }
}

TEST_CASE("the parts of a packed float add up to it, bit for bit") {
  constexpr int64_t kRows = 13, kColumns = 96, kTile = kPanelRows * kRecordColumns;
  const std::vector<std::byte> file = random_rows(DType::f32, kRows, kColumns, 1);
  std::vector<uint16_t> panel(panel_bytes_in_parts(kColumns) / sizeof(uint16_t), 7);
  pack_parts(file.data(), kRows, kColumns, reinterpret_cast<std::byte*>(panel.data()));
  const auto* values = reinterpret_cast<const float*>(file.data());
  for (int64_t n = 0; n < kPanelRows; ++n) {
    for (int64_t k = 0; k < kColumns; ++k) {
      const int64_t in_tile = (k % kRecordColumns / 2 * kPanelRows + n) * 2 + k % 2;
      const uint16_t* largest = &panel[k / kRecordColumns * kF32Parts * kTile + in_tile];
      float sum = 0;
      for (int64_t part = kF32Parts; part-- > 0;) sum += bf16_to_f32(largest[part * kTile]);
      CHECK(sum == (n < kRows ? values[n * kColumns + k] : 0));
    }
  }
}

TEST_CASE("the rows that pad the last panel are zero") {
  const Kernels& k = kernels(Isa::scalar);
  for (const DType type : kWeightTypes) {
    CAPTURE(info(type).name);
    const int64_t columns = std::max(64, info(type).block);
    const Matrix m(k, type, 3, columns, 1);
    const std::vector<float> zeros(static_cast<size_t>(columns));
    for (int n = 3; n < kPanelRows; ++n)
      CHECK(panel_row(type, m.panels.panel(0), n, columns) == zeros);
  }
}

TEST_CASE("panels are about as large as the file's rows") {
  for (const DType type : kWeightTypes) {
    CAPTURE(info(type).name);
    const int64_t packed = panel_bytes(type, 1024);
    const int64_t file = kPanelRows * row_bytes(type, 1024);
    CHECK(packed % kPanelAlign == 0);
    CHECK(packed >= file);
    CHECK(packed <= file + file / 18);  // q3_k, the worst: 3.625 bits a weight for 3.4375
  }
  CHECK(panel_bytes(DType::i32, 1024) == 0);
}

TEST_CASE("pack writes its panel and nothing else") {
  for (const DType type : kWeightTypes) {
    CAPTURE(info(type).name);
    const int64_t columns = info(type).block == 1 ? 37 : info(type).block;
    const int64_t size = panel_bytes(type, columns);
    const AlignedBytes bytes(size + kPanelAlign);
    std::fill_n(bytes.data(), size + kPanelAlign, std::byte{0xa5});
    const std::vector<std::byte> file = random_rows(type, kPanelRows, columns, 2);
    pack_panel(type, file.data(), kPanelRows, columns, bytes.data());
    CHECK(std::all_of(bytes.data() + size, bytes.data() + size + kPanelAlign,
                      [](std::byte b) { return b == std::byte{0xa5}; }));
  }
}

}  // namespace heed
