// The scale, or scale and minimum, with which a block of values loses least when it is written
// with a few levels. Used by the quantisers of engine/quant.
// Method: every trial scale fixes the codes by rounding; for fixed codes the best scale is a
// least-squares fit in closed form, and tells how much of the block it explains. The best trial's
// fit is rounded to the f16 of the file, and must still beat the plain choice that spans the range:
// so no block comes out worse than with that.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/core/half.h"
#include "engine/quant/blocks.h"
#include "engine/quant/lanes.h"

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

  /// The level next to each; a NaN gives some level too.
  static Lanes nearest(Lanes v) noexcept {
    const Lanes inside = lesser(greater(v, all_lanes(kLowest)), all_lanes(kHighest));
    // A float this large has no bits left for a fraction: the adder rounds, in two instructions.
    constexpr float kNoFraction = 0x1.8p23f;
    return (inside + kNoFraction) - kNoFraction;
  }

  /// The code of a level, counted from the lowest.
  static IntLanes code(Lanes level) noexcept {
    return __builtin_convertvector(level, IntLanes) - lowest;
  }
};

/// The levels of IQ4_NL.
struct Iq4NlLevels {
  static constexpr float kLowest = kIq4NlLevels[0];
  static constexpr float kHighest = kIq4NlLevels[15];

  static Lanes nearest(Lanes v) noexcept {
    Lanes level = all_lanes(kLowest);
    for (int k = 0; k < 15; ++k)  // climbs the stairs to v
      level += v > middle(k) ? all_lanes(step(k)) : Lanes{};
    return level;
  }

  static IntLanes code(Lanes level) noexcept {
    IntLanes code = {};
    for (int k = 0; k < 15; ++k) code -= level > middle(k);  // true is -1
    return code;
  }

 private:
  static constexpr float step(int k) {
    return static_cast<float>(kIq4NlLevels[k + 1] - kIq4NlLevels[k]);
  }
  static constexpr float middle(int k) {
    return 0.5f * static_cast<float>(kIq4NlLevels[k] + kIq4NlLevels[k + 1]);
  }
};

/// `size` values, and how much the squared error of each counts.
template <int size>
struct Points {
  const float* x;
  const float* weight;  ///< > 0
};

struct ValueRange {
  float lowest;
  float highest;

  /// The end that is farther from zero.
  float extreme() const noexcept { return -lowest > highest ? lowest : highest; }
};

template <int size>
ValueRange range_of(const Points<size>& p) noexcept {
  Lanes lowest = load_lanes(p.x);
  Lanes highest = lowest;
  for (int i = kLanes; i < size; i += kLanes) {
    const Lanes x = load_lanes(p.x + i);
    lowest = lesser(lowest, x);
    highest = greater(highest, x);
  }
  return {.lowest = lesser(lesser(lowest[0], lowest[1]), lesser(lowest[2], lowest[3])),
          .highest = greater(greater(highest[0], highest[1]), greater(highest[2], highest[3]))};
}

/// What the block loses when each value becomes the nearest d * level + m.
template <typename Levels, int size>
float squared_error(const Points<size>& p, float d, float m) noexcept {
  const float inverse = inverse_scale(d);
  Lanes error = {};
  for (int i = 0; i < size; i += kLanes) {
    const Lanes y = load_lanes(p.x + i) - m;
    const Lanes lost = y - d * Levels::nearest(y * inverse);
    error += load_lanes(p.weight + i) * (lost * lost);
  }
  return sum(error);
}

/// The codes of the block's values read as d * level + m.
template <typename Levels, int size>
void encode_values(const Points<size>& p, float d, float m, uint8_t* codes) noexcept {
  const float inverse = inverse_scale(d);
  for (int i = 0; i < size; i += kLanes) {
    const IntLanes code = Levels::code(Levels::nearest((load_lanes(p.x + i) - m) * inverse));
    for (int lane = 0; lane < kLanes; ++lane) codes[i + lane] = static_cast<uint8_t>(code[lane]);
  }
}

/// Sums over a block's values x and their levels q, each with its weight.
struct Moments {
  float w = 0.0f;
  float x = 0.0f;
  float q = 0.0f;
  float qq = 0.0f;
  float xq = 0.0f;
};

