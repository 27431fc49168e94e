// The row functions behind quant.h's table, and the loop over blocks they share.
// Used inside engine/quant only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/quant/blocks.h"

namespace heed {

/// Calls decode(block, out) for each block of `size` values. The block is a local copy: src needs
/// no alignment, and the compiler knows that writing to out does not change it.
template <typename Block, int size, typename Decode>
void decode_blocks(const std::byte* src, float* dst, int64_t n, Decode decode) noexcept {
  for (int64_t i = 0; i < n; i += size, src += sizeof(Block)) {
    Block block;
    std::memcpy(&block, src, sizeof(Block));
    decode(block, dst + i);
  }
}

/// What a quantiser of blocks gets to see: `size` finite values, and how much the squared error of
/// each counts, from 2^-24 to 1.
template <int size>
struct BlockValues {
  float x[size];
  float weight[size];
  bool weighted;  ///< false: all weights are 1
};

/// The block at src. Values become numbers that no format reaches the end of: a NaN zero, what is
/// beyond +-2^30 that. Weights are taken relative to the block's largest; the least that one counts
/// lets values decide among themselves where all others have none. So no importance, or that of a
/// block of zeros, is plain squared error.
template <int size>
BlockValues<size> load_values(const float* src, const float* importance) noexcept {
  constexpr float kLargest = 0x1p30f;
  constexpr float kLeastWeight = 0x1p-24f;
  BlockValues<size> values;
  values.weighted = false;
  for (int i = 0; i < size; ++i) {
    const float number = src[i] == src[i] ? src[i] : 0.0f;
    values.x[i] = std::min(kLargest, std::max(-kLargest, number));
    values.weight[i] = 1.0f;
  }
  if (importance == nullptr) return values;
  const float largest = *std::max_element(importance, importance + size);
  if (largest == 0.0f) return values;
  values.weighted = true;
  for (int i = 0; i < size; ++i) values.weight[i] = std::max(kLeastWeight, importance[i] / largest);
  return values;
}

/// The other way: block = encode(values) for each block.
template <typename Block, int size, typename Encode>
void encode_blocks(const float* src, std::byte* dst, int64_t n, const float* importance,
                   Encode encode) noexcept {
  for (int64_t i = 0; i < n; i += size, dst += sizeof(Block)) {
    const Block block = encode(load_values<size>(src + i, importance ? importance + i : nullptr));
    std::memcpy(dst, &block, sizeof(Block));
  }
}

void dequantize_q4_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q4_1(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_1(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q8_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_iq4_nl(const std::byte* src, float* dst, int64_t n) noexcept;

void quantize_q4_0(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q4_1(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q5_0(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q5_1(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q8_0(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_iq4_nl(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;

void dequantize_q2_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q3_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q4_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q6_k(const std::byte* src, float* dst, int64_t n) noexcept;

void quantize_q2_k(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q3_k(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q4_k(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q5_k(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;
void quantize_q6_k(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept;

}  // namespace heed
