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

/// The largest magnitude of a block; NaN or infinity if it holds one.
inline float largest_magnitude(const float* x) {
  Ints most = magnitude(load(x));
  for (int j = kLanes; j < kRecordColumns; j += kLanes) {
    most = larger(most, magnitude(load(x + j)));
  }
  const int32_t bits = largest_lane(most);
  float max;
  __builtin_memcpy(&max, &bits, sizeof max);
  return max;
}

/// The step count of kQ8Steps that loses least of a block; `factor` is kQ8WordSteps / the largest
/// magnitude.
inline float best_steps(const float* x, float factor) {
  Ints losses[kQ8Choices];
  for (int j = 0; j < kRecordColumns; j += 2 * kLanes) {
    const Words all = to_words(round_to_int(load(x + j) * broadcast(factor)),
                               round_to_int(load(x + j + kLanes) * broadcast(factor)));
    for (int c = 0; c < kQ8Choices; ++c) {
      const Words steps = c == 0 ? all : times_ratio(all, kQ8Ratio[c]);
      const Ints squares = squares_of_low_bytes(steps);
      losses[c] = j == 0 ? squares : plus(losses[c], squares);
    }
  }
  int32_t sums[kQ8Choices];
  sums_of_lanes(losses, sums);
  // The choice in the lowest bits: the least of them needs no branch, which none could foresee.
  int64_t best = sums[0] * kQ8StepArea[0] * kQ8Choices;
  for (int c = 1; c < kQ8Choices; ++c) {
    const int64_t loss = sums[c] * kQ8StepArea[c] * kQ8Choices + c;
    best = loss < best ? loss : best;
  }
  return kQ8Steps[best % kQ8Choices];
}

/// Rounds a block times `factor`, which is 0 where there is nothing to round.
inline void round_block(const float* x, float factor, int8_t* values, int32_t* sums) {
  Ints group[2] = {zero_ints(), zero_ints()};
  for (int j = 0; j < kRecordColumns; j += kLanes) {
    const Ints rounded = factor != 0 ? round_to_int(load(x + j) * broadcast(factor)) : zero_ints();
    store_int8(rounded, values + j);
    group[j / 16] = plus(group[j / 16], rounded);
  }
  sums[0] = sum_of_lanes(group[0]);
  sums[1] = sum_of_lanes(group[1]);
}

/// As many blocks at a time as a vector has lanes, stage by stage: what one block needs is a chain
/// of operations that wait for each other, but the blocks do not wait for each other.
void quantize_q8(const float* x, const Q8Rows& out, int64_t row) {
  const int64_t blocks = out.columns / kRecordColumns;
  int8_t* values = out.values + row * out.columns;
  int32_t* sums = out.sums + row * blocks * 2;
  for (int64_t first = 0; first < blocks; first += kLanes) {
    const int64_t count = smaller(blocks - first, kLanes);
    alignas(kPanelAlign) float numbers[kLanes] = {};
    for (int64_t i = 0; i < count; ++i) {
      numbers[i] = largest_magnitude(x + (first + i) * kRecordColumns);
    }
    const Vec max = load(numbers);
    const Mask finite = max < broadcast(__builtin_inff());
    const auto where_usable = [&](Vec yes) {
      return select(max < broadcast(kQ8Smallest), zero(), select(finite, yes, zero()));
    };
    store(where_usable(broadcast(kQ8WordSteps) / max), numbers);
    for (int64_t i = 0; i < count; ++i) {
      numbers[i] = best_steps(x + (first + i) * kRecordColumns, numbers[i]);
    }
    const Vec steps = load(numbers);
    const Vec scale = select(finite, where_usable(max / steps), broadcast(__builtin_nanf("")));
    store_first(scale, out.scales + row * blocks + first, count);
    store(where_usable(steps / max), numbers);
    for (int64_t i = first; i < first + count; ++i) {
      round_block(x + i * kRecordColumns, numbers[i - first], values + i * kRecordColumns,
                  sums + 2 * i);
    }
  }
}

}  // namespace
}  // namespace heed