/// Those of the block's values read as d * level + m.
template <typename Levels, int size>
Moments moments(const Points<size>& p, float d, float m) noexcept {
  const float inverse = inverse_scale(d);
  Lanes w = {};
  Lanes x = {};
  Lanes q = {};
  Lanes qq = {};
  Lanes xq = {};
  for (int i = 0; i < size; i += kLanes) {
    const Lanes value = load_lanes(p.x + i);
    const Lanes weight = load_lanes(p.weight + i);
    const Lanes level = Levels::nearest((value - m) * inverse);
    const Lanes weighted = weight * level;
    w += weight;
    x += weight * value;
    q += weighted;
    qq += weighted * level;
    xq += weighted * value;
  }
  return {.w = sum(w), .x = sum(x), .q = sum(q), .qq = sum(qq), .xq = sum(xq)};
}

/// How often at most codes are rounded again with the scale that was fitted to them, while it
/// gains.
inline constexpr int kStepsDown = 4;

/// value = scale * level.
struct ScaleFit {
  float scale = 0.0f;
  float curvature = 0.0f;  ///< the error grows by curvature * (scale' - scale)^2
  float explained = 0.0f;  ///< sum of weight * x^2, minus the squared error that is left
};

/// The level that is farthest from zero.
template <typename Levels>
inline constexpr float kFarthest =
    -Levels::kLowest >= Levels::kHighest ? Levels::kLowest : Levels::kHighest;

/// The fitted scale of the best trial. Trials send the value farthest from zero near the farthest
/// level, or near that at the other end if the block has both signs: from 16 % short of it to 14 %
/// beyond (it is cut, and all others gain).
template <typename Levels, int size>
ScaleFit best_trial_scale(const Points<size>& p, ValueRange range) noexcept {
  constexpr int kTrials = 4;  // times lanes
  const bool both_ends = Levels::kLowest < 0.0f && range.lowest < 0.0f && range.highest > 0.0f;
  const float extreme = Levels::kLowest < 0.0f ? range.extreme() : std::max(range.highest, 0.0f);
  Lanes inverse[kTrials];
  for (int t = 0; t < kTrials * kLanes; ++t) {
    const int step = both_ends ? t / 2 * 2 : t;  // each step at both ends
    const float level = !both_ends   ? kFarthest<Levels>
                        : t % 2 == 0 ? Levels::kLowest
                                     : Levels::kHighest;
    inverse[t / kLanes][t % kLanes] = level * (0.84f + 0.02f * static_cast<float>(step)) / extreme;
  }
  Lanes xq[kTrials] = {};
  Lanes qq[kTrials] = {};
  for (int i = 0; i < size; ++i) {
    for (int t = 0; t < kTrials; ++t) {  // trials go side by side: their sums need no adding up
      const Lanes q = Levels::nearest(p.x[i] * inverse[t]);
      const Lanes weighted = p.weight[i] * q;
      xq[t] += p.x[i] * weighted;
      qq[t] += q * weighted;
    }
  }
  ScaleFit best;
  for (int t = 0; t < kTrials * kLanes; ++t) {
    const float x = xq[t / kLanes][t % kLanes];
    const float q = qq[t / kLanes][t % kLanes];
    if (x * x > best.explained * q) {
      const float scale = x / q;
      best = {.scale = scale, .curvature = q, .explained = scale * x};
    }
  }
  return best;
}

/// The f16 scale d for which the block's values are nearest to d * level, in the sense of least
/// squared error.
template <typename Levels, int size>
uint16_t fit_scale(const Points<size>& p) noexcept {
  const ValueRange range = range_of(p);
  const float extreme = range.extreme();
  if (extreme == 0.0f) return 0;
  const auto error_of = [&p](uint16_t d) { return squared_error<Levels>(p, f16_to_f32(d), 0.0f); };
  uint16_t best = finite_f16(extreme / kFarthest<Levels>);
  float best_error = error_of(best);
  float scale = best_trial_scale<Levels>(p, range).scale;
  for (int step = 0; step < kStepsDown; ++step) {
    const uint16_t d = finite_f16(scale);
    const float error = error_of(d);
    if (!(error < best_error)) break;
    best = d;
    best_error = error;
    const Moments m = moments<Levels>(p, f16_to_f32(d), 0.0f);
    scale = m.xq / m.qq;
  }
  return best;
}

