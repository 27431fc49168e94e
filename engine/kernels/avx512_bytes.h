// Bytes and Ints: the integer side of Vec, for quantised matrices. Included after avx512_vec.h, by
// avx512*.cpp only. Bytes holds 4 bytes for each lane, as a vector of a panel does (pack.h).
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include <cstddef>

namespace heed {
namespace {

struct Bytes {
  __m512i v;
};
struct Ints {
  __m512i v;
};

/// What Dot needs to know of codes of `bits` bits: here nothing, one kind serves all.
constexpr int dot_bits(int /*bits*/) {
  return 8;
}
/// Whether Dot takes 8-bit codes minus 128, as signed bytes. Here all codes are unsigned.
inline constexpr bool kSignedBytes = false;

inline int32_t load_dword(const std::byte* p) {
  int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

// ---- bytes --------------------------------------------------------------------------------------
inline Bytes load_bytes(const std::byte* p) {
  return {_mm512_loadu_si512(p)};
}
inline void store_bytes(Bytes x, std::byte* p) {
  _mm512_storeu_si512(p, x.v);
}
/// The 4 bytes at p in every lane.
inline Bytes broadcast_quad(const std::byte* p) {
  return {_mm512_set1_epi32(load_dword(p))};
}
/// Shifts right by n bits, left if n < 0; what crosses from byte to byte is for the caller to mask.
template <int n>
inline Bytes shift_right(Bytes x) {
  if constexpr (n == 0) {
    return x;
  } else if constexpr (n > 0) {
    return {_mm512_srli_epi16(x.v, n)};
  } else {
    return {_mm512_slli_epi16(x.v, -n)};
  }
}
inline Bytes masked(Bytes x, uint8_t mask) {
  return {_mm512_and_si512(x.v, _mm512_set1_epi8(static_cast<char>(mask)))};
}
/// x & mask | y
inline Bytes masked_or(Bytes x, uint8_t mask, Bytes y) {
  constexpr int kAndOr = 0xea;
  const __m512i m = _mm512_set1_epi8(static_cast<char>(mask));
  return {_mm512_ternarylogic_epi32(x.v, m, y.v, kAndOr)};
}
inline Bytes look_up(const uint8_t (&table)[16], Bytes index) {
  const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(row), index.v)};
}
/// 8-bit codes minus 128.
inline Bytes to_signed(Bytes x) {
  return {_mm512_xor_si512(x.v, _mm512_set1_epi8(-128))};
}

// ---- integers -----------------------------------------------------------------------------------
inline Ints broadcast_int(const std::byte* p) {
  return {_mm512_set1_epi32(load_dword(p))};
}
inline Ints zero_ints() {
  return {_mm512_setzero_si512()};
}
/// A sum of products of codes of up to `bits` bits with signed bytes, 4 a lane in each of `steps`
/// steps.
template <int bits, int steps>
struct Dot {
  Ints sum;

  /// Adds the products of step i = 0, 1 ... to a sum set before; complete after the last step.
  void add(Bytes codes, Bytes values, int /*i*/) {
    sum.v = _mm512_dpbusd_epi32(sum.v, codes.v, values.v);
  }
};
inline Vec to_float(Ints x) {
  return {_mm512_cvtepi32_ps(x.v)};
}
/// To nearest, ties to even.
inline Ints round_to_int(Vec x) {
  return {_mm512_cvtps_epi32(x.v)};
}
/// The bits of |x|: as integers, NaN > infinity > finite numbers.
inline Ints magnitude(Vec x) {
  return {_mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x7fffffff))};
}
inline Ints plus(Ints a, Ints b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
inline Ints larger(Ints a, Ints b) {
  return {_mm512_max_epi32(a.v, b.v)};
}
/// What `op`, plus or larger, makes of the lanes of each of four vectors.
template <typename Op>
inline void reduce_four(const Ints (&x)[4], Op op, int32_t* out) {
  const auto pairs = [op](Ints a, Ints b) {
    return op(Ints{_mm512_unpacklo_epi32(a.v, b.v)}, Ints{_mm512_unpackhi_epi32(a.v, b.v)}).v;
  };
  const __m512i ab = pairs(x[0], x[1]), cd = pairs(x[2], x[3]);
  const Ints quads = op(Ints{_mm512_unpacklo_epi64(ab, cd)}, Ints{_mm512_unpackhi_epi64(ab, cd)});
  const Ints halves = op(quads, Ints{_mm512_shuffle_i64x2(quads.v, quads.v, 0x4e)});
  const Ints all = op(halves, Ints{_mm512_shuffle_i64x2(halves.v, halves.v, 0xb1)});
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(all.v));
}
/// The lanes, in -128..127, as bytes.
inline void store_int8(Ints x, int8_t* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x.v));
}

/// 2 * kLanes signed bytes as words, two a lane.
inline Ints load_words(const std::byte* p) {
  return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
/// sum + the products of both words of each lane.
inline Ints add_word_products(Ints sum, Ints a, Ints b) {
  return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)};
}
/// The lanes as words; what is too large becomes the largest word.
inline void store_int16(Ints x, int16_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(x.v));
}

// ---- scales -------------------------------------------------------------------------------------
inline Vec load_f16(const std::byte* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline Ints load_u8(const std::byte* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints load_i8(const void* p) {
  return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints low_nibble(Ints x) {
  return {_mm512_and_si512(x.v, _mm512_set1_epi32(15))};
}
inline Ints high_nibble(Ints x) {
  return {_mm512_srli_epi32(x.v, 4)};
}

}  // namespace
}  // namespace heed
