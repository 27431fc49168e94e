// Vec: 16 floats in a register of AVX-512, and the operations the kernels in generic/ are written
// in. Included by avx512*.cpp and the like only; avx2_vec.h is its twin with 8 lanes.
//
// Everything is in an anonymous namespace: code compiled for one instruction set must not be what
// the linker keeps for all.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace heed {
namespace {

inline constexpr int kLanes = 16;

struct Vec {
  __m512 v;
};

/// A condition for each lane.
struct Mask {
  __mmask16 m;
};

inline __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>(_bzhi_u32(0xffff, static_cast<unsigned>(n)));
}

// ---- memory: no alignment needed; `n`: only the first n lanes, 0 to kLanes, are touched ---------
inline Vec broadcast(float x) {
  return {_mm512_set1_ps(x)};
}
inline Vec zero() {
  return {_mm512_setzero_ps()};
}
inline Vec load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
inline Vec load_first(const float* p, int64_t n) {  // the other lanes are 0
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
inline void store(Vec x, float* p) {
  _mm512_storeu_ps(p, x.v);
}
inline void store_first(Vec x, float* p, int64_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), x.v);
}

// ---- arithmetic ---------------------------------------------------------------------------------
inline Vec operator+(Vec a, Vec b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline Vec operator-(Vec a, Vec b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline Vec operator*(Vec a, Vec b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline Vec operator/(Vec a, Vec b) {
  return {_mm512_div_ps(a.v, b.v)};
}
/// a / b within 1.5 ulp for b >= 1, 0 for infinite b: a guess of 14 bits and a step of Newton's,
/// since the divider takes 16 cycles.
inline Vec quotient(Vec a, Vec b) {
  const __mmask16 finite = _mm512_cmp_ps_mask(b.v, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
  const __m512 guess = _mm512_rcp14_ps(b.v);
  const __m512 error = _mm512_fnmadd_ps(b.v, guess, _mm512_set1_ps(1));
  return {_mm512_mul_ps(a.v, _mm512_maskz_fmadd_ps(finite, guess, error, guess))};
}
inline Vec fma(Vec a, Vec b, Vec c) {  // a * b + c
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
inline Vec fms(Vec a, Vec b, Vec c) {  // a * b - c
  return {_mm512_fmsub_ps(a.v, b.v, c.v)};
}
inline Vec fnma(Vec a, Vec b, Vec c) {  // c - a * b
  return {_mm512_fnmadd_ps(a.v, b.v, c.v)};
}
/// b where either is NaN, here and in max.
inline Vec min(Vec a, Vec b) {
  return {_mm512_min_ps(a.v, b.v)};
}
inline Vec max(Vec a, Vec b) {
  return {_mm512_max_ps(a.v, b.v)};
}
/// To the nearest whole number, ties to even.
inline Vec round(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/// x * 2^n for whole n, rounded once: overflows to infinity, underflows by way of subnormals to 0.
inline Vec times_two_to(Vec x, Vec n) {
  return {_mm512_scalef_ps(x.v, n.v)};
}

// ---- lanes --------------------------------------------------------------------------------------
inline Mask operator==(Vec a, Vec b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)};
}
inline Mask operator<(Vec a, Vec b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)};
}
inline Vec select(Mask where, Vec a, Vec b) {  // where ? a : b
  return {_mm512_mask_blend_ps(where.m, b.v, a.v)};
}
/// Lane i where bit i is set.
inline Mask lanes_of(uint32_t bits) {
  return {static_cast<__mmask16>(bits)};
}
/// The lowest lane where the condition holds; kLanes if none.
inline int first_true(Mask mask) {
  return __builtin_ctz(mask.m | 1u << kLanes);
}
/// 0, 1, 2 ...
inline Vec lane_numbers() {
  return {_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
}
inline float sum_of_lanes(Vec x) {
  return _mm512_reduce_add_ps(x.v);
}
inline float max_of_lanes(Vec x) {  // of lanes that are not NaN
  return _mm512_reduce_max_ps(x.v);
}
/// The largest lane, in all lanes; lanes are not NaN.
inline Vec spread_max(Vec x) {
  x.v = _mm512_max_ps(x.v, _mm512_shuffle_f32x4(x.v, x.v, 0x4e));
  x.v = _mm512_max_ps(x.v, _mm512_shuffle_f32x4(x.v, x.v, 0xb1));
  x.v = _mm512_max_ps(x.v, _mm512_permute_ps(x.v, 0x4e));
  return {_mm512_max_ps(x.v, _mm512_permute_ps(x.v, 0xb1))};
}
/// The values at even and at odd places of the 2 * kLanes values a, b.
inline void split_pairs(Vec a, Vec b, Vec& even, Vec& odd) {
  const __m512i at = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  even.v = _mm512_permutex2var_ps(a.v, at, b.v);
  odd.v = _mm512_permutex2var_ps(a.v, _mm512_add_epi32(at, _mm512_set1_epi32(1)), b.v);
}
inline void join_pairs(Vec even, Vec odd, Vec& a, Vec& b) {
  const __m512i at = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  a.v = _mm512_permutex2var_ps(even.v, at, odd.v);
  b.v = _mm512_permutex2var_ps(even.v, _mm512_add_epi32(at, _mm512_set1_epi32(8)), odd.v);
}
/// Numbers [first, first + kLanes) of as many rows as columns. Lanes of 128 bits come from memory
/// to their place, so that half as many shuffles are left: of 4 rows' 4 numbers.
inline void load_columns(const float* const* rows, int64_t first, Vec (&x)[kLanes]) {
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 4) {
    const auto every_fourth = [=](int row) {
      const float* const* at = rows + row;
      const int64_t n = first + i;
      __m512 four = _mm512_castps128_ps512(_mm_loadu_ps(at[0] + n));
      four = _mm512_insertf32x4(four, _mm_loadu_ps(at[4] + n), 1);
      four = _mm512_insertf32x4(four, _mm_loadu_ps(at[8] + n), 2);
      return _mm512_insertf32x4(four, _mm_loadu_ps(at[12] + n), 3);
    };
    const __m512 a = every_fourth(0), b = every_fourth(1), c = every_fourth(2), d = every_fourth(3);
    const __m512 ab = _mm512_unpacklo_ps(a, b), cd = _mm512_unpacklo_ps(c, d);
    const __m512 ab_high = _mm512_unpackhi_ps(a, b), cd_high = _mm512_unpackhi_ps(c, d);
    x[i].v = _mm512_shuffle_ps(ab, cd, 0x44);
    x[i + 1].v = _mm512_shuffle_ps(ab, cd, 0xee);
    x[i + 2].v = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
    x[i + 3].v = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
  }
}

// ---- 16-bit floats ------------------------------------------------------------------------------
/// Each lane rounded to nearest even, in its upper half; what the lower half holds is undefined.
/// NaN stays NaN. Integer arithmetic, since vcvtneps2bf16 flushes subnormals.
inline __m512i upper_bf16(Vec x) {
  const __m512i bits = _mm512_castps_si512(x.v);
  const __m512i lsb = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(lsb, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x00400000));
}
inline void store_bf16(Vec x, uint16_t* p) {
  const __m256i upper = _mm512_cvtepi32_epi16(_mm512_srli_epi32(upper_bf16(x), 16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), upper);
}
inline __m256i to_f16(Vec x) {
  return _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline void store_f16(Vec x, uint16_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_f16(x));
}
/// Puts n numbers, of kLanes that are there, into the first or second places of pairs, and leaves
/// the others alone.
inline void store_in_pairs(const uint16_t* numbers, int64_t place, int64_t n, uint16_t* pairs) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers));
  const __m512i first = _mm512_cvtepu16_epi32(words);
  const __mmask32 places = _bzhi_u32(0x55555555, static_cast<unsigned>(2 * n)) << place;
  _mm512_mask_storeu_epi16(pairs, places, place ? _mm512_slli_epi32(first, 16) : first);
}
/// Lane i of both, rounded, as the pair that fills lane i.
inline Vec bf16_pairs(Vec first, Vec second) {
  const __m512i low = _mm512_srli_epi32(upper_bf16(first), 16);
  const __m512i high = _mm512_and_si512(upper_bf16(second), _mm512_set1_epi32(-0x10000));
  return {_mm512_castsi512_ps(_mm512_or_si512(low, high))};
}
/// The same of numbers that are rounded already.
inline Vec bf16_pairs(const uint16_t* first, const uint16_t* second) {
  const auto dwords = [](const uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  };
  const __m512i high = _mm512_slli_epi32(dwords(second), 16);
  return {_mm512_castsi512_ps(_mm512_or_si512(dwords(first), high))};
}
inline Vec f16_pairs(Vec first, Vec second) {
  const __m512i low = _mm512_cvtepu16_epi32(to_f16(first));
  const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(to_f16(second)), 16);
  return {_mm512_castsi512_ps(_mm512_or_si512(low, high))};
}
inline Vec load_bf16(const uint16_t* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}
/// The first and the second of kLanes pairs of values.
inline void load_bf16_pairs(const uint16_t* p, Vec& first, Vec& second) {
  const __m512i pairs = _mm512_loadu_si512(p);
  first.v = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  second.v = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-0x10000)));
}
inline void load_f16_pairs(const uint16_t* p, Vec& first, Vec& second) {
  const __m512i pairs = _mm512_loadu_si512(p);
  first.v = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs));
  second.v = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(pairs, 16)));
}

}  // namespace
}  // namespace heed
