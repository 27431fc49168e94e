// Rows of floats for avx2: the generic kernels over its Vec.
#include "engine/kernels/avx2_vec.h"
#include "engine/kernels/generic/rows.inl"

void heed::avx2::set_rows(Kernels& table) {
  fill_rows(table);
}
