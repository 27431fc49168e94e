// Brings records of panels into tiles of AMX: 32 columns of 16 rows, rounded to bf16. Included by
// amx_matmul.cpp, after generic/quantized_matmul.inl.
#pragma once

#include "engine/kernels/amx_tiles.h"

namespace heed {
namespace {

/// How many bits of code a quad has in each byte.
constexpr int code_bits(PanelFormat f) {
  return f.zero == 128 ? 8 : f.low_bits + f.high_bits;
}

/// The bit of a float's fraction where column `column` of a quad, whose code is byte `column`, gets
/// its units. Bytes 1 and 2 may stay where they are, unless a code would reach into the exponent:
/// with 32768 before it a code is off by up to 2^-9 once scaled.
constexpr int unit_bit(int column, int bits) {
  return column == 1 ? 8 : column == 2 && bits < 8 ? 16 : 15;
}

/// The float whose fraction has units in bit `unit`, and no fraction.
constexpr int32_t base_bits(int unit) {
  return (127 + 23 - unit) << 23;
}

/// base + the code of column `column` of a quad.
template <int column, int bits>
inline Vec code_above_base(Bytes quad) {
  constexpr int kUnit = unit_bit(column, bits), kAndOr = 0xea;
  constexpr int shift = kUnit - 8 * column;
  __m512i x = quad.v;
  if constexpr (shift > 0) x = _mm512_slli_epi32(x, shift);
  if constexpr (shift < 0) x = _mm512_srli_epi32(x, -shift);
  x = _mm512_ternarylogic_epi32(x, _mm512_set1_epi32(0xff << kUnit),
                                _mm512_set1_epi32(base_bits(kUnit)), kAndOr);
  return {_mm512_castsi512_ps(x)};
}

/// Bits of v rounded to bf16, to nearest and ties away from zero, in the upper half.
inline __m512i rounded(Vec v) {
  return _mm512_add_epi32(_mm512_castps_si512(v.v), _mm512_set1_epi32(0x8000));
}

inline void store_pairs(Vec even, Vec odd, std::byte* out) {
  const __m512i low = _mm512_srli_epi32(rounded(even), 16);
  _mm512_store_si512(out, _mm512_mask_blend_epi16(0xaaaaaaaa, low, rounded(odd)));
}

/// Writes record `index` of a quantised panel as a tile.
template <DType type>
inline void unpack_record(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr PanelFormat f = panel_format(type);
  constexpr int kBits = code_bits(f);
  Header header = {};
  if constexpr (f.super_block) header = load_header(super_block_at<type>(panel, index));
  const InRegisters r = load_record<type>(record_at<type>(panel, index), 0, header);
  Vec offset[f.groups][4];
  for (int g = 0; g < f.groups; ++g) {
    const Vec min = f.has_min ? r.mins[g] : zero();
    for (int c = 0; c < 4; ++c) {
      const float base = __builtin_bit_cast(float, base_bits(unit_bit(c, kBits)));
      offset[g][c] = fnma(broadcast(base + (f.has_min ? 0 : f.zero)), r.scales[g], min);
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < kRecordQuads; ++q, out += 2 * kVectorBytes) {
    const int g = q * f.groups / kRecordQuads;
    const Vec scale = r.scales[g];
    const Bytes quad = r.codes[q];
    const Vec a = fma(code_above_base<0, kBits>(quad), scale, offset[g][0]);
    const Vec b = fma(code_above_base<1, kBits>(quad), scale, offset[g][1]);
    const Vec c = fma(code_above_base<2, kBits>(quad), scale, offset[g][2]);
    const Vec d = fma(code_above_base<3, kBits>(quad), scale, offset[g][3]);
    store_pairs(a, b, out);
    store_pairs(c, d, out + kVectorBytes);
  }
}

template <>
inline void unpack_record<DType::f16>(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr int64_t kColumnBytes = kPanelRows * 2;
  const std::byte* in = panel + index * kTileBytes;
  for (int i = 0; i < kTileRows; ++i, in += 2 * kColumnBytes, out += kVectorBytes)
    store(bf16_pairs(load_f16(in), load_f16(in + kColumnBytes)), reinterpret_cast<float*>(out));
}

/// Writes a record of a panel as a tile.
using UnpackRecord = void (*)(const std::byte* panel, int64_t index, std::byte* out);

inline UnpackRecord unpack_of(DType type) {
  switch (type) {
    case DType::f16:
      return unpack_record<DType::f16>;
    case DType::q4_0:
      return unpack_record<DType::q4_0>;
    case DType::q4_1:
      return unpack_record<DType::q4_1>;
    case DType::q5_0:
      return unpack_record<DType::q5_0>;
    case DType::q5_1:
      return unpack_record<DType::q5_1>;
    case DType::q8_0:
      return unpack_record<DType::q8_0>;
    case DType::iq4_nl:
      return unpack_record<DType::iq4_nl>;
    case DType::q2_k:
      return unpack_record<DType::q2_k>;
    case DType::q3_k:
      return unpack_record<DType::q3_k>;
    case DType::q4_k:
      return unpack_record<DType::q4_k>;
    case DType::q5_k:
      return unpack_record<DType::q5_k>;
    case DType::q6_k:
      return unpack_record<DType::q6_k>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace heed
