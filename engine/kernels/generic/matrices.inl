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

/// Squares of what rounding a block, times `factor`, loses, summed in pairs: column i and i + 16,
/// then halves onto halves, as scalar_matmul.cpp does.
inline float rounding_loss(const Vec* block, float factor) {
  constexpr int kHalf = kRecordColumns / kLanes / 2;
  Vec sum = zero();
  for (int j = 0; j < kHalf; ++j) {
    const Vec low = block[j] * broadcast(factor), high = block[j + kHalf] * broadcast(factor);
    const Vec lost_low = low - round(low), lost_high = high - round(high);
    const Vec pair = fma(lost_high, lost_high, lost_low * lost_low);
    sum = j == 0 ? pair : sum + pair;
  }
  return sum_of_lanes(sum);
}

/// The step count of kQ8Steps that loses least of a block whose largest magnitude is `max`.
inline float best_steps(const Vec* block, float max) {
  float best = kQ8Steps[0];
  float least = rounding_loss(block, best / max) * kQ8StepArea[0];
  for (int c = 1; c < kQ8Choices; ++c) {
    const float loss = rounding_loss(block, kQ8Steps[c] / max) * kQ8StepArea[c];
    if (loss < least) {
      least = loss;
      best = kQ8Steps[c];
    }
  }
  return best;
}

void quantize_q8(const float* x, const Q8Rows& out, int64_t row) {
  constexpr int kVectors = kRecordColumns / kLanes;
  constexpr int32_t kInfinity = 0x7f800000;
  const int64_t blocks = out.columns / kRecordColumns;
  for (int64_t i = 0; i < blocks; ++i, x += kRecordColumns) {
    Vec in[kVectors];
    for (int j = 0; j < kVectors; ++j) in[j] = load(x + j * kLanes);
    Ints most = magnitude(in[0]);
    for (int j = 1; j < kVectors; ++j) most = larger(most, magnitude(in[j]));
    const int32_t bits = largest_lane(most);

    float max;
    __builtin_memcpy(&max, &bits, sizeof max);
    const bool usable = bits < kInfinity && max >= kQ8Smallest;
    const float steps = usable ? best_steps(in, max) : 0.0f;
    const float factor = usable ? steps / max : 0.0f;
    out.scales[row * blocks + i] = usable             ? max / steps
                                   : bits < kInfinity ? 0.0f
                                                      : __builtin_nanf("");
    Ints sums[2] = {zero_ints(), zero_ints()};
    for (int j = 0; j < kVectors; ++j) {
      const Ints values = usable ? round_to_int(in[j] * broadcast(factor)) : zero_ints();
      store_int8(values, out.values + row * out.columns + i * kRecordColumns + j * kLanes);
      sums[j * kLanes / 16] = plus(sums[j * kLanes / 16], values);
    }
    for (int g = 0; g < 2; ++g) out.sums[(row * blocks + i) * 2 + g] = sum_of_lanes(sums[g]);
  }
}

}  // namespace
}  // namespace heed
