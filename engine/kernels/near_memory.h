// How kernels that stream packed weights, keys and values ask for them in time. Included before
// generic/*.inl by the files of AVX2 and AVX-512; far_memory.h is the twin for AMX.
#pragma once

#include <cstdint>

namespace heed {
namespace {

/// Bytes ahead of the loads of one stream of weights.
inline constexpr int64_t kPrefetchBytes = 2048;

/// To which cache, as __builtin_prefetch counts: the nearest cache.
inline constexpr int kPrefetchTo = 3;

}  // namespace
}  // namespace heed
