// The table for AMX tile/int8/bf16 (Sapphire Rapids and later), which come with AVX512_BF16.
#include "engine/kernels/tables.h"

namespace heed {

Kernels amx_table() {
  Kernels t = avx512_table(/*with_bf16=*/true);
  t.name = "amx";
  t.isa = Isa::amx;
  amx::set_matrices(t);
  amx::set_attention(t);
  return t;
}

}  // namespace heed
