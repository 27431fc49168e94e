// What the softmaxes of 16 rows that tiles of AMX make share: their maxima, found together.
// Included after avx512_vec.h by amx_attention.cpp.
#pragma once

#include "engine/kernels/avx512_vec.h"

namespace heed {
namespace {

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
