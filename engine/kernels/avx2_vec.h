// Vec: 8 floats in a register of AVX2 (with FMA, F16C, BMI2); the twin of avx512_vec.h, which says
// what the operations promise. Included by avx2*.cpp only.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace heed {
namespace {

inline constexpr int kLanes = 8;

struct Vec {
  __m256 v;
};

/// A condition for each lane.
struct Mask {
  __m256 m;
};

inline __m256i first_lanes(int64_t n) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes);
}

// ---- memory -------------------------------------------------------------------------------------
inline Vec broadcast(float x) {
  return {_mm256_set1_ps(x)};
}
inline Vec zero() {
  return {_mm256_setzero_ps()};
}
inline Vec load(const float* p) {
  return {_mm256_loadu_ps(p)};
}
inline Vec load_first(const float* p, int64_t n) {
  return {_mm256_maskload_ps(p, first_lanes(n))};
}
inline void store(Vec x, float* p) {
  _mm256_storeu_ps(p, x.v);
}
inline void store_first(Vec x, float* p, int64_t n) {
  _mm256_maskstore_ps(p, first_lanes(n), x.v);
}

// ---- arithmetic ---------------------------------------------------------------------------------
inline Vec operator+(Vec a, Vec b) {
  return {_mm256_add_ps(a.v, b.v)};
}
inline Vec operator-(Vec a, Vec b) {
  return {_mm256_sub_ps(a.v, b.v)};
}
inline Vec operator*(Vec a, Vec b) {
  return {_mm256_mul_ps(a.v, b.v)};
}
inline Vec operator/(Vec a, Vec b) {
  return {_mm256_div_ps(a.v, b.v)};
}
inline Vec quotient(Vec a, Vec b) {  // for b >= 1
  return a / b;
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
inline Vec fms(Vec a, Vec b, Vec c) {  // a * b - c
  return {_mm256_fmsub_ps(a.v, b.v, c.v)};
}
inline Vec fnma(Vec a, Vec b, Vec c) {
  return {_mm256_fnmadd_ps(a.v, b.v, c.v)};
}
inline Vec min(Vec a, Vec b) {
  return {_mm256_min_ps(a.v, b.v)};
}
inline Vec max(Vec a, Vec b) {
  return {_mm256_max_ps(a.v, b.v)};
}
inline Vec round(Vec x) {
  return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/// In two steps of half the exponent each, so that a subnormal result is reached by one rounding.
/// |n| <= 252 and |x| near 1.
inline Vec times_two_to(Vec x, Vec n) {
  const __m256i whole = _mm256_cvtps_epi32(n.v);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const auto power = [](__m256i e) {
    const __m256i biased = _mm256_add_epi32(e, _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  };
  const __m256 once = _mm256_mul_ps(x.v, power(half));
  return {_mm256_mul_ps(once, power(_mm256_sub_epi32(whole, half)))};
}

// ---- lanes --------------------------------------------------------------------------------------
inline Mask operator==(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)};
}
inline Mask operator<(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)};
}
inline Vec select(Mask where, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.v, a.v, where.m)};
}
inline Mask lanes_of(uint32_t bits) {
  const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lanes);
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lanes))};
}
inline int first_true(Mask mask) {
  return __builtin_ctz(static_cast<unsigned>(_mm256_movemask_ps(mask.m)) | 1u << 8);
}
inline Vec lane_numbers() {
  return {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7)};
}
inline float sum_of_lanes(Vec x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_of_lanes(Vec x) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
inline Vec spread_max(Vec x) {
  x.v = _mm256_max_ps(x.v, _mm256_permute2f128_ps(x.v, x.v, 0x01));
  x.v = _mm256_max_ps(x.v, _mm256_permute_ps(x.v, 0x4e));
  return {_mm256_max_ps(x.v, _mm256_permute_ps(x.v, 0xb1))};
}
inline void split_pairs(Vec a, Vec b, Vec& even, Vec& odd) {
  const __m256 low = _mm256_permute2f128_ps(a.v, b.v, 0x20);   // a0..a3 b0..b3
  const __m256 high = _mm256_permute2f128_ps(a.v, b.v, 0x31);  // a4..a7 b4..b7
  even.v = _mm256_shuffle_ps(low, high, 0x88);
  odd.v = _mm256_shuffle_ps(low, high, 0xdd);
}
inline void join_pairs(Vec even, Vec odd, Vec& a, Vec& b) {
  const __m256 low = _mm256_unpacklo_ps(even.v, odd.v);   // pairs 0 1 4 5
  const __m256 high = _mm256_unpackhi_ps(even.v, odd.v);  // pairs 2 3 6 7
  a.v = _mm256_permute2f128_ps(low, high, 0x20);
  b.v = _mm256_permute2f128_ps(low, high, 0x31);
}

// ---- 16-bit floats ------------------------------------------------------------------------------
inline __m128i lower_halves(__m256i x) {  // of dwords below 65536
  return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(x, x), 0x08));
}
inline __m256i upper_bf16(Vec x) {
  const __m256i bits = _mm256_castps_si256(x.v);
  const __m256i lsb = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(lsb, _mm256_set1_epi32(0x7fff)));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
  return _mm256_blendv_epi8(rounded, quiet, nan);
}
inline void store_bf16(Vec x, uint16_t* p) {
  const __m128i halves = lower_halves(_mm256_srli_epi32(upper_bf16(x), 16));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), halves);
}
inline __m128i to_f16(Vec x) {
  return _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline void store_f16(Vec x, uint16_t* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_f16(x));
}
inline Vec bf16_pairs(Vec first, Vec second) {
  const __m256i low = _mm256_srli_epi32(upper_bf16(first), 16);
  const __m256i high = _mm256_and_si256(upper_bf16(second), _mm256_set1_epi32(-0x10000));
  return {_mm256_castsi256_ps(_mm256_or_si256(low, high))};
}
inline Vec bf16_pairs(const uint16_t* first, const uint16_t* second) {
  const auto dwords = [](const uint16_t* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  };
  const __m256i high = _mm256_slli_epi32(dwords(second), 16);
  return {_mm256_castsi256_ps(_mm256_or_si256(dwords(first), high))};
}
inline Vec f16_pairs(Vec first, Vec second) {
  const __m256i low = _mm256_cvtepu16_epi32(to_f16(first));
  const __m256i high = _mm256_slli_epi32(_mm256_cvtepu16_epi32(to_f16(second)), 16);
  return {_mm256_castsi256_ps(_mm256_or_si256(low, high))};
}
inline Vec load_bf16(const uint16_t* p) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16))};
}
inline void load_bf16_pairs(const uint16_t* p, Vec& first, Vec& second) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  first.v = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  second.v = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x10000)));
}
inline void load_f16_pairs(const uint16_t* p, Vec& first, Vec& second) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  first.v = _mm256_cvtph_ps(lower_halves(_mm256_and_si256(pairs, _mm256_set1_epi32(0xffff))));
  second.v = _mm256_cvtph_ps(lower_halves(_mm256_srli_epi32(pairs, 16)));
}

}  // namespace
}  // namespace heed
