#include "engine/kernels/avx2_vec.h"
#include "tests/support/vec_math.inl"

heed::VecMath heed::avx2_vec_math() {
  return kVecMath;
}
