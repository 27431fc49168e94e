// Writing the formats with one scale per block of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and IQ4_NL.
// Layouts and formulas: engine/quant/blocks.h. How scales are chosen: generic/fit.inl.
#pragma once

#include "engine/core/half.h"
#include "engine/quant/generic/block_values.inl"
#include "engine/quant/generic/fit.inl"

namespace heed {
namespace {

void pack_nibbles(const uint8_t (&codes)[kBlock], uint8_t (&qs)[kBlock / 2]) noexcept {
  constexpr int kBytes = kBlock / 2;
  for (int i = 0; i < kBytes; ++i)
    qs[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + kBytes] & 15) << 4);
}

void pack_fifth_bits(const uint8_t (&codes)[kBlock], uint8_t (&qh)[kBlock / 8]) noexcept {
  for (int i = 0; i < kBlock; ++i) qh[i / 8] |= static_cast<uint8_t>((codes[i] >> 4) << (i % 8));
}

template <typename Block, typename Levels, typename Weights>
Block encode_points(const Points<kBlock, Weights>& points) noexcept {
  Block block = {};
  BlockScales scales = {};
  if constexpr (requires { block.m; }) {
    scales = fit_scale_and_min<Levels>(points);
    block.m = scales.m;
  } else {
    scales.d = fit_scale<Levels>(points);
  }
  block.d = scales.d;

  uint8_t codes[kBlock];
  encode_values<Levels>(points, f16_to_f32(scales.d), f16_to_f32(scales.m), codes);
  pack_nibbles(codes, block.qs);
  if constexpr (requires { block.qh; }) pack_fifth_bits(codes, block.qh);
  return block;
}

/// A block of any of the formats whose codes lie in qs, with or without qh and m.
template <typename Block, typename Levels>
Block encode(const BlockValues<kBlock>& values) noexcept {
  using Equal = Points<kBlock, EqualWeights>;
  return values.weighted ? encode_points<Block, Levels>(Points<kBlock>{values.x, values.weight})
                         : encode_points<Block, Levels>(Equal{.x = values.x, .weight = {}});
}

template <typename Weights>
BlockQ8_0 encode_q8_0_points(const Points<kBlock, Weights>& points) noexcept {
  using Levels = IntegerLevels<-127, 127>;  // -128 is left out: kernels negate these bytes
  BlockQ8_0 block = {.d = fit_scale<Levels>(points), .qs = {}};
  uint8_t codes[kBlock];
  encode_values<Levels>(points, f16_to_f32(block.d), 0.0f, codes);
  for (int i = 0; i < kBlock; ++i) block.qs[i] = static_cast<int8_t>(codes[i] - 127);
  return block;
}

BlockQ8_0 encode_q8_0(const BlockValues<kBlock>& values) noexcept {
  return values.weighted ? encode_q8_0_points(Points<kBlock>{values.x, values.weight})
                         : encode_q8_0_points(Points<kBlock, EqualWeights>{values.x, {}});
}

}  // namespace
}  // namespace heed
