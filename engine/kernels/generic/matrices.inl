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
    const float factor = usable ? 127.0f / max : 0.0f;
    out.scales[row * blocks + i] = usable             ? max / 127.0f
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
