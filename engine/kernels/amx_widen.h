// Brings tiles of keys and values of 8 bits into the form of those in bf16, which tiles of AMX
// take. Included by amx_attention.cpp.
#pragma once

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/avx512_bytes.h"
#include "engine/kernels/kernels.h"

namespace heed {
namespace {

/// 32 codes as numbers in bf16.
inline void widen(const std::byte* codes, Vec first_scales, Vec last_scales, std::byte* out) {
  store_bf16(to_float(load_i8(codes)) * first_scales,
             to_float(load_i8(codes + kLanes)) * last_scales, out);
}

/// A tile of keys of 8 bits in bf16: rows of 16 tokens' pairs of numbers.
inline void widen_keys(const std::byte* tile, int64_t width, std::byte* out) {
  const Vec scales = load(reinterpret_cast<const float*>(tile + kTileTokens * width));
  Vec first, last;
  join_pairs(scales, scales, first, last);
  for (int64_t i = 0; i < kTileTokens * width; i += kTileRowBytes / 2)
    widen(tile + i, first, last, out + 2 * i);
}

/// A tile of values: rows of pairs of tokens, and each of them has a scale.
inline void widen_values(const std::byte* tile, int64_t width, std::byte* out) {
  const auto* scales = reinterpret_cast<const float*>(tile + kTileTokens * width);
  for (int64_t pair = 0; pair < kTileTokens; pair += 2) {
    Vec both, same;
    join_pairs(broadcast(scales[pair]), broadcast(scales[pair + 1]), both, same);
    for (int64_t i = pair * width; i < (pair + 2) * width; i += kTileRowBytes / 2)
      widen(tile + i, both, both, out + 2 * i);
  }
}

}  // namespace
}  // namespace heed
