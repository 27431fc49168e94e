#include "engine/core/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace heed {
namespace {

uint32_t bits_of(float value) {
  return std::bit_cast<uint32_t>(value);
}

float next_up(float value) {
  return std::nextafter(value, std::numeric_limits<float>::infinity());
}

float next_down(float value) {
  return std::nextafter(value, -std::numeric_limits<float>::infinity());
}

/// The value of a binary16 by the definition in IEEE 754, table 3.5.
float f16_by_definition(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                          : exponent < 31
                              ? std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25)
                          : mantissa == 0 ? std::numeric_limits<float>::infinity()
                                          : std::numeric_limits<float>::quiet_NaN();
  return half & 0x8000 ? -magnitude : magnitude;
}

/// What must hold for every bit pattern of a 16-bit format: values that are exact, back and forth.
template <typename ToFloat, typename FromFloat>
int count_wrong_round_trips(ToFloat to_float, FromFloat from_float, uint16_t quiet_bit) {
  int wrong = 0;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = to_float(static_cast<uint16_t>(half));
    const uint32_t expected = std::isnan(value) ? half | quiet_bit : half;
    wrong += from_float(value) != expected;
  }
  return wrong;
}

/// Between neighbours a < b of a 16-bit format everything rounds to the nearer, and their middle to
/// the one whose last bit is zero. Covers all finite values, subnormals and overflow included:
/// `infinity` follows the largest finite value, and rounds as if it were the next value.
template <typename ToFloat, typename FromFloat>
int count_wrong_roundings(ToFloat to_float, FromFloat from_float, uint16_t infinity) {
  int wrong = 0;
  for (uint16_t a = 0; a < infinity; ++a) {
    const uint16_t b = a + 1;
    // The step below the largest value is the step above it too.
    const double low = to_float(a);
    const double step = b == infinity ? low - to_float(a - 1) : to_float(b) - low;
    const auto middle = static_cast<float>(low + step / 2);
    const uint16_t even = a % 2 == 0 ? a : b;
    for (const uint16_t sign : {0x0000, 0x8000}) {
      const float s = sign ? -1.0f : 1.0f;
      wrong += from_float(s * middle) != (even | sign);
      wrong += from_float(s * next_down(middle)) != (a | sign);
      wrong += from_float(s * next_up(middle)) != (b | sign);
    }
  }
  return wrong;
}

const auto kF16ToF32 = [](uint16_t half) { return f16_to_f32(half); };
const auto kF32ToF16 = [](float value) { return f32_to_f16(value); };
const auto kBf16ToF32 = [](uint16_t half) { return bf16_to_f32(half); };
const auto kF32ToBf16 = [](float value) { return f32_to_bf16(value); };

}  // namespace

TEST_CASE("every f16 has its value by definition") {
  int wrong = 0;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float expected = f16_by_definition(static_cast<uint16_t>(half));
    const float actual = f16_to_f32(static_cast<uint16_t>(half));
    wrong += std::isnan(expected) ? !std::isnan(actual) : bits_of(actual) != bits_of(expected);
  }
  CHECK(wrong == 0);
}

TEST_CASE("every f16 and every bf16 survives the way to float and back") {
  CHECK(count_wrong_round_trips(kF16ToF32, kF32ToF16, 0x0200) == 0);
  CHECK(count_wrong_round_trips(kBf16ToF32, kF32ToBf16, 0x0040) == 0);
}

TEST_CASE("floats round to the nearest f16 and bf16, ties to even") {
  CHECK(count_wrong_roundings(kF16ToF32, kF32ToF16, 0x7c00) == 0);
  CHECK(count_wrong_roundings(kBf16ToF32, kF32ToBf16, 0x7f80) == 0);
}

TEST_CASE("the far ends of float") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(f32_to_f16(65519.996f) == 0x7bff);
  CHECK(f32_to_f16(65520.0f) == 0x7c00);
  CHECK(f32_to_f16(-std::numeric_limits<float>::max()) == 0xfc00);
  CHECK(f32_to_f16(kInfinity) == 0x7c00);
  CHECK(f32_to_f16(std::numeric_limits<float>::denorm_min()) == 0x0000);
  CHECK(f32_to_f16(-0.0f) == 0x8000);
  CHECK(f32_to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(f32_to_bf16(-kInfinity) == 0xff80);
  CHECK(f32_to_bf16(-0.0f) == 0x8000);
}

TEST_CASE("a NaN stays a quiet NaN of the same sign, whatever its payload") {
  for (const uint32_t nan : {0x7f800001u, 0x7fbfffffu, 0x7fc00000u, 0x7fffffffu}) {
    for (const uint32_t sign : {0u, 0x80000000u}) {
      const auto value = std::bit_cast<float>(nan | sign);
      CHECK((f32_to_f16(value) & 0xfe00) == (0x7e00 | sign >> 16));
      CHECK((f32_to_bf16(value) & 0xffc0) == (0x7fc0 | sign >> 16));
    }
  }
  CHECK(bits_of(f16_to_f32(0xfc01)) == 0xffc02000);
}

}  // namespace heed
