// The scale, or scale and minimum, with which a block of values loses least when it is written
// with a few levels. Used by the quantisers of engine/quant.
// Method: every trial scale fixes the codes by rounding; for fixed codes the best scale is a
// least-squares fit in closed form, and tells how much of the block it explains. The best trial's
// fit is rounded to the f16 of the file, and must still beat the plain choice that spans the range:
// so no block comes out worse than with that.
#pragma once

#include "engine/core/half.h"
#include "engine/quant/blocks.h"
#include "engine/quant/generic/lanes.inl"

namespace heed {
namespace {

/// The nearest f16 that is finite.
inline uint16_t finite_f16(float value) noexcept {
  constexpr float kLargest = 65504.0f;
  return f32_to_f16(clamp(value, -kLargest, kLargest));
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
  template <typename L>
  static L nearest(L v) noexcept {
    const L inside = clamp(v, whole_number<L>(lowest), whole_number<L>(highest));
    // A float this large has no bits left for a fraction: the adder rounds, in two instructions.
    constexpr float kNoFraction = 0x1.8p23f;
    return (inside + kNoFraction) - kNoFraction;
  }

  /// The code of a level, counted from the lowest.
  template <typename L>
  static auto code(L level) noexcept {
    return __builtin_convertvector(level, IntLanesOf<L>) - lowest;
  }
};

/// The levels of IQ4_NL.
struct Iq4NlLevels {
  static constexpr float kLowest = kIq4NlLevels[0];
  static constexpr float kHighest = kIq4NlLevels[15];

  template <typename L>
  static L nearest(L v) noexcept {
    L level = all_lanes<L>(kLowest);
    for (int k = 0; k < 15; ++k)  // climbs the stairs to v
      level += v > middle(k) ? all_lanes<L>(step(k)) : L{};
    return level;
  }

