// What softmaxes of 16 rows share, rows that tiles of AMX make: a reduction for all of them at
// once. Included after avx512_vec.h by amx_attention.cpp and amx_heads.cpp.
#pragma once

#include "engine/kernels/avx512_vec.h"

namespace heed {
namespace {

/// Lane i: all lanes of x[i] as one, by `join`, which is associative.
template <typename Join>
inline Vec joined_each(const Vec (&x)[kLanes], Join join) {
  const auto halves = [=](Vec a, Vec b) {  // lanes of 128 bits: a a b b
    return join(Vec{_mm512_shuffle_f32x4(a.v, b.v, 0x44)},
                Vec{_mm512_shuffle_f32x4(a.v, b.v, 0xee)});
  };
  const auto quarters = [=](Vec aabb, Vec ccdd) {  // a b c d
    return join(Vec{_mm512_shuffle_f32x4(aabb.v, ccdd.v, 0x88)},
                Vec{_mm512_shuffle_f32x4(aabb.v, ccdd.v, 0xdd)});
  };
  const auto column = [&](int i) {
    return quarters(halves(x[i], x[i + 4]), halves(x[i + 8], x[i + 12]));
  };
  const auto pairs = [=](Vec a, Vec b) {  // within each lane: a b a b
    return join(Vec{_mm512_unpacklo_ps(a.v, b.v)}, Vec{_mm512_unpackhi_ps(a.v, b.v)});
  };
  const Vec abab = pairs(column(0), column(1)), cdcd = pairs(column(2), column(3));
  return join(Vec{_mm512_shuffle_ps(abab.v, cdcd.v, 0x44)},
              Vec{_mm512_shuffle_ps(abab.v, cdcd.v, 0xee)});
}

/// Lane i: the largest lane of x[i].
inline Vec largest_of_each(const Vec (&x)[kLanes]) {
  return joined_each(x, [](Vec a, Vec b) { return max(a, b); });
}

/// Lane i: the sum of the lanes of x[i].
inline Vec sum_of_each(const Vec (&x)[kLanes]) {
  return joined_each(x, [](Vec a, Vec b) { return a + b; });
}

}  // namespace
}  // namespace heed
