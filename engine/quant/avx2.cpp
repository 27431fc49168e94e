// The writers of rows for AVX2: 8 lanes.
namespace heed {
namespace {
inline constexpr int kLanes = 8;
}
}  // namespace heed

#include "engine/quant/generic/row_writers.inl"

const heed::RowWriters heed::kAvx2RowWriters = kGenericWriters;
