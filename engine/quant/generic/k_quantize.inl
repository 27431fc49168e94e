// Writing the K formats: super-blocks of 256 whose sub-blocks have small integer scales of their
// own. Layouts and formulas: engine/quant/blocks.h. How one block's scale is chosen:
// generic/fit.inl.
// Method: each sub-block is fitted as if its scale (and minimum) could be any number; these numbers
// are then themselves values to be written with few levels, of which each counts as much as the
// error grows with it. What rounding them did to the sub-blocks is mended in turns: integers move
// to neighbours where that helps, then d and dmin are fitted to all codes by least squares.
#pragma once

#include "engine/core/half.h"
#include "engine/quant/generic/block_values.inl"
#include "engine/quant/generic/fit.inl"

namespace heed {
namespace {

/// value = d * scale * level - dmin * min; sub-blocks of `size`.
template <typename LevelsOfValues, typename LevelsOfScales, int size>
struct KFormat {
  using Levels = LevelsOfValues;
  using Scales = LevelsOfScales;
  static constexpr int kSize = size;
  static constexpr int kCount = kSuperBlock / size;
  static constexpr bool kHasMin = Levels::kLowest == 0.0f;
  /// How far an integer may move at a time. Without a minimum that costs less, and gains as much.
  static constexpr int kScaleReach = kHasMin ? 1 : 4;
  static constexpr int kMinReach = kHasMin ? 1 : 0;
};

/// The integers of a sub-block.
struct SubScale {
  float scale = 0.0f;
  float min = 0.0f;
};

template <typename Format>
struct SuperScales {
  uint16_t d = 0;
  uint16_t dmin = 0;
  SubScale sub[Format::kCount];

  float step(SubScale s) const noexcept { return f16_to_f32(d) * s.scale; }
  float start(SubScale s) const noexcept { return -(f16_to_f32(dmin) * s.min); }
};

using SuperValues = BlockValues<kSuperBlock>;

template <typename Format>
Points<Format::kSize> sub_block(const SuperValues& values, int s) noexcept {
  return {values.x + Format::kSize * s, values.weight + Format::kSize * s};
}

/// Numbers as d * rounded, rounded being levels; returns d.
template <typename Levels, int count>
uint16_t round_all(const float (&numbers)[count], const float (&weights)[count],
                   float (&rounded)[count]) noexcept {
  const uint16_t d = fit_scale<Levels>(Points<count>{numbers, weights});
  const float inverse = inverse_scale(f16_to_f32(d));
  for (int s = 0; s < count; ++s)
    rounded[s] = Levels::nearest(all_lanes<Four>(numbers[s] * inverse))[0];
  return d;
}

/// dmin and the minima, from the line that fits each sub-block best.
template <typename Format>
void guess_mins(const SuperValues& values, SuperScales<Format>& scales) noexcept {
  float mins[Format::kCount];
  float weights[Format::kCount];
  for (int s = 0; s < Format::kCount; ++s) {
    const auto points = sub_block<Format>(values, s);
    ValueRange range = range_of(points);
    range.lowest = lesser(0.0f, range.lowest);  // the format has no minima above zero
    const Line<float> line = best_trial_line<typename Format::Levels>(points, range);
    mins[s] = greater(-line.intercept, 0.0f);
    weights[s] = 0.0f;
    for (int i = 0; i < Format::kSize; ++i) weights[s] += points.weight[i];
  }
  float rounded[Format::kCount];
  scales.dmin = round_all<typename Format::Scales>(mins, weights, rounded);
  for (int s = 0; s < Format::kCount; ++s) scales.sub[s].min = rounded[s];
}

/// d and the scales, from the scale that fits what the minimum leaves of each sub-block best.
template <typename Format>
void guess_scales(const SuperValues& values, SuperScales<Format>& scales) noexcept {
  float fitted[Format::kCount];
  float weights[Format::kCount];
  for (int s = 0; s < Format::kCount; ++s) {
    const auto points = sub_block<Format>(values, s);
    const float start = scales.start(scales.sub[s]);
    float x[Format::kSize];
    for (int i = 0; i < Format::kSize; ++i) x[i] = points.x[i] - start;
    const Points<Format::kSize> moved = {x, points.weight};
    fitted[s] = best_trial_scale<typename Format::Levels>(moved, range_of(moved));
    weights[s] = moments<typename Format::Levels>(moved, fitted[s], 0.0f).qq;
  }
  float rounded[Format::kCount];
  scales.d = round_all<typename Format::Scales>(fitted, weights, rounded);
  for (int s = 0; s < Format::kCount; ++s) scales.sub[s].scale = rounded[s];
}

/// The steps from a sub-block's integers to their neighbours.
template <typename Format>
struct Steps {
  static constexpr int kCount = (2 * Format::kScaleReach + 1) * (2 * Format::kMinReach + 1) - 1;
  float scale[kCount];
  float min[kCount];

