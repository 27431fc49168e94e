// Products that tiles of AMX do not take, those of few rows and of f32, on the vector units: the
// kernels of avx512_matmul.cpp for machines that have AMX (far_memory.h).
#include "engine/kernels/far_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/matrices.inl"

namespace heed {

void amx::matmul_by_vectors(const MatmulArgs& args) noexcept {
  multiply(matrix_kernels(args.w->type), args);
}

}  // namespace heed