/// value = slope * q + intercept, and how much of the block's variation it explains: the sum of
/// squares about the mean minus the squared error it leaves.
struct BlockLine {
  float slope = 0.0f;
  float intercept = 0.0f;
  float explained = 0.0f;
};

/// The line by least squares.
inline BlockLine fit_line(const Moments& m) noexcept {
  const float covariance = m.xq - m.x * m.q / m.w;
  const float variance = m.qq - m.q * m.q / m.w;
  if (!(variance > 0.0f)) return {};  // all codes are equal
  const float slope = covariance / variance;
  return {.slope = slope, .intercept = (m.x - slope * m.q) / m.w, .explained = slope * covariance};
}

/// The fitted line of the best trial. Trials pull either end of the range in by up to 11 % of it
/// (what lies outside is cut, and all others gain) or push it out by up to 4 %.
template <typename Levels, int size>
BlockLine best_trial_line(const Points<size>& p, ValueRange range) noexcept {
  constexpr int kPulls = 6;
  constexpr int kTrials = 3;  // times lanes, in one go
  constexpr int kGoes = kPulls * kPulls / (kTrials * kLanes);
  const auto pull = [](int i) { return 0.03f * static_cast<float>(i) - 0.04f; };
  const float span = range.highest - range.lowest;
  float w = 0.0f;
  float wy = 0.0f;
  for (int i = 0; i < size; ++i) {
    w += p.weight[i];
    wy += p.weight[i] * (p.x[i] - range.lowest);
  }
  BlockLine best;
  for (int go = 0; go < kGoes; ++go) {
    Lanes start[kTrials];
    Lanes inverse[kTrials];
    for (int t = 0; t < kTrials * kLanes; ++t) {
      const int low = (go * kTrials * kLanes + t) / kPulls;
      const int high = (go * kTrials * kLanes + t) % kPulls;
      start[t / kLanes][t % kLanes] = pull(low) * span;
      inverse[t / kLanes][t % kLanes] = Levels::kHighest / (span * (1.0f - pull(low) - pull(high)));
    }
    Lanes q_sum[kTrials] = {};
    Lanes qq_sum[kTrials] = {};
    Lanes yq_sum[kTrials] = {};
    for (int i = 0; i < size; ++i) {
      const float y = p.x[i] - range.lowest;  // small numbers keep their digits
      for (int t = 0; t < kTrials; ++t) {
        const Lanes q = Levels::nearest((y - start[t]) * inverse[t]);
        const Lanes weighted = p.weight[i] * q;
        q_sum[t] += weighted;
        qq_sum[t] += q * weighted;
        yq_sum[t] += y * weighted;
      }
    }
    for (int t = 0; t < kTrials * kLanes; ++t) {
      const BlockLine line = fit_line({.w = w,
                                       .x = wy,
                                       .q = q_sum[t / kLanes][t % kLanes],
                                       .qq = qq_sum[t / kLanes][t % kLanes],
                                       .xq = yq_sum[t / kLanes][t % kLanes]});
      if (line.explained > best.explained) best = line;
    }
  }
  best.intercept += range.lowest;
  return best;
}

/// How a block is read: value = d * level + m, both f16. A format without a minimum has m = 0.
struct BlockScales {
  uint16_t d;
  uint16_t m;
};

/// The f16 d and m for which the block's values are nearest to d * level + m, in the sense of least
/// squared error. Levels start at zero.
template <typename Levels, int size>
BlockScales fit_scale_and_min(const Points<size>& p) noexcept {
  const ValueRange range = range_of(p);
  const auto error_of = [&p](BlockScales s) {
    return squared_error<Levels>(p, f16_to_f32(s.d), f16_to_f32(s.m));
  };
  const float span = (range.highest - range.lowest) / Levels::kHighest;
  BlockScales best = {.d = finite_f16(span), .m = finite_f16(range.lowest)};
  float best_error = error_of(best);
  BlockLine line = best_trial_line<Levels>(p, range);
  for (int step = 0; step < kStepsDown; ++step) {
    const BlockScales scales = {.d = finite_f16(line.slope), .m = finite_f16(line.intercept)};
    const float error = error_of(scales);
    if (!(error < best_error)) break;
    best = scales;
    best_error = error;
    line = fit_line(moments<Levels>(p, f16_to_f32(scales.d), f16_to_f32(scales.m)));
  }
  return best;
}

}  // namespace heed
