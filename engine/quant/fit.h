// The scale, or scale and minimum, with which a block of values loses least when it is written
// with a few levels. Used by the quantisers of engine/quant.
// Method: every trial scale fixes the codes by rounding; for fixed codes the best scale is a
// least-squares fit in closed form, and tells how much of the block it explains. The best trial's
// fit is rounded to the f16 of the file, and must still beat the plain choice that spans the range:
// so no block comes out worse than with that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

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
    const Lanes inside = lesser(greater(v, whole_number(lowest)), whole_number(highest));
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

/// Stands for weights that are all 1: to multiply with them costs nothing.
struct EqualWeights {
  constexpr float operator[](int) const noexcept { return 1.0f; }
  constexpr EqualWeights operator+(int) const noexcept { return {}; }
};

inline Lanes load_lanes(EqualWeights) noexcept {
  return all_lanes(1.0f);
}

/// `size` values, and how much the squared error of each counts.
template <int size, typename Weights = const float*>
struct Points {
  const float* x;
  Weights weight;  ///< > 0
};

struct ValueRange {
  float lowest;
  float highest;

  /// The end that is farther from zero.
  float extreme() const noexcept { return -lowest > highest ? lowest : highest; }
};

template <int size, typename Weights>
ValueRange range_of(const Points<size, Weights>& p) noexcept {
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
template <typename Levels, int size, typename Weights>
float squared_error(const Points<size, Weights>& p, float d, float m) noexcept {
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
template <typename Levels, int size, typename Weights>
void encode_values(const Points<size, Weights>& p, float d, float m, uint8_t* codes) noexcept {
  const float inverse = inverse_scale(d);
  int32_t wide[size];
  for (int i = 0; i < size; i += kLanes) {
    const IntLanes code = Levels::code(Levels::nearest((load_lanes(p.x + i) - m) * inverse));
    std::memcpy(wide + i, &code, sizeof code);
  }
  for (int i = 0; i < size; ++i) codes[i] = static_cast<uint8_t>(wide[i]);
}

/// Sums over a block's values x and their levels q, each with its weight. T is a float, or Lanes
/// for four trials at a time.
template <typename T>
struct Moments {
  T w;
  T x;
  T q;
  T qq;
  T xq;
};

/// Those of the block's values read as d * level + m.
template <typename Levels, int size, typename Weights>
Moments<float> moments(const Points<size, Weights>& p, float d, float m) noexcept {
  const float inverse = inverse_scale(d);
  Moments<Lanes> sums = {};
  for (int i = 0; i < size; i += kLanes) {
    const Lanes x = load_lanes(p.x + i);
    const Lanes weight = load_lanes(p.weight + i);
    const Lanes q = Levels::nearest((x - m) * inverse);
    const Lanes weighted = weight * q;
    sums.w += weight;
    sums.x += weight * x;
    sums.q += weighted;
    sums.qq += weighted * q;
    sums.xq += weighted * x;
  }
  return {
      .w = sum(sums.w), .x = sum(sums.x), .q = sum(sums.q), .qq = sum(sums.qq), .xq = sum(sums.xq)};
}

/// value = slope * level + intercept, by least squares.
template <typename T>
struct Line {
  T slope;
  T intercept;
  T explained;  ///< how much less is lost than if all levels were zero, or all the same
};

/// The best line for the codes that have these moments; 0 if they are all the same.
template <typename T>
Line<T> fit_line(const Moments<T>& m) noexcept {
  const T covariance = m.xq - m.x * m.q / m.w;
  const T variance = m.qq - m.q * m.q / m.w;
  const T slope = variance > 0.0f ? covariance / variance : T{};
  return {.slope = slope, .intercept = (m.x - slope * m.q) / m.w, .explained = slope * covariance};
}

/// Likewise, without an intercept.
template <typename T>
Line<T> fit_slope(const Moments<T>& m) noexcept {
  const T slope = m.qq > 0.0f ? m.xq / m.qq : T{};
  return {.slope = slope, .intercept = T{}, .explained = slope * m.xq};
}

/// Keeps, lane by lane, the line that explains more.
inline void keep_better(Line<Lanes>& best, const Line<Lanes>& line) noexcept {
  const auto better = line.explained > best.explained;
  best.slope = better ? line.slope : best.slope;
  best.intercept = better ? line.intercept : best.intercept;
  best.explained = better ? line.explained : best.explained;
}

inline Line<float> best_lane(const Line<Lanes>& lines) noexcept {
  int best = 0;
  for (int lane = 1; lane < kLanes; ++lane)
    if (lines.explained[lane] > lines.explained[best]) best = lane;
  return {.slope = lines.slope[best],
          .intercept = lines.intercept[best],
          .explained = lines.explained[best]};
}

/// Where trials send the value farthest from zero, as a share of the level at the end: from 16 %
/// short of it to 14 % beyond, where it is cut and all others gain.
struct ScaleTrials {
  static constexpr int kCount = 16;
  float one_end[kCount];
  float both_ends[kCount];  ///< a step for either end in turn

  constexpr ScaleTrials() noexcept : one_end(), both_ends() {
    for (int t = 0; t < kCount; ++t) {
      one_end[t] = 0.84f + 0.02f * static_cast<float>(t);
      both_ends[t] = 0.84f + 0.02f * static_cast<float>(t & ~1);
    }
  }
};
inline constexpr ScaleTrials kScaleTrials;

/// The level that is farthest from zero.
template <typename Levels>
inline constexpr float kFarthest =
    -Levels::kLowest >= Levels::kHighest ? Levels::kLowest : Levels::kHighest;

/// The fitted scale of the best trial. The value farthest from zero goes near the farthest level,
/// or, if the block has both signs, near that of the other end.
template <typename Levels, int size, typename Weights>
float best_trial_scale(const Points<size, Weights>& p, ValueRange range) noexcept {
  constexpr int kTrials = ScaleTrials::kCount / kLanes;
  const bool both_ends = Levels::kLowest < 0.0f && range.lowest < 0.0f && range.highest > 0.0f;
  const float extreme = Levels::kLowest < 0.0f ? range.extreme() : std::max(range.highest, 0.0f);
  const Lanes ends =
      both_ends ? Lanes{Levels::kLowest, Levels::kHighest, Levels::kLowest, Levels::kHighest}
                : all_lanes(kFarthest<Levels>);
  Lanes inverse[kTrials];
  for (int t = 0; t < kTrials; ++t) {
    const Lanes share =
        load_lanes((both_ends ? kScaleTrials.both_ends : kScaleTrials.one_end) + t * kLanes);
    inverse[t] = share * (ends / extreme);
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
  Line<Lanes> best = {};
  for (int t = 0; t < kTrials; ++t)
    keep_better(best,
                fit_slope(Moments<Lanes>{.w = {}, .x = {}, .q = {}, .qq = qq[t], .xq = xq[t]}));
  return best_lane(best).slope;
}

/// How far trials pull either end of the range in, as a share of it: up to 11 % (what lies outside
/// is cut, and all others gain), or push it out by up to 4 %.
struct LineTrials {
  static constexpr int kPulls = 6;
  static constexpr int kCount = kPulls * kPulls;
  float start[kCount];
  float inverse[kCount];  ///< of the range that is left

  constexpr LineTrials() noexcept : start(), inverse() {
    for (int t = 0; t < kCount; ++t) {
      const float low = pull(t / kPulls);
      const float high = pull(t % kPulls);
      start[t] = low;
      inverse[t] = 1.0f / (1.0f - low - high);
    }
  }

 private:
  static constexpr float pull(int i) noexcept { return 0.03f * static_cast<float>(i) - 0.04f; }
};
inline constexpr LineTrials kLineTrials;

/// The fitted line of the best trial; explained is zero if none is better than a constant.
template <typename Levels, int size, typename Weights>
Line<float> best_trial_line(const Points<size, Weights>& p, ValueRange range) noexcept {
  constexpr int kTrials = 3;  // times lanes: as many as there are registers for
  const float span = range.highest - range.lowest;
  Line<Lanes> best = {};
  for (int first = 0; first < LineTrials::kCount; first += kTrials * kLanes) {
    Lanes start[kTrials];
    Lanes inverse[kTrials];
    for (int t = 0; t < kTrials; ++t) {
      start[t] = load_lanes(kLineTrials.start + first + t * kLanes) * span;
      inverse[t] = load_lanes(kLineTrials.inverse + first + t * kLanes) * (Levels::kHighest / span);
    }
    float w = 0.0f;
    float wy = 0.0f;
    Lanes q_sum[kTrials] = {};
    Lanes qq_sum[kTrials] = {};
    Lanes yq_sum[kTrials] = {};
    for (int i = 0; i < size; ++i) {
      const float y = p.x[i] - range.lowest;  // small numbers keep their digits
      w += p.weight[i];
      wy += p.weight[i] * y;
      for (int t = 0; t < kTrials; ++t) {
        const Lanes q = Levels::nearest((y - start[t]) * inverse[t]);
        const Lanes weighted = p.weight[i] * q;
        q_sum[t] += weighted;
        qq_sum[t] += q * weighted;
        yq_sum[t] += y * weighted;
      }
    }
    for (int t = 0; t < kTrials; ++t) {
      keep_better(best, fit_line(Moments<Lanes>{.w = all_lanes(w),
                                                .x = all_lanes(wy),
                                                .q = q_sum[t],
                                                .qq = qq_sum[t],
                                                .xq = yq_sum[t]}));
    }
  }
  Line<float> line = best_lane(best);
  line.intercept += range.lowest;
  return line;
}

/// How often at most codes are rounded again with the scale that was fitted to them, while it
/// gains.
inline constexpr int kStepsDown = 4;

/// The f16 scale d for which the block's values are nearest to d * level, in the sense of least
/// squared error.
template <typename Levels, int size, typename Weights>
uint16_t fit_scale(const Points<size, Weights>& p) noexcept {
  const ValueRange range = range_of(p);
  const float extreme = range.extreme();
  if (extreme == 0.0f) return 0;
  const auto error_of = [&p](uint16_t d) { return squared_error<Levels>(p, f16_to_f32(d), 0.0f); };
  uint16_t best = finite_f16(extreme / kFarthest<Levels>);
  float best_error = error_of(best);
  float scale = best_trial_scale<Levels>(p, range);
  for (int step = 0; step < kStepsDown; ++step) {
    const uint16_t d = finite_f16(scale);
    if (d == best) break;
    const float error = error_of(d);
    if (!(error < best_error)) break;
    best = d;
    best_error = error;
    scale = fit_slope(moments<Levels>(p, f16_to_f32(d), 0.0f)).slope;
  }
  return best;
}

/// How a block is read: value = d * level + m, both f16. A format without a minimum has m = 0.
struct BlockScales {
  uint16_t d;
  uint16_t m;
};

/// The f16 d and m for which the block's values are nearest to d * level + m, in the sense of least
/// squared error. Levels start at zero.
template <typename Levels, int size, typename Weights>
BlockScales fit_scale_and_min(const Points<size, Weights>& p) noexcept {
  const ValueRange range = range_of(p);
  const auto error_of = [&p](BlockScales s) {
    return squared_error<Levels>(p, f16_to_f32(s.d), f16_to_f32(s.m));
  };
  const float span = (range.highest - range.lowest) / Levels::kHighest;
  BlockScales best = {.d = finite_f16(span), .m = finite_f16(range.lowest)};
  float best_error = error_of(best);
  Line<float> line = best_trial_line<Levels>(p, range);
  for (int step = 0; step < kStepsDown; ++step) {
    const BlockScales scales = {.d = finite_f16(line.slope), .m = finite_f16(line.intercept)};
    const float error = error_of(scales);
    if (!(error < best_error)) break;
    best = scales;
    best_error = error;
    line = fit_line(moments<Levels>(p, f16_to_f32(scales.d), f16_to_f32(scales.m)));
  }
  // What was read from a file with minima in f16 has one that needs no rounding.
  const BlockScales at_lowest = {.d = best.d, .m = finite_f16(range.lowest)};
  return error_of(at_lowest) < best_error ? at_lowest : best;
}

}  // namespace heed
