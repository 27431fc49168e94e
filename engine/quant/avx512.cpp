// The writers of rows for AVX-512: 16 lanes.
namespace heed {
namespace {
inline constexpr int kLanes = 16;
}
}  // namespace heed

#include "engine/quant/generic/row_writers.inl"

const heed::RowWriters heed::kAvx512RowWriters = kGenericWriters;
