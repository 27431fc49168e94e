// What the softmaxes of 16 rows that tiles of AMX make share: where scores lie, the room that
// weights have, the maxima of all rows, found together, and how a row is written. Included after
// avx512_vec.h by amx_attention.cpp and amx_heads.cpp.
#pragma once

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/kernels.h"

namespace heed {
namespace {

/// Floats from a tile of scores to the next: 16 rows, and one to keep them from lying 4 KiB apart,
/// where a load seems to depend on a store before.
inline constexpr int64_t kScoreFloats = (kTileRows + 1) * kTileTokens;

/// Totals of weights up to it leave room for sums of values as large.
inline constexpr float kMostTotal = 0x1p60f;

/// Writes a row of `n` sums times `factor`: to `out`, or if there is `halves` rounded, 32 numbers
/// and the next 32 of them `stride` on.
inline void put_row(const float* sums, int64_t n, Vec factor, float* out, uint16_t* halves,
                    int64_t stride) {
  for (int64_t d = 0; d < n; d += kRecordColumns) {
    const Vec x = load(sums + d) * factor, y = load(sums + d + kLanes) * factor;
    if (halves) {
      store_bf16(x, y, halves + d / kRecordColumns * stride);
    } else {
      store(x, out + d);
      store(y, out + d + kLanes);
    }
  }
}

/// Lane i: the largest lane of x[i].
inline Vec largest_of_each(const Vec (&x)[kLanes]) {
  const auto halves = [](Vec a, Vec b) {  // lanes of 128 bits: a a b b
    return max(Vec{_mm512_shuffle_f32x4(a.v, b.v, 0x44)},
               Vec{_mm512_shuffle_f32x4(a.v, b.v, 0xee)});
  };
  const auto quarters = [](Vec aabb, Vec ccdd) {  // a b c d
    return max(Vec{_mm512_shuffle_f32x4(aabb.v, ccdd.v, 0x88)},
               Vec{_mm512_shuffle_f32x4(aabb.v, ccdd.v, 0xdd)});
  };
  const auto column = [&](int i) {
    return quarters(halves(x[i], x[i + 4]), halves(x[i + 8], x[i + 12]));
  };
  const auto pairs = [](Vec a, Vec b) {  // within each lane: a b a b
    return max(Vec{_mm512_unpacklo_ps(a.v, b.v)}, Vec{_mm512_unpackhi_ps(a.v, b.v)});
  };
  const Vec abab = pairs(column(0), column(1)), cdcd = pairs(column(2), column(3));
  return max(Vec{_mm512_shuffle_ps(abab.v, cdcd.v, 0x44)},
             Vec{_mm512_shuffle_ps(abab.v, cdcd.v, 0xee)});
}

}  // namespace
}  // namespace heed
