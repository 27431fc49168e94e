// The scale, or scale and minimum, with which a block of 32 values loses least when it is written
// with a few levels. Used by the quantisers of engine/quant.
// Method: every trial scale fixes the codes by rounding; for fixed codes the best scale is a
// least-squares fit in closed form, and tells how much of the block it explains. The best trial's
// fit is rounded to the f16 of the file, and must still beat the plain choice that spans the range:
// so no block comes out worse than with that.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "engine/core/half.h"
#include "engine/quant/blocks.h"

namespace heed {

/// The nearest f16 that is finite.
inline uint16_t finite_f16(float value) noexcept {
  constexpr float kLargest = 65504.0f;
  return f32_to_f16(std::clamp(value, -kLargest, kLargest));
}

/// 1 / d; zero, which sends every value to the code of zero, for a scale of zero.
inline float inverse_scale(float d) noexcept {
  return d == 0.0f ? 0.0f : 1.0f / d;
}

/// The whole numbers lowest..highest.
template <int lowest, int highest>
struct IntegerLevels {
  static constexpr float kLowest = lowest;
  static constexpr float kHighest = highest;

  /// The level next to v; a NaN gives some level too.
  static float nearest(float v) noexcept {
    const float inside = std::min(kHighest, std::max(kLowest, v));
    // A float this large has no bits left for a fraction: the adder rounds, in two instructions.
    // (Without SSE 4.1 std::nearbyint is a call, and loops around it do not vectorise.)
    constexpr float kNoFraction = 0x1.8p23f;
    return (inside + kNoFraction) - kNoFraction;
  }

  /// The code of that level, counted from the lowest.
  static uint8_t code(float v) noexcept {
    return static_cast<uint8_t>(static_cast<int>(nearest(v)) - lowest);
  }
};

/// The levels of IQ4_NL.
struct Iq4NlLevels {
  static constexpr float kLowest = kIq4NlLevels[0];
  static constexpr float kHighest = kIq4NlLevels[15];

  static float nearest(float v) noexcept {
    // Climbs the stairs to v. Unrolled by the fold, so that loops around it vectorise.
    return [v]<int... k>(std::integer_sequence<int, k...>) {
      return kLowest + (... + (v > middle(k) ? static_cast<float>(step(k)) : 0.0f));
    }(std::make_integer_sequence<int, 15>());
  }

  static uint8_t code(float v) noexcept {
    int code = 0;
    for (int k = 0; k < 15; ++k) code += v > middle(k);
    return static_cast<uint8_t>(code);
  }

