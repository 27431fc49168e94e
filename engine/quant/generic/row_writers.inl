// All writers of rows, for the instruction set whose number of lanes the including file says.
#pragma once

#include "engine/core/half.h"
#include "engine/quant/generic/block_values.inl"
#include "engine/quant/generic/k_quantize.inl"
#include "engine/quant/generic/legacy_quantize.inl"
#include "engine/quant/row_writers.h"

namespace heed {
namespace {

void write_f32(const float* src, std::byte* dst, int64_t n, const float*) noexcept {
  memcpy(dst, src, static_cast<size_t>(n) * sizeof *src);
}

template <uint16_t (*convert)(float) noexcept>
void write_half(const float* src, std::byte* dst, int64_t n, const float*) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t half = convert(src[i]);
    memcpy(dst + i * sizeof half, &half, sizeof half);
  }
}

template <typename Block, int size, Block (*encode)(const BlockValues<size>&) noexcept>
void write_blocks(const float* src, std::byte* dst, int64_t n, const float* importance) noexcept {
  for (int64_t i = 0; i < n; i += size, dst += sizeof(Block)) {
    const Block block = encode(load_values<size>(src + i, importance ? importance + i : nullptr));
    memcpy(dst, &block, sizeof(Block));
  }
}

constexpr RowWriters kGenericWriters = {
    .f32 = write_f32,
    .f16 = write_half<f32_to_f16>,
    .bf16 = write_half<f32_to_bf16>,
    .q4_0 = write_blocks<BlockQ4_0, kBlock, encode<BlockQ4_0, IntegerLevels<-8, 7>>>,
    .q4_1 = write_blocks<BlockQ4_1, kBlock, encode<BlockQ4_1, IntegerLevels<0, 15>>>,
    .q5_0 = write_blocks<BlockQ5_0, kBlock, encode<BlockQ5_0, IntegerLevels<-16, 15>>>,
    .q5_1 = write_blocks<BlockQ5_1, kBlock, encode<BlockQ5_1, IntegerLevels<0, 31>>>,
    .q8_0 = write_blocks<BlockQ8_0, kBlock, encode_q8_0>,
    .iq4_nl = write_blocks<BlockIQ4_NL, kBlock, encode<BlockIQ4_NL, Iq4NlLevels>>,
    .q2_k = write_blocks<BlockQ2_K, kSuperBlock, encode_q2_k>,
    .q3_k = write_blocks<BlockQ3_K, kSuperBlock, encode_q3_k>,
    .q4_k = write_blocks<BlockQ4_K, kSuperBlock, encode_q45_k<BlockQ4_K, IntegerLevels<0, 15>>>,
    .q5_k = write_blocks<BlockQ5_K, kSuperBlock, encode_q45_k<BlockQ5_K, IntegerLevels<0, 31>>>,
    .q6_k = write_blocks<BlockQ6_K, kSuperBlock, encode_q6_k>,
};

}  // namespace
}  // namespace heed
