// Random weight matrices in file form and packed, and random inputs, for the tests of the matrix
// kernels and their benchmark.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/core/half.h"
#include "engine/kernels/kernels.h"
#include "engine/quant/blocks.h"

namespace heed {

/// Every type a matrix can have.
inline constexpr DType kWeightTypes[] = {
    DType::f32,  DType::f16,  DType::bf16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
    DType::q8_0, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl};

/// Bytes that start on a kPanelAlign boundary.
class AlignedBytes {
 public:
  explicit AlignedBytes(int64_t size)
      : bytes_(static_cast<std::byte*>(
            ::operator new(static_cast<size_t>(size), std::align_val_t{kPanelAlign}))) {}
  std::byte* data() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{kPanelAlign}); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
};

/// Where a block keeps its f16 scales.
inline std::vector<size_t> scale_offsets(DType type) {
  switch (type) {
    case DType::q4_1:
      return {offsetof(BlockQ4_1, d), offsetof(BlockQ4_1, m)};
    case DType::q5_1:
      return {offsetof(BlockQ5_1, d), offsetof(BlockQ5_1, m)};
    case DType::q2_k:
      return {offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)};
    case DType::q3_k:
      return {offsetof(BlockQ3_K, d)};
    case DType::q4_k:
      return {offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)};
    case DType::q5_k:
      return {offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)};
    case DType::q6_k:
      return {offsetof(BlockQ6_K, d)};
    default:
      return {0};  // a plain number, or a block that starts with its only scale
  }
}

/// Rows in file form: every bit random, except that scales and plain numbers are about normal.
inline std::vector<std::byte> random_rows(DType type, int64_t rows, int64_t columns,
                                          uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::byte> bytes(static_cast<size_t>(rows * row_bytes(type, columns)));
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  const auto block = static_cast<size_t>(info(type).bytes);
  for (size_t at = 0; at < bytes.size(); at += block) {
    for (const size_t offset : scale_offsets(type)) {
      const float value = normal(random);
      const uint16_t half = type == DType::bf16 ? f32_to_bf16(value) : f32_to_f16(value);
      if (type == DType::f32) {
        std::memcpy(&bytes[at], &value, sizeof value);
      } else {
        std::memcpy(&bytes[at + offset], &half, sizeof half);
      }
    }
  }
  return bytes;
}

/// A random matrix, packed.
struct Matrix {
  std::vector<std::byte> file;  // [rows, columns] in file form
  AlignedBytes bytes;
  Panels panels;

  Matrix(const Kernels& k, DType type, int64_t rows, int64_t columns, uint32_t seed)
      : file(random_rows(type, rows, columns, seed)),
        bytes((rows + kPanelRows - 1) / kPanelRows * k.panel_bytes(type, columns)),
        panels{.type = type,
               .rows = rows,
               .columns = columns,
               .panel_bytes = k.panel_bytes(type, columns),
               .data = bytes.data()} {
    for (int64_t p = 0; p < panels.count(); ++p) {
      const int64_t count = std::min<int64_t>(kPanelRows, rows - p * kPanelRows);
      k.pack(type, file.data() + p * kPanelRows * row_bytes(type, columns), count, columns,
             bytes.data() + p * panels.panel_bytes);
    }
  }
};

/// Random input rows in all forms; no form is aligned beyond its elements. Every third row has a
/// few large numbers in some block, every ninth in several.
struct Input {
  int64_t rows, columns, stride;
  std::vector<float> f32;       // [rows, stride], from element 1
  std::vector<uint16_t> bf16;   // likewise
  std::vector<uint16_t> tiles;  // form bf16_tiles, from element 1
  std::vector<int8_t> values;   // [rows, blocks, 32], from element 1, as all of q8()
  std::vector<float> scales;
  std::vector<int32_t> sums, rest;

  Input(const Kernels& k, int64_t rows_, int64_t columns_, uint32_t seed, float magnitude = 1)
      : rows(rows_), columns(columns_), stride(columns_ + 3) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, magnitude);
    f32.resize(static_cast<size_t>(1 + rows * stride));
    for (float& x : f32) x = normal(random);
    for (int64_t r = 1; r < rows; r += 3) {
      for (int i = 0; i < (r % 9 == 1 ? 5 : 1); ++i) {
        const auto at = static_cast<int64_t>(random() % static_cast<uint32_t>(columns));
        f32[static_cast<size_t>(1 + r * stride + at)] *= 40;
      }
    }
    bf16.resize(f32.size());
    tiles.resize(static_cast<size_t>(1 + input_tiles(rows) * kInputTileRows * columns));
    const auto blocks = static_cast<size_t>(rows * Q8Rows{.columns = columns}.blocks());
    values.resize(1 + blocks * 32);
    scales.resize(1 + blocks);
    sums.resize(1 + blocks * 2);
    rest.resize(static_cast<size_t>(1 + rows));
    round(k);
  }

  /// Makes the other forms from f32.
  void round(const Kernels& k) {
    k.to_bf16(f32.data(), static_cast<int64_t>(f32.size()), bf16.data());
    if (columns % kRecordColumns != 0) return;
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = f32.data() + 1 + r * stride;
      k.to_bf16_tiles(row, columns, r, tiles.data() + 1);
      k.quantize_q8(row, q8(), r);
    }
  }

  Q8Rows q8() {
    return {.values = values.data() + 1,
            .scales = scales.data() + 1,
            .sums = sums.data() + 1,
            .rest = rest.data() + 1,
            .columns = columns};
  }

  MatmulInput view(InputForm form, int64_t count) {
    return {.form = form,
            .f32 = f32.data() + 1,
            .bf16 = (form == InputForm::bf16_tiles ? tiles : bf16).data() + 1,
            .stride = stride,
            .q8 = q8(),
            .rows = count};
  }
};

}  // namespace heed
