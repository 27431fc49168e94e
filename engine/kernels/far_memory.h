// As near_memory.h, for the servers that have AMX: their last-level cache lies behind a mesh and
// answers late, and a core has few buffers for what its nearest cache misses. Asking the
// second-level cache, and four times as far ahead, makes decoding a third faster there.
#pragma once

#include <cstdint>

namespace heed {
namespace {

inline constexpr int64_t kPrefetchBytes = 8192;
inline constexpr int kPrefetchTo = 2;

}  // namespace
}  // namespace heed