  constexpr Steps() noexcept : scale(), min() {
    int t = 0;
    for (int i = -Format::kScaleReach; i <= Format::kScaleReach; ++i) {
      for (int j = -Format::kMinReach; j <= Format::kMinReach; ++j) {
        if (i == 0 && j == 0) continue;
        scale[t] = static_cast<float>(i);
        min[t] = static_cast<float>(j);
        ++t;
      }
    }
  }
};

/// Moves a sub-block's integers to their best neighbours, if one is better. Returns the error then.
template <typename Format>
float move_to_neighbour(const SuperValues& values, SuperScales<Format>& scales, int s) noexcept {
  using Levels = typename Format::Levels;
  using Scales = typename Format::Scales;
  static constexpr Steps<Format> kSteps;
  using L = LanesWithin<kSteps.kCount>;
  const auto points = sub_block<Format>(values, s);
  const float d = f16_to_f32(scales.d);
  const float dmin = f16_to_f32(scales.dmin);
  const SubScale from = scales.sub[s];
  float best_error = squared_error<Levels>(points, scales.step(from), scales.start(from));
  for (int t = 0; t < kSteps.kCount; t += kWidth<L>) {
    const L scale = clamp(from.scale + load<L>(kSteps.scale + t), all_lanes<L>(Scales::kLowest),
                          all_lanes<L>(Scales::kHighest));
    const L min = clamp(from.min + load<L>(kSteps.min + t), L{}, all_lanes<L>(Scales::kHighest));
    const L error = squared_errors<Levels>(points, d * scale, -(dmin * min));
    for (int i = 0; i < kWidth<L>; ++i) {
      if (!(error[i] < best_error)) continue;
      best_error = error[i];
      scales.sub[s] = {.scale = scale[i], .min = min[i]};
    }
  }
  return best_error;
}

/// Moves the integers of each sub-block to their best neighbours. Returns the error then.
template <typename Format>
float move_to_neighbours(const SuperValues& values, SuperScales<Format>& scales) noexcept {
  float total = 0.0f;
  for (int s = 0; s < Format::kCount; ++s) {
    total += move_to_neighbour(values, scales, s);
  }
  return total;
}

/// d and dmin by least squares, for the codes that the scales give.
template <typename Format>
void refit(const SuperValues& values, SuperScales<Format>& scales) noexcept {
  // value = d * u + dmin * v, where u = scale * level and v = -min.
  float uu = 0.0f, uv = 0.0f, vv = 0.0f, ux = 0.0f, vx = 0.0f;
  for (int s = 0; s < Format::kCount; ++s) {
    const auto points = sub_block<Format>(values, s);
    const SubScale sub = scales.sub[s];
    const Moments<float> m =
        moments<typename Format::Levels>(points, scales.step(sub), scales.start(sub));
    uu += sub.scale * sub.scale * m.qq;
    uv -= sub.scale * sub.min * m.q;
    vv += sub.min * sub.min * m.w;
    ux += sub.scale * m.xq;
    vx -= sub.min * m.x;
  }
  if constexpr (Format::kHasMin) {
    const float determinant = uu * vv - uv * uv;
    if (determinant > 1e-6f * uu * vv) {  // else u and v are one direction, or all minima are 0
      scales.d = finite_f16((ux * vv - vx * uv) / determinant);
      scales.dmin = finite_f16((vx * uu - ux * uv) / determinant);
      return;
    }
  }
  if (uu > 0.0f) scales.d = finite_f16(ux / uu);
}

template <typename Format>
SuperScales<Format> fit_super_block(const SuperValues& values) noexcept {
  SuperScales<Format> best;
  if constexpr (Format::kHasMin) guess_mins(values, best);
  guess_scales(values, best);
  float best_error = move_to_neighbours(values, best);
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    SuperScales<Format> trial = best;
    refit(values, trial);
    const float error = move_to_neighbours(values, trial);
    if (!(error < best_error)) break;
    best_error = error;
    best = trial;
  }
  return best;
}

template <typename Format>
void encode_codes(const SuperValues& values, const SuperScales<Format>& scales,
                  uint8_t (&codes)[kSuperBlock]) noexcept {
  for (int s = 0; s < Format::kCount; ++s) {
    const auto points = sub_block<Format>(values, s);
    encode_values<typename Format::Levels>(points, scales.step(scales.sub[s]),
                                           scales.start(scales.sub[s]), codes + Format::kSize * s);
  }
}

/// `bits` bits of each code from bit `shift` on: those of 32 codes in 32 bytes, those of the next
/// 32 above them until the bytes are full.
template <int bits, int bytes>
void pack_rows_of_32(const uint8_t (&codes)[kSuperBlock], int shift,
                     uint8_t (&out)[bytes]) noexcept {
  constexpr int kRows = 8 / bits;  // rows of 32 that share 32 bytes
  constexpr int kMask = (1 << bits) - 1;
  for (int i = 0; i < bytes; ++i) {
    const uint8_t* first = codes + kRows * 32 * (i / 32) + i % 32;
    int packed = 0;
    for (int row = 0; row < kRows; ++row)
      packed |= (first[32 * row] >> shift & kMask) << bits * row;
    out[i] = static_cast<uint8_t>(packed);
  }
}

BlockQ6_K encode_q6_k(const SuperValues& values) noexcept {
  using Format = KFormat<IntegerLevels<-32, 31>, IntegerLevels<-128, 127>, 16>;
  const auto scales = fit_super_block<Format>(values);
  BlockQ6_K block = {};
  block.d = scales.d;
  for (int s = 0; s < Format::kCount; ++s)
    block.scales[s] = static_cast<int8_t>(scales.sub[s].scale);
  uint8_t codes[kSuperBlock];
  encode_codes(values, scales, codes);
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 64; ++i) {
      const uint8_t* first = codes + 128 * half + i;
      block.ql[64 * half + i] = static_cast<uint8_t>((first[0] & 15) | (first[64] & 15) << 4);
    }
  }
  pack_rows_of_32<2>(codes, 4, block.qh);
  return block;
}

