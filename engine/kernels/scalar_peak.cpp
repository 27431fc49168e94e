// The limits of any x86-64: plain C++, whatever the compiler makes of it.
#include "engine/kernels/peaks.h"

namespace heed {
namespace {

constexpr int kChains = 16;  // sums that do not wait for each other

void read(const std::byte* data, int64_t size, int /*streams*/) noexcept {
  const auto* words = reinterpret_cast<const uint64_t*>(data);
  uint64_t sums[4] = {};
  for (int64_t i = 0; i < size / 8; i += 4) {
    for (int j = 0; j < 4; ++j) sums[j] += words[i + j];
  }
  for (uint64_t& sum : sums) asm volatile("" : "+r"(sum));
}

void f32(int64_t steps) noexcept {
  float sums[kChains] = {};
  float factor = 0.5f;
  asm volatile("" : "+x"(factor));
  for (int64_t i = 0; i < steps; ++i) {
    for (float& sum : sums) sum = sum * factor + factor;
  }
  for (float& sum : sums) asm volatile("" : "+x"(sum));
}

}  // namespace

void scalar::set_peaks(PeakLoops& loops) {
  loops.read = read;
  loops.f32 = {f32, 2 * kChains};
}

}  // namespace heed
