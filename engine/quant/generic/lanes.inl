// Floats that are worked on side by side: the vector extension of GCC and clang, as wide as the
// registers of the instruction set. The file that includes this says kLanes, their number, before.
// Used by the quantisers of engine/quant.
// What they compute must not depend on the width. So either each lane is a trial of its own, or its
// value goes into a sum of four side by side, as if no register were wider: add_in_fours.
#pragma once

#include <stdint.h>
#include <string.h>

#include "engine/quant/whole_numbers.h"

namespace heed {
namespace {

template <int count>
struct LanesType {
  typedef float type __attribute__((vector_size(count * sizeof(float))));
};

using Lanes = LanesType<kLanes>::type;
using Four = LanesType<4>::type;

/// For arrays of `size` values, which may have less than a register does.
template <int size>
using LanesWithin = typename LanesType<(size < kLanes ? size : kLanes)>::type;

/// Integers as wide: what comparing two gives.
template <typename L>
using IntLanesOf = decltype(L{} < L{});

template <typename L>
inline constexpr int kWidth = sizeof(L) / sizeof(float);

template <typename L>
L load(const float* from) noexcept {
  L lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

template <typename L>
L all_lanes(float value) noexcept {
  return value - L{};
}

/// a, b, a, b ...
inline Lanes alternating(float a, float b) noexcept {
  Lanes lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = i % 2 == 0 ? a : b;
  return lanes;
}

/// Four of the lanes, from lane 4 * i on.
template <typename L>
Four four_of(const L& lanes, int i) noexcept {
  Four four;
  memcpy(&four, reinterpret_cast<const char*>(&lanes) + i * sizeof four, sizeof four);
  return four;
}

/// Adds the first four lanes, then the next.
template <typename L>
void add_in_fours(Four& sum, const L& lanes) noexcept {
  for (int i = 0; i < kWidth<L> / 4; ++i) sum += four_of(lanes, i);
}

inline float sum(Four a) noexcept {
  return (a[0] + a[2]) + (a[1] + a[3]);
}

/// The smaller; b if either is NaN. For floats and lanes.
template <typename T>
T lesser(T a, T b) noexcept {
  return a < b ? a : b;
}

/// The larger; b if either is NaN.
template <typename T>
T greater(T a, T b) noexcept {
  return a > b ? a : b;
}

/// lowest if value is NaN.
template <typename T>
T clamp(T value, T lowest, T highest) noexcept {
  return lesser(greater(value, lowest), highest);
}

template <typename L>
L whole_number(int value) noexcept {
  return all_lanes<L>(kWholeNumbers[value + 128]);
}

}  // namespace
}  // namespace heed
