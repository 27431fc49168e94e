// Bytes and Ints for AVX2; the twin of avx512_bytes.h, which says what the operations promise.
// Included after avx2_vec.h, by avx2*.cpp only.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include <cstddef>

namespace heed {
namespace {

struct Bytes {
  __m256i v;
};
struct Ints {
  __m256i v;
};

/// Codes of 2 to 4 bits are alike to Dot.
constexpr int dot_bits(int bits) {
  return bits < 4 ? 4 : bits;
}
/// vpmaddubsw adds two products in 16 bits: 8-bit codes fit only as signed bytes.
inline constexpr bool kSignedBytes = true;

inline int32_t load_dword(const std::byte* p) {
  int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

// ---- bytes --------------------------------------------------------------------------------------
inline Bytes load_bytes(const std::byte* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline void store_bytes(Bytes x, std::byte* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v);
}
inline Bytes broadcast_quad(const std::byte* p) {
  return {_mm256_set1_epi32(load_dword(p))};
}
template <int n>
inline Bytes shift_right(Bytes x) {
  if constexpr (n == 0) {
    return x;
  } else if constexpr (n > 0) {
    return {_mm256_srli_epi16(x.v, n)};
  } else {
    return {_mm256_slli_epi16(x.v, -n)};
  }
}
inline Bytes masked(Bytes x, uint8_t mask) {
  return {_mm256_and_si256(x.v, _mm256_set1_epi8(static_cast<char>(mask)))};
}
inline Bytes masked_or(Bytes x, uint8_t mask, Bytes y) {
  return {_mm256_or_si256(masked(x, mask).v, y.v)};
}
inline Bytes look_up(const uint8_t (&table)[16], Bytes index) {
  const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(row), index.v)};
}
inline Bytes to_signed(Bytes x) {
  return {_mm256_xor_si256(x.v, _mm256_set1_epi8(-128))};
}

// ---- integers -----------------------------------------------------------------------------------
inline Ints broadcast_int(const std::byte* p) {
  return {_mm256_set1_epi32(load_dword(p))};
}
inline Ints zero_ints() {
  return {_mm256_setzero_si256()};
}
/// Products are added in 16 bits for as many steps as cannot overflow: 2 * 15 * 127 * 8 and
/// 2 * 31 * 127 * 4 and 2 * 63 * 127 * 2 and 2 * 128 * 127 are all below 2^15.
template <int bits, int steps>
struct Dot {
  static constexpr int kFit = bits == 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
  static constexpr int kTogether = kFit < steps ? kFit : steps;
  Ints sum;
  __m256i words;

  void add(Bytes codes, Bytes values, int i) {
    if constexpr (bits == 8) {  // |code| * (value with the code's sign)
      values.v = _mm256_sign_epi8(values.v, codes.v);
      codes.v = _mm256_abs_epi8(codes.v);
    }
    const __m256i products = _mm256_maddubs_epi16(codes.v, values.v);
    words = i % kTogether == 0 ? products : _mm256_add_epi16(words, products);
    asm("" : "+x"(words));  // GCC would make a tree of the additions, too wide for 16 registers
    if (i % kTogether == kTogether - 1)
      sum.v = _mm256_add_epi32(sum.v, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
  }
};
inline Vec to_float(Ints x) {
  return {_mm256_cvtepi32_ps(x.v)};
}
inline Ints round_to_int(Vec x) {
  return {_mm256_cvtps_epi32(x.v)};
}
inline Ints magnitude(Vec x) {
  return {_mm256_and_si256(_mm256_castps_si256(x.v), _mm256_set1_epi32(0x7fffffff))};
}
inline Ints plus(Ints a, Ints b) {
  return {_mm256_add_epi32(a.v, b.v)};
}
inline Ints larger(Ints a, Ints b) {
  return {_mm256_max_epi32(a.v, b.v)};
}
template <typename Op>
inline void reduce_four(const Ints (&x)[4], Op op, int32_t* out) {
  const auto pairs = [op](Ints a, Ints b) {
    return op(Ints{_mm256_unpacklo_epi32(a.v, b.v)}, Ints{_mm256_unpackhi_epi32(a.v, b.v)}).v;
  };
  const __m256i ab = pairs(x[0], x[1]), cd = pairs(x[2], x[3]);
  const Ints quads = op(Ints{_mm256_unpacklo_epi64(ab, cd)}, Ints{_mm256_unpackhi_epi64(ab, cd)});
  const Ints all = op(quads, Ints{_mm256_permute2x128_si256(quads.v, quads.v, 0x01)});
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(all.v));
}
inline void store_int8(Ints x, int8_t* p) {
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

inline Ints load_words(const std::byte* p) {
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints add_word_products(Ints sum, Ints a, Ints b) {
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(a.v, b.v))};
}
inline void store_int16(Ints x, int16_t* p) {
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}

// ---- scales -------------------------------------------------------------------------------------
inline Vec load_f16(const std::byte* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints load_u8(const std::byte* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints load_i8(const void* p) {
  return {_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
inline Ints low_nibble(Ints x) {
  return {_mm256_and_si256(x.v, _mm256_set1_epi32(15))};
}
inline Ints high_nibble(Ints x) {
  return {_mm256_srli_epi32(x.v, 4)};
}

}  // namespace
}  // namespace heed
