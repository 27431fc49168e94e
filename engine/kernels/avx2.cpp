// The table for AVX2 + FMA + F16C + BMI2 (Haswell, Zen and later): 8 lanes.
#include "engine/kernels/tables.h"

namespace heed {

Kernels avx2_table() {
  Kernels t = scalar_table();
  t.name = "avx2";
  t.isa = Isa::avx2;
  avx2::set_matrices(t);
  avx2::set_rows(t);
  avx2::set_attention(t);
  return t;
}

}  // namespace heed
