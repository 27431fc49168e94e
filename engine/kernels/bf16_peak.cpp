// The limit of AVX512_BF16: pairs of bf16 products added to 16 lanes of f32.
#include <immintrin.h>

#include "engine/kernels/peaks.h"

namespace heed {
namespace {

// As in avx2_peak.cpp; the latency is 6.
constexpr int kChains = 24;

void pairs(int64_t steps) noexcept {
  __m512 sums[kChains] = {};
  const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00));  // 0.5
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kChains; ++j) {
      sums[j] = _mm512_dpbf16_ps(sums[j], x, x);
      asm volatile("" : "+v"(sums[j]));
    }
  }
}

}  // namespace

void bf16::set_peaks(PeakLoops& loops) {
  loops.bf16 = {pairs, 2 * 32 * kChains};
}

}  // namespace heed