  template <typename L>
  static auto code(L level) noexcept {
    IntLanesOf<L> code = {};
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

template <typename L>
L load(EqualWeights) noexcept {
  return all_lanes<L>(1.0f);
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
  Four lowest = load<Four>(p.x);
  Four highest = lowest;
  for (int i = 4; i < size; i += 4) {
    const Four x = load<Four>(p.x + i);
    lowest = lesser(lowest, x);
    highest = greater(highest, x);
  }
  return {.lowest = lesser(lesser(lowest[0], lowest[1]), lesser(lowest[2], lowest[3])),
          .highest = greater(greater(highest[0], highest[1]), greater(highest[2], highest[3]))};
}

/// What the block loses when each value becomes the nearest d * level + m.
template <typename Levels, int size, typename Weights>
float squared_error(const Points<size, Weights>& p, float d, float m) noexcept {
  using L = LanesWithin<size>;
  const float inverse = inverse_scale(d);
  Four error = {};
  for (int i = 0; i < size; i += kWidth<L>) {
    const L y = load<L>(p.x + i) - m;
    const L lost = y - d * Levels::nearest(y * inverse);
    add_in_fours(error, load<L>(p.weight + i) * (lost * lost));
  }
  return sum(error);
}

/// The same for a trial in each lane.
template <typename Levels, typename L, int size, typename Weights>
L squared_errors(const Points<size, Weights>& p, L d, L m) noexcept {
  const L inverse = d == 0.0f ? L{} : 1.0f / d;
  L error[4] = {};  // four side by side
  for (int i = 0; i < size; ++i) {
    const L y = p.x[i] - m;
    const L lost = y - d * Levels::nearest(y * inverse);
    error[i % 4] += p.weight[i] * (lost * lost);
  }
  return (error[0] + error[2]) + (error[1] + error[3]);
}

/// The codes of the block's values read as d * level + m.
template <typename Levels, int size, typename Weights>
void encode_values(const Points<size, Weights>& p, float d, float m, uint8_t* codes) noexcept {
  using L = LanesWithin<size>;
  const float inverse = inverse_scale(d);
  int32_t wide[size];
  for (int i = 0; i < size; i += kWidth<L>) {
    const auto code = Levels::code(Levels::nearest((load<L>(p.x + i) - m) * inverse));
    memcpy(wide + i, &code, sizeof code);
  }
  for (int i = 0; i < size; ++i) codes[i] = static_cast<uint8_t>(wide[i]);
}

/// Sums over a block's values x and their levels q, each with its weight. T is a float, or Lanes
/// for trials side by side.
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
  using L = LanesWithin<size>;
  const float inverse = inverse_scale(d);
  Moments<Four> sums = {};
  for (int i = 0; i < size; i += kWidth<L>) {
    const L x = load<L>(p.x + i);
    const L weight = load<L>(p.weight + i);
    const L q = Levels::nearest((x - m) * inverse);
    const L weighted = weight * q;
    add_in_fours(sums.w, weight);
    add_in_fours(sums.x, weight * x);
    add_in_fours(sums.q, weighted);
    add_in_fours(sums.qq, weighted * q);
    add_in_fours(sums.xq, weighted * x);
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

/// The line that explains most, of those that trials came to.
class BestLine {
 public:
  void offer(const Line<Lanes>& lines) noexcept {
    for (int i = 0; i < kLanes / 4; ++i) {
      const Four explained = four_of(lines.explained, i);
      const auto better = explained > best_.explained;
      best_.slope = better ? four_of(lines.slope, i) : best_.slope;
      best_.intercept = better ? four_of(lines.intercept, i) : best_.intercept;
      best_.explained = better ? explained : best_.explained;
    }
  }

  Line<float> line() const noexcept {
    int best = 0;
    for (int i = 1; i < 4; ++i)
      if (best_.explained[i] > best_.explained[best]) best = i;
    return {.slope = best_.slope[best],
            .intercept = best_.intercept[best],
            .explained = best_.explained[best]};
  }

 private:
  Line<Four> best_ = {};  // of every fourth line, from the first, second ... on
};

/// Where trials send the value farthest from zero, as a share of the level at the end: rising from
/// `first`. Beyond 1 it is cut, and all others gain.
template <int count>
struct ScaleTrials {
  static constexpr int kCount = count;
  float one_end[count];
  float both_ends[count];  ///< a step for either end in turn

  constexpr ScaleTrials(float first, float step) noexcept : one_end(), both_ends() {
    for (int t = 0; t < count; ++t) {
      one_end[t] = first + step * static_cast<float>(t);
      both_ends[t] = first + step * static_cast<float>(t & ~1);
    }
  }
};

/// From 16 % short of the end to 14 % beyond.
template <typename Levels>
inline constexpr ScaleTrials<16> kScaleTrials{0.84f, 0.02f};

/// Those of Q5_0 begin where half of the levels are left unused. Weights that once were in a format
/// with 4 bits still lie on its 16 levels, wherever these are: a scale that meets them may be far
/// from the one that spans the range.
template <>
inline constexpr ScaleTrials<48> kScaleTrials<IntegerLevels<-16, 15>>{0.45f, 0.015f};

/// The level that is farthest from zero.
template <typename Levels>
inline constexpr float kFarthest =
    -Levels::kLowest >= Levels::kHighest ? Levels::kLowest : Levels::kHighest;

/// The fitted scale of the best trial. The value farthest from zero goes near the farthest level,
/// or, if the block has both signs, near that of the other end.
template <typename Levels, int size, typename Weights>
float best_trial_scale(const Points<size, Weights>& p, ValueRange range) noexcept {
  constexpr auto& kTrials = kScaleTrials<Levels>;
  constexpr int kVectors = 16 / kLanes;
  const bool both_ends = Levels::kLowest < 0.0f && range.lowest < 0.0f && range.highest > 0.0f;
  const float extreme = Levels::kLowest < 0.0f ? range.extreme() : greater(0.0f, range.highest);
  const Lanes ends = both_ends ? alternating(Levels::kLowest, Levels::kHighest)
                               : all_lanes<Lanes>(kFarthest<Levels>);
  const float* shares = both_ends ? kTrials.both_ends : kTrials.one_end;
  BestLine best;
  for (int first = 0; first < kTrials.kCount; first += kVectors * kLanes) {
    Lanes inverse[kVectors];
    for (int t = 0; t < kVectors; ++t)
      inverse[t] = load<Lanes>(shares + first + t * kLanes) * (ends / extreme);
    Lanes xq[kVectors] = {};
    Lanes qq[kVectors] = {};
    for (int i = 0; i < size; ++i) {
      for (int t = 0; t < kVectors; ++t) {  // trials go side by side: their sums need no adding up
        const Lanes q = Levels::nearest(p.x[i] * inverse[t]);
        const Lanes weighted = p.weight[i] * q;
        xq[t] += p.x[i] * weighted;
        qq[t] += q * weighted;
      }
    }
    for (int t = 0; t < kVectors; ++t)
      best.offer(fit_slope(Moments<Lanes>{.w = {}, .x = {}, .q = {}, .qq = qq[t], .xq = xq[t]}));
  }
  return best.line().slope;
}

/// How far trials pull either end of the range in, as a share of it: up to 11 % (what lies outside
/// is cut, and all others gain), or push it out by up to 4 %.
struct LineTrials {
  static constexpr int kPulls = 6;
  static constexpr int kCount = kPulls * kPulls;
  static constexpr int kRoom = 48;  ///< whole registers, three at a time, of any width
  float start[kRoom];
  float inverse[kRoom];  ///< of the range that is left; 0, which comes to nothing, behind the last

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
  constexpr int kVectors = 3;  // as many as there are registers for
  const float span = range.highest - range.lowest;
  BestLine best;
  for (int first = 0; first < LineTrials::kCount; first += kVectors * kLanes) {
    Lanes start[kVectors];
    Lanes inverse[kVectors];
    for (int t = 0; t < kVectors; ++t) {
      const int at = first + t * kLanes;
      start[t] = load<Lanes>(kLineTrials.start + at) * span;
      inverse[t] = load<Lanes>(kLineTrials.inverse + at) * (Levels::kHighest / span);
    }
    float w = 0.0f;
    float wy = 0.0f;
    Lanes q_sum[kVectors] = {};
    Lanes qq_sum[kVectors] = {};
    Lanes yq_sum[kVectors] = {};
    for (int i = 0; i < size; ++i) {
      const float y = p.x[i] - range.lowest;  // small numbers keep their digits
      w += p.weight[i];
      wy += p.weight[i] * y;
      for (int t = 0; t < kVectors; ++t) {
        const Lanes q = Levels::nearest((y - start[t]) * inverse[t]);
        const Lanes weighted = p.weight[i] * q;
        q_sum[t] += weighted;
        qq_sum[t] += q * weighted;
        yq_sum[t] += y * weighted;
      }
    }
    for (int t = 0; t < kVectors; ++t) {
      best.offer(fit_line(Moments<Lanes>{.w = all_lanes<Lanes>(w),
                                         .x = all_lanes<Lanes>(wy),
                                         .q = q_sum[t],
                                         .qq = qq_sum[t],
                                         .xq = yq_sum[t]}));
    }
  }
  Line<float> line = best.line();
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

}  // namespace
}  // namespace heed
