// As near_memory.h, for the servers that have AMX: their last-level cache lies behind a mesh and
// answers late, and a core has few buffers for what its nearest cache misses. So they ask the
// second-level cache.
#pragma once

namespace heed {
namespace {

inline constexpr int kPrefetchTo = 2;

}  // namespace
}  // namespace heed
