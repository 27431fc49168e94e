// The bytes of a block of quantised weights, one struct per format, as they lie in a GGUF file.
// Used by engine/quant to read and write them and by engine/kernels to repack them.
// Reference: ggml's block formats, docs/gguf.md in ggml's repository; all numbers little-endian.
//
// In the formulas below i is an element's place in its block; "d" and other f16 fields hold the
// bits of a binary16 (engine/core/half.h). "bits a..b" counts from the least significant bit.
#pragma once

#include <bit>
#include <cstdint>

namespace heed {

static_assert(std::endian::native == std::endian::little,
              "blocks are read as they lie in the file");

/// Elements in a block of Q4_0 ... Q8_0 and IQ4_NL.
inline constexpr int kBlock = 32;
/// Elements in a super-block of the K formats.
inline constexpr int kSuperBlock = 256;

/// value = d * (q - 8), 0 <= q < 16. 4.5 bits a weight.
/// Element i < 16 is bits 0..3 of qs[i]; element i >= 16 is bits 4..7 of qs[i - 16].
struct BlockQ4_0 {
  uint16_t d;  ///< f16
  uint8_t qs[kBlock / 2];
};
static_assert(sizeof(BlockQ4_0) == 18);

/// value = d * q + m, 0 <= q < 16. 5 bits a weight. qs as in Q4_0.
struct BlockQ4_1 {
  uint16_t d;  ///< f16
  uint16_t m;  ///< f16
  uint8_t qs[kBlock / 2];
};
static_assert(sizeof(BlockQ4_1) == 20);

/// value = d * (q - 16), 0 <= q < 32. 5.5 bits a weight.
/// Bits 0..3 of q lie in qs as in Q4_0; bit 4 of element i's q is bit i % 8 of qh[i / 8].
struct BlockQ5_0 {
  uint16_t d;  ///< f16
  uint8_t qh[kBlock / 8];
  uint8_t qs[kBlock / 2];
};
static_assert(sizeof(BlockQ5_0) == 22);

/// value = d * q + m, 0 <= q < 32. 6 bits a weight. qh and qs as in Q5_0.
struct BlockQ5_1 {
  uint16_t d;  ///< f16
  uint16_t m;  ///< f16
  uint8_t qh[kBlock / 8];
  uint8_t qs[kBlock / 2];
};
static_assert(sizeof(BlockQ5_1) == 24);

/// value = d * qs[i]. 8.5 bits a weight.
struct BlockQ8_0 {
  uint16_t d;  ///< f16
  int8_t qs[kBlock];
};
static_assert(sizeof(BlockQ8_0) == 34);

/// value = d * kIq4NlLevels[q], 0 <= q < 16: unevenly spaced levels, denser near zero, as weights
/// are. 4.5 bits a weight. qs as in Q4_0.
struct BlockIQ4_NL {
  uint16_t d;  ///< f16
  uint8_t qs[kBlock / 2];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

/// The levels of IQ4_NL, ascending; part of the format.
inline constexpr int8_t kIq4NlLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};

/// value = d * scale * q - dmin * min, 0 <= q < 4. 2.625 bits a weight.
/// 16 sub-blocks of 16: sub-block s = i / 16 has its scale in bits 0..3 and its min in bits 4..7 of
/// scales[s]. Each 128 elements share 32 bytes of qs, 32 elements a bit pair:
/// q is bits 2j..2j+1 of qs[32 * (i / 128) + i % 32], j = i / 32 % 4.
struct BlockQ2_K {
  uint8_t scales[kSuperBlock / 16];
  uint8_t qs[kSuperBlock / 4];
  uint16_t d;     ///< f16
  uint16_t dmin;  ///< f16
};
static_assert(sizeof(BlockQ2_K) == 84);

/// value = d * scale * (q - 4), 0 <= q < 8, -32 <= scale < 32. 3.4375 bits a weight.
/// Bits 0..1 of q lie in qs as in Q2_K; bit 2 is bit i / 32 of hmask[i % 32].
/// The scale of sub-block s = i / 16: q3_k_scale.
struct BlockQ3_K {
  uint8_t hmask[kSuperBlock / 8];
  uint8_t qs[kSuperBlock / 4];
  uint8_t scales[12];
  uint16_t d;  ///< f16
};
static_assert(sizeof(BlockQ3_K) == 110);

/// The scale of sub-block s (0..15) of a Q3_K block, -32..31; stored plus 32, in 6 bits:
/// bits 0..3 of s < 8 are bits 0..3 of scales[s], of s >= 8 bits 4..7 of scales[s - 8];
/// bits 4..5 are bits 2j..2j+1 of scales[8 + s % 4], j = s / 4.
inline int q3_k_scale(const uint8_t (&scales)[12], int s) {
  const int low = scales[s % 8] >> 4 * (s / 8) & 15;
  const int high = scales[8 + s % 4] >> 2 * (s / 4) & 3;
  return (high << 4 | low) - 32;
}

/// value = d * scale * q - dmin * min, 0 <= q < 16. 4.5 bits a weight.
/// 8 sub-blocks of 32; the scale and min of sub-block s = i / 32: scale_min.
/// Each 64 elements share 32 bytes of qs: q is the low nibble (even s) or the high nibble (odd s)
/// of qs[32 * (i / 64) + i % 32].
struct BlockQ4_K {
  uint16_t d;     ///< f16
  uint16_t dmin;  ///< f16
  uint8_t scales[12];
  uint8_t qs[kSuperBlock / 2];
};
static_assert(sizeof(BlockQ4_K) == 144);

/// value = d * scale * q - dmin * min, 0 <= q < 32. 5.5 bits a weight.
/// As Q4_K, and bit 4 of q is bit i / 32 of qh[i % 32].
struct BlockQ5_K {
  uint16_t d;     ///< f16
  uint16_t dmin;  ///< f16
  uint8_t scales[12];
  uint8_t qh[kSuperBlock / 8];
  uint8_t qs[kSuperBlock / 2];
};
static_assert(sizeof(BlockQ5_K) == 176);

struct ScaleMin {
  uint8_t scale;  ///< 0..63
  uint8_t min;    ///< 0..63
};

/// The scale and min of sub-block s (0..7) of a Q4_K or Q5_K block, 6 bits each:
///   s < 4:  scale = bits 0..5 of scales[s], min = bits 0..5 of scales[s + 4]
///   s >= 4: scale = bits 0..3 of scales[s + 4], then bits 6..7 of scales[s - 4];
///           min   = bits 4..7 of scales[s + 4], then bits 6..7 of scales[s]
inline ScaleMin scale_min(const uint8_t (&scales)[12], int s) {
  if (s < 4)
    return {.scale = static_cast<uint8_t>(scales[s] & 63),
            .min = static_cast<uint8_t>(scales[s + 4] & 63)};
  return {.scale = static_cast<uint8_t>((scales[s + 4] & 15) | scales[s - 4] >> 6 << 4),
          .min = static_cast<uint8_t>(scales[s + 4] >> 4 | scales[s] >> 6 << 4)};
}

/// value = d * scales[i / 16] * (q - 32), 0 <= q < 64. 6.5625 bits a weight.
/// Per 128 elements, h = i / 128 and j = i / 32 % 4: bits 0..3 of q are the low (j < 2) or high
/// (j >= 2) nibble of ql[64 * h + 32 * (j % 2) + i % 32]; bits 4..5 are bits 2j..2j+1 of
/// qh[32 * h + i % 32].
struct BlockQ6_K {
  uint8_t ql[kSuperBlock / 2];
  uint8_t qh[kSuperBlock / 4];
  int8_t scales[kSuperBlock / 16];
  uint16_t d;  ///< f16
};
static_assert(sizeof(BlockQ6_K) == 210);

}  // namespace heed
