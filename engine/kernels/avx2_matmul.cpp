// Matrix products on AVX2: the generic kernels over 8 lanes, vpmaddubsw for codes.
#include "engine/kernels/near_memory.h"

#include "engine/kernels/avx2_vec.h"

#include "engine/kernels/avx2_bytes.h"

#include "engine/kernels/generic/matrices.inl"

namespace heed {

void avx2::set_matrices(Kernels& table) {
  table.matmul_scratch = [](DType type, int64_t columns, int64_t rows) {
    return scratch_bytes(matrix_kernels(type), columns, rows);
  };
  table.matmul = [](const MatmulArgs& args) { multiply(matrix_kernels(args.w->type), args); };
  table.quantize_q8 = quantize_q8;
}

}  // namespace heed
