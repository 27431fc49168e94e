// The limits of AVX2 with FMA: 8 lanes.
#include <immintrin.h>

#include "engine/kernels/peaks.h"

namespace heed {
namespace {

// How far ahead of its loads `read` prefetches: across the page, where the hardware stops. One core
// of Zen 5 reads 40 GB/s so, and 33 without.
constexpr int64_t kAhead = 4096;

// Chains that do not wait for each other: latency (4 to 5) times instructions a cycle (2), and
// some; the empty asm statements keep the compiler from joining them.
constexpr int kChains = 12;

void read(const std::byte* data, int64_t size, int streams) noexcept {
  const FourLines lines(size, streams);
  __m256i sums[4] = {};
  for (int64_t i = 0; i < lines.end; i += lines.step) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const auto* line = reinterpret_cast<const __m256i*>(data + i + j * lines.apart);
      _mm_prefetch(data + i + j * lines.apart + kAhead, _MM_HINT_T0);
      const __m256i both = _mm256_add_epi32(_mm256_loadu_si256(line), _mm256_loadu_si256(line + 1));
      sums[j] = _mm256_add_epi32(sums[j], both);
    }
  }
  for (__m256i& sum : sums) asm volatile("" : "+x"(sum));
}

void f32(int64_t steps) noexcept {
  __m256 sums[kChains] = {};
  const __m256 x = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) {
      sums[j] = _mm256_fmadd_ps(sums[j], x, x);
      asm volatile("" : "+x"(sums[j]));
    }
  }
}

/// Bytes to 16-bit pairs, to 32-bit sums: three instructions for 32 products.
void int8(int64_t steps) noexcept {
  __m256i sums[kChains] = {};
  __m256i bytes = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) {
      asm volatile("" : "+x"(bytes));
      const __m256i pairs = _mm256_maddubs_epi16(bytes, bytes);
      sums[j] = _mm256_add_epi32(sums[j], _mm256_madd_epi16(pairs, ones));
      asm volatile("" : "+x"(sums[j]));
    }
  }
}

}  // namespace

void avx2::set_peaks(PeakLoops& loops) {
  loops.read = read;
  loops.f32 = {f32, 2 * 8 * kChains};
  loops.int8 = {int8, 2 * 32 * kChains};
}

}  // namespace heed
