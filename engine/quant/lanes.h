// Four floats that are worked on side by side, on any machine: the vector extension of GCC and
// clang, which every CPU that they compile for has registers for. Used by the quantisers of
// engine/quant; their sums so have an order of their own, which the instruction set cannot change.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace heed {

inline constexpr int kLanes = 4;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Lanes load_lanes(const float* from) noexcept {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline Lanes all_lanes(float value) noexcept {
  return Lanes{value, value, value, value};
}

inline float sum(Lanes a) noexcept {
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

/// -128 to 127. They are in a file of their own so that compilers do not see them: of lesser(a, b)
/// GCC makes one instruction, but five where it knows b to be a constant.
extern const std::array<float, 256> kWholeNumbers;

inline Lanes whole_number(int value) noexcept {
  return all_lanes(kWholeNumbers[static_cast<size_t>(value + 128)]);
}

}  // namespace heed
