// Reading the K formats: super-blocks of 256 whose sub-blocks have small integer scales of their
// own. Layouts and formulas: engine/quant/blocks.h.
#include "engine/core/half.h"
#include "engine/quant/formats.h"

namespace heed {

void dequantize_q2_k(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ2_K, kSuperBlock>(src, dst, n, [](const BlockQ2_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s] & 15);
      const float min = dmin * static_cast<float>(block.scales[s] >> 4);
      const uint8_t* qs = block.qs + 32 * (s / 8) + 16 * (s % 2);
      const int shift = 2 * (s / 2 % 4);
      for (int i = 0; i < 16; ++i)
        out[16 * s + i] = scale * static_cast<float>(qs[i] >> shift & 3) - min;
    }
  });
}

void dequantize_q3_k(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ3_K, kSuperBlock>(src, dst, n, [](const BlockQ3_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(q3_k_scale(block.scales, s));
      const uint8_t* qs = block.qs + 32 * (s / 8) + 16 * (s % 2);
      const uint8_t* hmask = block.hmask + 16 * (s % 2);
      const int shift = 2 * (s / 2 % 4);
      for (int i = 0; i < 16; ++i) {
        const int q = (qs[i] >> shift & 3) | (hmask[i] >> s / 2 & 1) << 2;
        out[16 * s + i] = scale * static_cast<float>(q - 4);
      }
    }
  });
}

void dequantize_q4_k(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ4_K, kSuperBlock>(src, dst, n, [](const BlockQ4_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    for (int s = 0; s < 8; ++s) {
      const ScaleMin sub = scale_min(block.scales, s);
      const float scale = d * static_cast<float>(sub.scale);
      const float min = dmin * static_cast<float>(sub.min);
      const uint8_t* qs = block.qs + 32 * (s / 2);
      const int shift = 4 * (s % 2);
      for (int i = 0; i < 32; ++i)
        out[32 * s + i] = scale * static_cast<float>(qs[i] >> shift & 15) - min;
    }
  });
}

void dequantize_q5_k(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ5_K, kSuperBlock>(src, dst, n, [](const BlockQ5_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    const float dmin = f16_to_f32(block.dmin);
    for (int s = 0; s < 8; ++s) {
      const ScaleMin sub = scale_min(block.scales, s);
      const float scale = d * static_cast<float>(sub.scale);
      const float min = dmin * static_cast<float>(sub.min);
      const uint8_t* qs = block.qs + 32 * (s / 2);
      const int shift = 4 * (s % 2);
      for (int i = 0; i < 32; ++i) {
        const int q = (qs[i] >> shift & 15) | (block.qh[i] >> s & 1) << 4;
        out[32 * s + i] = scale * static_cast<float>(q) - min;
      }
    }
  });
}

void dequantize_q6_k(const std::byte* src, float* dst, int64_t n) noexcept {
  decode_blocks<BlockQ6_K, kSuperBlock>(src, dst, n, [](const BlockQ6_K& block, float* out) {
    const float d = f16_to_f32(block.d);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s]);
      const int half = s / 8;
      const int j = s / 2 % 4;
      const uint8_t* ql = block.ql + 64 * half + 32 * (j % 2) + 16 * (s % 2);
      const uint8_t* qh = block.qh + 32 * half + 16 * (s % 2);
      const int low_shift = 4 * (j / 2);
      const int high_shift = 2 * j;
      for (int i = 0; i < 16; ++i) {
        const int q = (ql[i] >> low_shift & 15) | (qh[i] >> high_shift & 3) << 4;
        out[16 * s + i] = scale * static_cast<float>(q - 32);
      }
    }
  });
}

}  // namespace heed
