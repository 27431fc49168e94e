// The functions of engine/kernels/generic/vec_math.inl as each instruction set compiles them:
// they have no entry of their own in the kernel table. Call one only where the machine has it.
#pragma once

#include <cstdint>

namespace heed {

struct VecMath {
  void (*exp)(const float* x, int64_t n, float* out);  // n a multiple of 16, here and below
  void (*normal_exp2_of_nonpositive)(const float* x, int64_t n, float* out);
  void (*exp2_of_nonpositive)(const float* x, int64_t n, float* out);
  void (*erf)(const float* x, int64_t n, float* out);
  void (*tanh)(const float* x, int64_t n, float* out);
  // Those of bf16_math.h, or null.
  void (*brief_exp2)(const float* x, int64_t n, float* out) = nullptr;
  void (*brief_silu)(const float* x, int64_t n, float* out) = nullptr;
  void (*brief_gelu)(const float* x, int64_t n, float* out) = nullptr;
  void (*brief_gelu_tanh)(const float* x, int64_t n, float* out) = nullptr;
};

VecMath avx2_vec_math();
VecMath avx512_vec_math();

}  // namespace heed
