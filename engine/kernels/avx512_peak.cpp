// The limits of AVX-512 with VNNI: 16 lanes.
#include <immintrin.h>

#include "engine/kernels/peaks.h"

namespace heed {
namespace {

// As in avx2_peak.cpp.
constexpr int64_t kAhead = 4096;
constexpr int kChains = 16;

void read(const std::byte* data, int64_t size, int streams) noexcept {
  const FourLines lines(size, streams);
  __m512i sums[4] = {};
  for (int64_t i = 0; i < lines.end; i += lines.step) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const std::byte* line = data + i + j * lines.apart;
      _mm_prefetch(line + kAhead, _MM_HINT_T0);
      sums[j] = _mm512_add_epi32(sums[j], _mm512_loadu_si512(line));
    }
  }
  for (__m512i& sum : sums) asm volatile("" : "+v"(sum));
}

void f32(int64_t steps) noexcept {
  __m512 sums[kChains] = {};
  const __m512 x = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) {
      sums[j] = _mm512_fmadd_ps(sums[j], x, x);
      asm volatile("" : "+v"(sums[j]));
    }
  }
}

void int8(int64_t steps) noexcept {
  __m512i sums[kChains] = {};
  const __m512i x = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) {
      sums[j] = _mm512_dpbusd_epi32(sums[j], x, x);
      asm volatile("" : "+v"(sums[j]));
    }
  }
}

}  // namespace

void avx512::set_peaks(PeakLoops& loops) {
  loops.read = read;
  loops.f32 = {f32, 2 * 16 * kChains};
  loops.int8 = {int8, 2 * 64 * kChains};
}

}  // namespace heed
