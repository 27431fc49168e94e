#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "engine/kernels/kernels.h"

namespace heed {
namespace {

/// One row quantised, at misaligned places, with guards around the outputs.
struct Quantized {
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  int32_t rest = -1;

  bool operator==(const Quantized&) const = default;
};

Quantized quantize(const Kernels& k, const std::vector<float>& x) {
  const size_t n = x.size(), blocks = n / 32 + 1;
  constexpr int64_t kRow = 1;  // row 0 stays untouched
  std::vector<float> in(n + 1);
  std::copy(x.begin(), x.end(), in.begin() + 1);
  std::vector<int8_t> values(64 * blocks + 2, 77);
  std::vector<float> scales(2 * blocks + 2, 77);
  std::vector<int32_t> sums(4 * blocks + 2, 77), rest(4, 77);
  k.quantize_q8(in.data() + 1,
                {.values = values.data() + 1,
                 .scales = scales.data() + 1,
                 .sums = sums.data() + 1,
                 .rest = rest.data() + 1,
                 .columns = static_cast<int64_t>(n)},
                kRow);
  const auto part = [](const auto& all, size_t size) {
    CHECK(all.back() == 77);
    for (size_t i = 0; i < 1 + size; ++i) CHECK(all[i] == 77);
    return std::vector(all.begin() + 1 + static_cast<ptrdiff_t>(size), all.end() - 1);
  };
  Quantized q{part(values, 32 * blocks), part(scales, blocks), part(sums, 2 * blocks),
              part(rest, 1)[0]};
  if (q.rest >= 0) return q;
  // Then the last block is not written.
  CHECK(q.scales.back() == 77);
  q.values.resize(n), q.scales.pop_back(), q.sums.resize(n / 16);
  return q;
}

std::vector<float> random_row(size_t n, float magnitude, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, magnitude);
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

}  // namespace

TEST_CASE("a block that 127 steps hold exactly is kept as it is, and ties go to even") {
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    std::vector<float> x(32);
    for (int i = 0; i < 32; ++i) x[i] = static_cast<float>(i * 7 % 100 - 40);
    x[0] = -127;  // scale 1
    x[16] = 127;
    const Quantized whole = quantize(k, x);
    CHECK(whole.scales[0] == 1);
    for (int i = 0; i < 32; ++i) CHECK(whole.values[i] == x[i]);
    x[1] = 2.5f;
    x[2] = 3.5f;
    x[3] = -0.5f;
    const Quantized q = quantize(k, x);
    CHECK(q.scales[0] == 1);
    CHECK(q.values[1] == 2);
    CHECK(q.values[2] == 4);
    CHECK(q.values[3] == 0);
    CHECK(q.sums[0] + q.sums[1] == std::accumulate(q.values.begin(), q.values.begin() + 32, 0));
  }
}

TEST_CASE("what rounding leaves of a block of outliers is rounded in turn") {
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    std::vector<float> x = random_row(320, 1, 3);
    CHECK(quantize(k, x).rest == -1);
    x[100] = 50;  // block 3
    x[110] = -31;
    const Quantized q = quantize(k, x);
    REQUIRE(q.rest == 3);
    CHECK(q.scales[3] == 50.0f / 127);
    CHECK(q.scales.size() == 11);
    CHECK(q.scales[10] <= q.scales[3] / 200);
    int32_t sum = 0;
    for (size_t i = 0; i < 32; ++i) {
      const double value =
          double{q.scales[3]} * q.values[96 + i] + double{q.scales[10]} * q.values[320 + i];
      CHECK(std::abs(x[96 + i] - value) <= 0.51 * q.scales[10]);
      sum += q.values[320 + i];
    }
    CHECK(q.sums[20] + q.sums[21] == sum);
    x[200] = x[300] = 50;  // three such blocks: none has half of what the others have
    CHECK(quantize(k, x).rest == -1);
  }
}

TEST_CASE("every table rounds to the same bits") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    for (const size_t columns : {32, 96, 576, 1024}) {
      for (const float magnitude : {1e-37f, 1e-29f, 1e-3f, 1.0f, 1e30f}) {
        for (uint32_t seed = 0; seed < 20; ++seed) {
          std::vector<float> x = random_row(columns, magnitude, seed);
          if (seed % 2 == 0) x[seed * 37 % columns] *= 30;
          CHECK(quantize(k, x) == quantize(scalar, x));
        }
      }
    }
  }
}

TEST_CASE("the error is at most half a step") {
  const Kernels& k = kernels(Isa::scalar);
  const std::vector<float> x = random_row(320, 1, 1);
  const Quantized q = quantize(k, x);
  REQUIRE(q.rest == -1);
  for (size_t i = 0; i < x.size(); ++i) {
    const double step = q.scales[i / 32];
    CHECK(std::abs(x[i] - step * q.values[i]) <= step * (0.5 + 1e-4));
  }
}

TEST_CASE("numbers that are not finite show in the scale; tiny ones are zero") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    for (const float bad : {NAN, -NAN, inf, -inf}) {
      std::vector<float> x = random_row(96, 1, 2);
      x[40] = bad;
      const Quantized q = quantize(k, x);
      CHECK(std::isnan(q.scales[1]));
      CHECK(q.sums[2] == 0);
      CHECK(q.sums[3] == 0);
      for (size_t i = 32; i < 64; ++i) CHECK(q.values[i] == 0);
      CHECK(q.scales[0] > 0);
      CHECK(q.scales[2] > 0);
    }
    for (const float tiny : {0.0f, -0.0f, 1e-40f, 9e-31f}) {
      const Quantized q = quantize(k, std::vector<float>(32, tiny));
      CHECK(q.scales[0] == 0);
      for (const int8_t v : q.values) CHECK(v == 0);
    }
  }
}

}  // namespace heed
