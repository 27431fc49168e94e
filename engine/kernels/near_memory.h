// Into which cache kernels ask for packed weights, keys and values that they stream. Included
// before generic/*.inl by the files of AVX2 and AVX-512; far_memory.h is the twin for AMX.
#pragma once

namespace heed {
namespace {

/// As __builtin_prefetch counts: the nearest cache.
inline constexpr int kPrefetchTo = 3;

}  // namespace
}  // namespace heed
