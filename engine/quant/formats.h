// The readers of rows behind quant.h's table, and the loop over blocks they share.
// Used inside engine/quant only.
#pragma once

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

void dequantize_q4_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q4_1(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_1(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q8_0(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_iq4_nl(const std::byte* src, float* dst, int64_t n) noexcept;

void dequantize_q2_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q3_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q4_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q5_k(const std::byte* src, float* dst, int64_t n) noexcept;
void dequantize_q6_k(const std::byte* src, float* dst, int64_t n) noexcept;

}  // namespace heed
