#include "engine/kernels/avx512_vec.h"
#include "tests/support/vec_math.inl"

heed::VecMath heed::avx512_vec_math() {
  return kVecMath;
}
