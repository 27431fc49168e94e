// Conversions between float and the two 16-bit floating-point formats, correct on any CPU.
// Used by engine/quant, by the scalar kernels and wherever a single value is read or written.
// References: IEEE 754-2008 binary16; bfloat16 is the upper half of a binary32.
//
// The functions are always inlined: an out-of-line copy made while compiling a file for AVX-512
// could otherwise be the one the linker keeps for the whole program.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace heed {

/// The value of a binary16. Exact; a NaN comes back quiet, with its sign and payload.
[[gnu::always_inline]] inline float f16_to_f32(uint16_t half) noexcept {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = half & 0x7c00u;
  const uint32_t mantissa = half & 0x03ffu;
  // Subnormals go through an integer, not through a subnormal float: workers may run with
  // denormals-are-zero.
  const float subnormal = static_cast<float>(static_cast<int32_t>(mantissa)) * 0x1p-24f;
  const uint32_t rebiased = (exponent + ((127 - 15) << 10) + mantissa) << 13;
  const uint32_t quiet_bit = mantissa != 0 ? 0x00400000u : 0u;
  const uint32_t magnitude = exponent == 0         ? std::bit_cast<uint32_t>(subnormal)
                             : exponent == 0x7c00u ? 0x7f800000u | quiet_bit | mantissa << 13
                                                   : rebiased;
  return std::bit_cast<float>(sign | magnitude);
}

/// The nearest binary16, ties to even; beyond the largest (65504) infinity, as IEEE 754 rounds.
/// A NaN stays a NaN: quiet, with its sign and the upper bits of its payload.
[[gnu::always_inline]] inline uint16_t f32_to_f16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Normal results: adding just under half of the last kept bit, plus that bit, rounds to even; a
  // carry moves into the exponent, and from the largest exponent on to infinity.
  const uint32_t clamped = std::min(magnitude, std::bit_cast<uint32_t>(0x1p16f));
  const uint32_t rounded = clamped + 0x0fffu + (clamped >> 13 & 1u);
  const uint32_t normal = (rounded - ((127 - 15) << 23)) >> 13;
  // Subnormal results are multiples of 2^-24, the last place of 0.5f: the adder does the rounding.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  const uint32_t subnormal = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);
  const uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x03ffu);
  const uint32_t half = magnitude > 0x7f800000u                         ? nan
                        : magnitude < std::bit_cast<uint32_t>(0x1p-14f) ? subnormal
                                                                        : normal;
  return static_cast<uint16_t>(bits >> 16 & 0x8000u) | static_cast<uint16_t>(half);
}

/// The value of a bfloat16. Exact, bit for bit.
[[gnu::always_inline]] inline float bf16_to_f32(uint16_t half) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

/// The nearest bfloat16, ties to even. A NaN stays a NaN: quiet, with its sign and the upper bits
/// of its payload.
[[gnu::always_inline]] inline uint16_t f32_to_bf16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return static_cast<uint16_t>((nan ? bits | 0x00400000u : rounded) >> 16);
}

}  // namespace heed
