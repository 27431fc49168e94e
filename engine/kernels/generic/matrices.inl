// What the "matrices" entries of a table need over Vec, Bytes and Ints. Included by
// <isa>_matmul.cpp after <isa>_vec.h and <isa>_bytes.h.
#pragma once

#include "engine/kernels/generic/vec_math.inl"

#include "engine/kernels/generic/matmul.inl"

#include "engine/kernels/generic/dense_matmul.inl"
#include "engine/kernels/generic/quantized_matmul.inl"

namespace heed {
namespace {

const MatrixKernels& matrix_kernels(DType type) {
  switch (type) {
    case DType::f16:
      return DenseKernels<DType::f16>::kernels;
    case DType::bf16:
      return DenseKernels<DType::bf16>::kernels;
    case DType::q4_0:
      return QuantizedKernels<DType::q4_0>::kernels;
    case DType::q4_1:
      return QuantizedKernels<DType::q4_1>::kernels;
    case DType::q5_0:
      return QuantizedKernels<DType::q5_0>::kernels;
    case DType::q5_1:
      return QuantizedKernels<DType::q5_1>::kernels;
    case DType::q8_0:
      return QuantizedKernels<DType::q8_0>::kernels;
    case DType::iq4_nl:
      return QuantizedKernels<DType::iq4_nl>::kernels;
    case DType::q2_k:
      return QuantizedKernels<DType::q2_k>::kernels;
    case DType::q3_k:
      return QuantizedKernels<DType::q3_k>::kernels;
    case DType::q4_k:
      return QuantizedKernels<DType::q4_k>::kernels;
    case DType::q5_k:
      return QuantizedKernels<DType::q5_k>::kernels;
    case DType::q6_k:
      return QuantizedKernels<DType::q6_k>::kernels;
    default:
      return DenseKernels<DType::f32>::kernels;
  }
}

/// Blocks that share a reduction of lanes: four sums of 16 values are those of two blocks.
inline constexpr int64_t kMagnitudes = 4, kSums = 2;

/// The largest magnitudes of up to kMagnitudes blocks; NaN or infinity if a block holds one.
inline void largest_magnitudes(const float* x, int64_t count, float* out) {
  Ints most[kMagnitudes];
  for (int64_t i = 0; i < kMagnitudes; ++i) {
    most[i] = zero_ints();
    if (i >= count) continue;
    for (int j = 0; j < kRecordColumns; j += kLanes)
      most[i] = larger(most[i], magnitude(load(x + i * kRecordColumns + j)));
  }
  int32_t bits[kMagnitudes];
  reduce_four(most, larger, bits);
  __builtin_memcpy(out, bits, sizeof bits);
}

/// Rounds up to kSums blocks times their factors, which are 0 where there is nothing to round.
inline void round_blocks(const float* x, const float* factors, int64_t count, int8_t* values,
                         int32_t* sums) {
  Ints groups[2 * kSums];
  for (int64_t i = 0; i < kSums; ++i) {
    groups[2 * i] = groups[2 * i + 1] = zero_ints();
    if (i >= count) continue;
    for (int j = 0; j < kRecordColumns; j += kLanes) {
      const int64_t at = i * kRecordColumns + j;
      // 0 is kept from meeting an infinity.
      const Ints rounded =
          factors[i] != 0 ? round_to_int(load(x + at) * broadcast(factors[i])) : zero_ints();
      store_int8(rounded, values + at);
      Ints& group = groups[2 * i + j / 16];
      group = plus(group, rounded);
    }
  }
  int32_t all[2 * kSums];
  reduce_four(groups, plus, all);
  __builtin_memcpy(sums, all, static_cast<size_t>(count) * 2 * sizeof *sums);
}

/// As many blocks at a time as a vector has lanes, stage by stage: what one block needs is a chain
/// of operations that wait for each other, but the blocks do not wait for each other.
void quantize_blocks(const float* x, int64_t blocks, int8_t* values, float* scales, int32_t* sums) {
  for (int64_t first = 0; first < blocks; first += kLanes) {
    const int64_t count = smaller(blocks - first, kLanes);
    alignas(kPanelAlign) float numbers[kLanes] = {};
    for (int64_t i = 0; i < count; i += kMagnitudes)
      largest_magnitudes(x + (first + i) * kRecordColumns, smaller(count - i, kMagnitudes),
                         numbers + i);
    const Vec max = load(numbers);
    const Mask finite = max < broadcast(__builtin_inff());
    const auto where_usable = [&](Vec yes) {
      return select(max < broadcast(kQ8Smallest), zero(), select(finite, yes, zero()));
    };
    const Vec scale = where_usable(max / broadcast(kQ8Steps));
    store_first(select(finite, scale, broadcast(__builtin_nanf(""))), scales + first, count);
    store(where_usable(broadcast(kQ8Steps) / max), numbers);
    for (int64_t i = 0; i < count; i += kSums) {
      const int64_t block = first + i;
      round_blocks(x + block * kRecordColumns, numbers + i, smaller(count - i, kSums),
                   values + block * kRecordColumns, sums + 2 * block);
    }
  }
}

/// The block whose scale squared is more than half of what all others have together; -1 if there is
/// none.
inline int64_t outlier_block(const float* scales, int64_t blocks) {
  int64_t coarsest = 0;
  float largest = scales[0], squares = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    coarsest = scales[i] > largest ? i : coarsest;
    largest = scales[coarsest];
    squares = __builtin_fmaf(scales[i], scales[i], squares);
  }
  return kOutlierShare * largest * largest > squares ? coarsest : -1;
}

inline void quantize_q8(const float* x, const Q8Rows& out, int64_t row) {
  const int64_t blocks = out.columns / kRecordColumns;
  int8_t* values = out.values + row * out.blocks() * kRecordColumns;
  float* scales = out.scales + row * out.blocks();
  int32_t* sums = out.sums + row * out.blocks() * 2;
  quantize_blocks(x, blocks, values, scales, sums);
  const int64_t coarsest = outlier_block(scales, blocks);
  out.rest[row] = static_cast<int32_t>(coarsest);
  if (coarsest < 0) return;
  const Vec scale = broadcast(scales[coarsest]);
  float rest[kRecordColumns];
  for (int j = 0; j < kRecordColumns; j += kLanes) {
    const int64_t at = coarsest * kRecordColumns + j;
    store(fnma(to_float(load_i8(values + at)), scale, load(x + at)), rest + j);
  }
  quantize_blocks(rest, 1, values + blocks * kRecordColumns, scales + blocks, sums + 2 * blocks);
}

}  // namespace
}  // namespace heed
