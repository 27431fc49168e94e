// The table for AVX-512 F/BW/DQ/VL/VNNI (Ice Lake, Zen 4 and later): 16 lanes.
#include "engine/kernels/tables.h"

namespace heed {

Kernels avx512_table(bool with_bf16) {
  Kernels t = avx2_table();
  t.name = "avx512";
  t.isa = Isa::avx512;
  avx512::set_matrices(t);
  avx512::set_rows(t);
  avx512::set_attention(t);
  if (with_bf16) {
    bf16::set_matrices(t);
    bf16::set_attention(t);
  }
  return t;
}

}  // namespace heed
