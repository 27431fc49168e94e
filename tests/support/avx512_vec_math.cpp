#include "engine/kernels/avx512_vec.h"
#include "engine/kernels/bf16_math.h"
#include "tests/support/vec_math.inl"

heed::VecMath heed::avx512_vec_math() {
  VecMath math = kVecMath;
  math.brief_exp2 = apply<brief_exp2>;
  math.brief_silu = apply<brief_silu>;
  math.brief_gelu = apply<brief_gelu>;
  math.brief_gelu_tanh = apply<brief_gelu_tanh>;
  return math;
}
