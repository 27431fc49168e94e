// Matrix products on AVX-512 with VNNI: the generic kernels over 16 lanes, vpdpbusd for codes.
#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

namespace heed {
namespace {

// Of 32 registers: two parts of 14 rows, the parts' weights, a broadcast value.
inline constexpr int kDenseTileRows = 14;

// 6 rows: two parts' float and integer sums, the parts' codes, a broadcast quad.
inline constexpr int kQuantizedTileRows = 6;

}  // namespace
}  // namespace heed

#include "engine/kernels/generic/matrices.inl"

void heed::avx512::set_matrices(Kernels& table) {
  fill_matrices(table);
}
