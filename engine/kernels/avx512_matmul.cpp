// Matrix products on AVX-512 with VNNI: the generic kernels over 16 lanes, vpdpbusd for codes.
#include "engine/kernels/near_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/matrices.inl"

namespace heed {

int64_t avx512::matmul_scratch(DType type, int64_t columns, int64_t rows) noexcept {
  return scratch_bytes(matrix_kernels(type), columns, rows);
}

void avx512::matmul(const MatmulArgs& args) noexcept {
  multiply(matrix_kernels(args.w->type), args);
}

void avx512::set_matrices(Kernels& table) {
  table.matmul_scratch = matmul_scratch;
  table.matmul = matmul;
  table.quantize_q8 = quantize_q8;
}

}  // namespace heed
