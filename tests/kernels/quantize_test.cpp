#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "engine/kernels/dispatch.h"

namespace heed {
namespace {

/// One row of `columns` quantised, at misaligned places, with guards around the outputs.
struct Quantized {
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<int32_t> sums;

  bool operator==(const Quantized&) const = default;
};

Quantized quantize(const Kernels& k, const std::vector<float>& x) {
  const size_t n = x.size();
  constexpr int64_t kRow = 1;  // row 0 stays untouched
  std::vector<float> in(n + 1);
  std::copy(x.begin(), x.end(), in.begin() + 1);
  std::vector<int8_t> values(2 * n + 2, 77);
  std::vector<float> scales(2 * n / 32 + 2, 77);
  std::vector<int32_t> sums(2 * n / 16 + 2, 77);
  k.quantize_q8(in.data() + 1,
                {.values = values.data() + 1,
                 .scales = scales.data() + 1,
                 .sums = sums.data() + 1,
                 .columns = static_cast<int64_t>(n)},
                kRow);
  const auto part = [](const auto& all, size_t size) {
    CHECK(all.back() == 77);
    for (size_t i = 0; i < 1 + size; ++i) CHECK(all[i] == 77);
    return std::vector(all.begin() + 1 + static_cast<ptrdiff_t>(size), all.end() - 1);
  };
  return {part(values, n), part(scales, n / 32), part(sums, n / 16)};
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
    CHECK(q.sums[0] + q.sums[1] == std::accumulate(q.values.begin(), q.values.end(), 0));
  }
}

TEST_CASE("the number of steps is the one that loses least") {
  const Kernels& k = kernels(choose_isa());
  double ours = 0;
  double plain = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const std::vector<float> x = random_row(32, 3.0f, seed);
    const Quantized q = quantize(k, x);
    const float max = std::abs(*std::max_element(
        x.begin(), x.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
    double least = 1e30;
    for (const int steps : {127, 126, 125, 124}) {
      double loss = 0;
      for (const float v : x) {
        const double scale = double{max} / steps;
        loss += std::pow(v - std::nearbyint(v / scale) * scale, 2);
      }
      if (steps == 127) plain += loss;
      least = std::min(least, loss);
    }
    double loss = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      loss += std::pow(x[i] - double{q.scales[0]} * q.values[i], 2);
    }
    CHECK(loss <= least * 1.0001);  // F32 rounding
    ours += loss;
  }
  CHECK(ours < 0.9 * plain);
}

TEST_CASE("every table rounds to the same bits") {
  const Kernels& scalar = kernels(Isa::scalar);
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    for (const size_t columns : {32, 96, 576, 1024}) {
      for (const float magnitude : {1e-37f, 1e-29f, 1e-3f, 1.0f, 1e30f}) {
        for (uint32_t seed = 0; seed < 20; ++seed) {
          const std::vector<float> x = random_row(columns, magnitude, seed);
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
