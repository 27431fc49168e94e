// Matrix products on AVX2: the generic kernels over 8 lanes, vpmaddubsw for codes.
#include "engine/kernels/avx2_vec.h"

#include "engine/kernels/avx2_bytes.h"

namespace heed {
namespace {

// Of 16 registers: two parts of 6 rows, the parts' weights, a broadcast value.
inline constexpr int kDenseTileRows = 6;

// 2 rows: two parts' float and integer sums, the parts' codes, a broadcast quad, ones, products.
inline constexpr int kQuantizedTileRows = 2;

}  // namespace
}  // namespace heed

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