 private:
  static constexpr int step(int k) { return kIq4NlLevels[k + 1] - kIq4NlLevels[k]; }
  static constexpr float middle(int k) {
    return 0.5f * static_cast<float>(kIq4NlLevels[k] + kIq4NlLevels[k + 1]);
  }
};

/// How a block is read: value = d * level + m, both f16. A format without a minimum has m = 0.
struct BlockScales {
  uint16_t d;
  uint16_t m;
};

/// What the block loses when each value becomes the nearest that `scales` can say.
template <typename Levels>
float squared_error(const float* x, BlockScales scales) noexcept {
  const float d = f16_to_f32(scales.d);
  const float m = f16_to_f32(scales.m);
  const float inverse = inverse_scale(d);
  float error = 0.0f;
  for (int i = 0; i < kBlock; ++i) {
    const float y = x[i] - m;
    const float lost = y - d * Levels::nearest(y * inverse);
    error += lost * lost;
  }
  return error;
}

/// The value of largest magnitude, with its sign.
inline float extreme_of(const float* x) noexcept {
  float extreme = 0.0f;
  for (int i = 0; i < kBlock; ++i)
    if (std::abs(x[i]) > std::abs(extreme)) extreme = x[i];
  return extreme;
}

/// The fitted scale of the best trial. Trials send `extreme` near the lowest or the highest level:
/// up to 16 % short of it, or up to 12 % beyond (it is cut, and all others gain).
template <typename Levels>
float best_trial_scale(const float* x, float extreme) noexcept {
  constexpr int kTrials = 16;
  float inverse[kTrials];
  for (int t = 0; t < kTrials; ++t) {
    const float level = t % 2 == 0 ? Levels::kLowest : Levels::kHighest;
    const int step = t / 2 - 4;  // both levels take each step
    inverse[t] = level * (1.0f + 0.04f * static_cast<float>(step)) / extreme;
  }
  float xq[kTrials] = {};
  float qq[kTrials] = {};
  for (int i = 0; i < kBlock; ++i) {
    for (int t = 0; t < kTrials; ++t) {  // innermost, as these sums can go side by side
      const float q = Levels::nearest(x[i] * inverse[t]);
      xq[t] += x[i] * q;
      qq[t] += q * q;
    }
  }
  float scale = 0.0f;
  float explained = 0.0f;  // sum x^2 minus the squared error that the fitted scale leaves
  for (int t = 0; t < kTrials; ++t) {
    if (xq[t] * xq[t] > explained * qq[t]) {
      scale = xq[t] / qq[t];
      explained = scale * xq[t];
    }
  }
  return scale;
}

/// The f16 scale d for which the block's values are nearest to d * level, in the sense of least
/// squared error.
template <typename Levels>
uint16_t fit_scale(const float* x) noexcept {
  const float extreme = extreme_of(x);
  if (extreme == 0.0f) return 0;
  const uint16_t plain = finite_f16(extreme / Levels::kLowest);
  const uint16_t fitted = finite_f16(best_trial_scale<Levels>(x, extreme));
  const auto error = [x](uint16_t d) { return squared_error<Levels>(x, {.d = d, .m = 0}); };
  return error(fitted) < error(plain) ? fitted : plain;
}

/// value = slope * q + intercept, and how much of the block's variation it explains: the sum of
/// squares about the mean minus the squared error it leaves.
struct BlockLine {
  float slope = 0.0f;
  float intercept = 0.0f;
  float explained = 0.0f;
};

/// The line by least squares through kBlock points (q, y), from the sums of y, q, q * q and y * q.
inline BlockLine fit_line(float y, float q, float qq, float yq) noexcept {
  const float covariance = yq - y * q / kBlock;
  const float variance = qq - q * q / kBlock;
  if (!(variance > 0.0f)) return {};  // all codes are equal
  const float slope = covariance / variance;
  return {.slope = slope, .intercept = (y - slope * q) / kBlock, .explained = slope * covariance};
}

/// The fitted line of the best trial. Trials pull either end of the range lowest..highest in by up
/// to 11 % of it (what lies outside is cut, and all others gain) or push it out by up to 4 %.
template <typename Levels>
BlockLine best_trial_line(const float* x, float lowest, float highest) noexcept {
  constexpr int kPulls = 6;
  constexpr int kTrials = kPulls * kPulls;
  const auto pull = [](int i) { return 0.03f * static_cast<float>(i) - 0.04f; };
  const float range = highest - lowest;
  float start[kTrials];
  float inverse[kTrials];
  for (int t = 0; t < kTrials; ++t) {
    start[t] = pull(t / kPulls) * range;
    inverse[t] = Levels::kHighest / (range * (1.0f - pull(t / kPulls) - pull(t % kPulls)));
  }
  float y_sum = 0.0f;
  float q_sum[kTrials] = {};
  float qq_sum[kTrials] = {};
  float yq_sum[kTrials] = {};
  for (int i = 0; i < kBlock; ++i) {
    const float y = x[i] - lowest;  // small numbers keep their digits
    y_sum += y;
    for (int t = 0; t < kTrials; ++t) {
      const float q = Levels::nearest((y - start[t]) * inverse[t]);
      q_sum[t] += q;
      qq_sum[t] += q * q;
      yq_sum[t] += y * q;
    }
  }
  BlockLine best;
  for (int t = 0; t < kTrials; ++t) {
    const BlockLine line = fit_line(y_sum, q_sum[t], qq_sum[t], yq_sum[t]);
    if (line.explained > best.explained) best = line;
  }
  best.intercept += lowest;
  return best;
}

/// The f16 d and m for which the block's values are nearest to d * level + m, in the sense of least
/// squared error. Levels start at zero.
template <typename Levels>
BlockScales fit_scale_and_min(const float* x) noexcept {
  const auto [lowest, highest] = std::minmax_element(x, x + kBlock);
  const float span = (*highest - *lowest) / Levels::kHighest;
  const BlockLine line = best_trial_line<Levels>(x, *lowest, *highest);
  const BlockScales plain = {.d = finite_f16(span), .m = finite_f16(*lowest)};
  const BlockScales fitted = {.d = finite_f16(line.slope), .m = finite_f16(line.intercept)};
  return squared_error<Levels>(x, fitted) < squared_error<Levels>(x, plain) ? fitted : plain;
}

}  // namespace heed