void pack_scale_min(const SubScale (&sub)[8], uint8_t (&scales)[12]) noexcept {
  for (int s = 0; s < 4; ++s) {
    const int low_scale = static_cast<int>(sub[s].scale);
    const int low_min = static_cast<int>(sub[s].min);
    const int high_scale = static_cast<int>(sub[s + 4].scale);
    const int high_min = static_cast<int>(sub[s + 4].min);
    scales[s] = static_cast<uint8_t>(low_scale | high_scale >> 4 << 6);
    scales[s + 4] = static_cast<uint8_t>(low_min | high_min >> 4 << 6);
    scales[s + 8] = static_cast<uint8_t>((high_scale & 15) | (high_min & 15) << 4);
  }
}

template <typename Block, typename Levels>
Block encode_q45_k(const SuperValues& values) noexcept {
  using Format = KFormat<Levels, IntegerLevels<0, 63>, 32>;
  const auto scales = fit_super_block<Format>(values);
  Block block = {};
  block.d = scales.d;
  block.dmin = scales.dmin;
  pack_scale_min(scales.sub, block.scales);
  uint8_t codes[kSuperBlock];
  encode_codes(values, scales, codes);
  pack_rows_of_32<4>(codes, 0, block.qs);
  if constexpr (requires { block.qh; }) pack_rows_of_32<1>(codes, 4, block.qh);
  return block;
}

BlockQ3_K encode_q3_k(const SuperValues& values) noexcept {
  using Format = KFormat<IntegerLevels<-4, 3>, IntegerLevels<-32, 31>, 16>;
  const auto scales = fit_super_block<Format>(values);
  BlockQ3_K block = {};
  block.d = scales.d;
  for (int s = 0; s < Format::kCount; ++s) {
    const int stored = static_cast<int>(scales.sub[s].scale) + 32;
    block.scales[s % 8] |= static_cast<uint8_t>((stored & 15) << 4 * (s / 8));
    block.scales[8 + s % 4] |= static_cast<uint8_t>(stored >> 4 << 2 * (s / 4));
  }
  uint8_t codes[kSuperBlock];
  encode_codes(values, scales, codes);
  pack_rows_of_32<2>(codes, 0, block.qs);
  pack_rows_of_32<1>(codes, 2, block.hmask);
  return block;
}

BlockQ2_K encode_q2_k(const SuperValues& values) noexcept {
  using Format = KFormat<IntegerLevels<0, 3>, IntegerLevels<0, 15>, 16>;
  const auto scales = fit_super_block<Format>(values);
  BlockQ2_K block = {};
  block.d = scales.d;
  block.dmin = scales.dmin;
  for (int s = 0; s < Format::kCount; ++s)
    block.scales[s] = static_cast<uint8_t>(static_cast<int>(scales.sub[s].scale) |
                                           static_cast<int>(scales.sub[s].min) << 4);
  uint8_t codes[kSuperBlock];
  encode_codes(values, scales, codes);
  pack_rows_of_32<2>(codes, 0, block.qs);
  return block;
}

}  // namespace
}  // namespace heed
