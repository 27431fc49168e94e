// Reading the formats with one scale per block of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and IQ4_NL.
// Layouts and formulas: engine/quant/blocks.h.
#include "engine/core/half.h"
#include "engine/quant/formats.h"

namespace heed {
namespace {

constexpr int kHalf = kBlock / 2;  // low nibbles hold the first half of a block, high the second

/// Bit 4 of each element, by element: 0 or 16.
void spread_fifth_bits(const uint8_t (&qh)[kBlock / 8], uint8_t (&bit4)[kBlock]) noexcept {
  for (int i = 0; i < kBlock; ++i) bit4[i] = static_cast<uint8_t>((qh[i / 8] >> (i % 8) & 1) << 4);
}

}  // namespace

void dequantize_q4_0(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ4_0, kBlock>(src, dst, n, [](const BlockQ4_0& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((block.qs[i] & 15) - 8);
      out[i + kHalf] = d * static_cast<float>((block.qs[i] >> 4) - 8);
    }
  });
}

void dequantize_q4_1(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ4_1, kBlock>(src, dst, n, [](const BlockQ4_1& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float m = f16_to_f32(block.m);
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(block.qs[i] & 15) + m;
      out[i + kHalf] = d * static_cast<float>(block.qs[i] >> 4) + m;
    }
  });
}

void dequantize_q5_0(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ5_0, kBlock>(src, dst, n, [](const BlockQ5_0& block, float* out) {
    const float d = f16_to_f32(block.d);
    uint8_t bit4[kBlock];
    spread_fifth_bits(block.qh, bit4);
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(((block.qs[i] & 15) | bit4[i]) - 16);
      out[i + kHalf] = d * static_cast<float>((block.qs[i] >> 4 | bit4[i + kHalf]) - 16);
    }
  });
}

void dequantize_q5_1(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ5_1, kBlock>(src, dst, n, [](const BlockQ5_1& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float m = f16_to_f32(block.m);
    uint8_t bit4[kBlock];
    spread_fifth_bits(block.qh, bit4);
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((block.qs[i] & 15) | bit4[i]) + m;
      out[i + kHalf] = d * static_cast<float>(block.qs[i] >> 4 | bit4[i + kHalf]) + m;
    }
  });
}

void dequantize_q8_0(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ8_0, kBlock>(src, dst, n, [](const BlockQ8_0& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < kBlock; ++i) out[i] = d * static_cast<float>(block.qs[i]);
  });
}

void dequantize_iq4_nl(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockIQ4_NL, kBlock>(src, dst, n, [](const BlockIQ4_NL& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(kIq4NlLevels[block.qs[i] & 15]);
      out[i + kHalf] = d * static_cast<float>(kIq4NlLevels[block.qs[i] >> 4]);
    }
  });
}

}  // namespace heed
