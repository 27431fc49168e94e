// The writers of rows for any CPU: 4 lanes; GCC and clang make them out of whatever it has.
namespace heed {
namespace {
inline constexpr int kLanes = 4;
}
}  // namespace heed

#include "engine/quant/generic/row_writers.inl"

const heed::RowWriters heed::kScalarRowWriters = kGenericWriters;
