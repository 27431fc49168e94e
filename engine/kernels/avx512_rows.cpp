// Rows of floats for avx512: the generic kernels over its Vec.
#include "engine/kernels/avx512_vec.h"
#include "engine/kernels/generic/rows.inl"

void heed::avx512::set_rows(Kernels& table) {
  fill_rows(table);
}
