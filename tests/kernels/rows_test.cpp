// Rows of floats on every table of the machine, scalar included, against plain double arithmetic:
// every length up to past four vectors, three misalignments, canaries around what is written.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "engine/core/half.h"
#include "tests/support/kernel_tables.h"

namespace heed {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kNormEps = 1e-5f;

std::vector<float> normal(int64_t n, uint32_t seed, float spread = 1) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> draw(0, spread);
  std::vector<float> x(n);
  for (float& v : x) v = draw(bits);
  return x;
}

/// Rounding errors of a sum of n terms, in units of the sum of their sizes: the tables add in at
/// least 8 chains, so an error grows with n / 8 at worst, and with the last few additions.
double sum_error(int64_t n) {
  return (8 + static_cast<double>(n) / 8) * kEps;
}

/// Calls test(table, n, offset) for every table, length and misalignment.
void for_each_case(const std::function<void(const Kernels&, int64_t, int64_t)>& test) {
  std::vector<int64_t> lengths;
  for (int64_t n = 0; n <= 67; ++n) lengths.push_back(n);
  lengths.insert(lengths.end(), {576, 1537});
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& table = isa.table;
    for (const int64_t n : lengths) {
      for (const int64_t offset : {0, 1, 5}) {
        INFO(isa.name, ", n = ", n, ", offset = ", offset);
        test(table, n, offset);
      }
    }
  }
}

/// Checks each value of `out` against expected(i), to tolerance(i).
void check_row(Guarded<float>& out, int64_t n, const std::function<double(int64_t)>& expected,
               const std::function<double(int64_t)>& tolerance) {
  REQUIRE(out.intact());
  for (int64_t i = 0; i < n; ++i) {
    const double error = std::abs(out[i] - expected(i));
    if (!(error <= tolerance(i))) {
      FAIL("[", i, "] = ", out[i], ", expected ", expected(i), " to ", tolerance(i));
    }
  }
}

double exact_activation(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::tanh:
      break;
  }
  return std::tanh(x);
}

/// What a float evaluation may be off by: silu and tanh keep their relative precision; the gelus
/// subtract two numbers near 1, whose errors are multiplied by x / 2.
double activation_tolerance(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
    case Activation::relu:
      return 0;
    case Activation::silu:
    case Activation::tanh:
      return 5 * kEps * std::abs(exact_activation(activation, x)) + 0x1p-148;
    case Activation::gelu:
    case Activation::gelu_tanh:
      break;
  }
  return 4 * kEps * std::abs(x);
}

}  // namespace

TEST_CASE("to_bf16 rounds to nearest even and keeps NaN, equal bits everywhere") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    std::vector<float> x = normal(n, 1);
    const float special[] = {0.0f,      -0.0f,     kInf,          -kInf,   kNan,   -kNan,
                             0x1.01p0f, 0x1.03p0f, 0x1.010002p0f, 3.4e38f, 1e-40f, -1e-45f};
    for (int64_t i = 0; i < n; i += 3) x[i] = special[i / 3 % std::size(special)];
    Guarded<float> in(n, offset, x);
    Guarded<uint16_t> out(n, offset);
    k.to_bf16(in.data(), n, out.data());
    REQUIRE(out.intact());
    for (int64_t i = 0; i < n; ++i) {
      if (out[i] != f32_to_bf16(x[i])) FAIL(x[i], " became ", out[i]);
    }
  });
}

TEST_CASE("to_bf16_tiles writes a row of tiles, and nothing else") {
  constexpr int64_t kColumns = 96, kRows = 20, kTileRows = 32;
  const std::vector<float> x = normal(kColumns, 5);
  for (const NamedTable& isa : machine_tables()) {
    for (const int64_t row : {0, 3, 15, 16, 19}) {
      INFO(isa.name, ", row ", row);
      std::vector<uint16_t> tiles(kTileRows * kColumns, 7);
      isa.table.to_bf16_tiles(x.data(), kColumns, row, tiles.data());
      for (int64_t r = 0; r < kRows; ++r) {
        for (int64_t c = 0; c < kColumns; ++c) {
          const uint16_t expected = r == row ? f32_to_bf16(x[c]) : 7;
          if (tiles[at_in_tiles(r, c, kColumns)] != expected) FAIL("row ", r, ", column ", c);
        }
      }
    }
  }
}

TEST_CASE("to_f32_tiles writes the parts of a row, and nothing else") {
  constexpr int64_t kColumns = 96, kTileRows = 32, kTile = kInputTileRows * kRecordColumns;
  std::vector<float> x = normal(kColumns, 5);
  x[7] = 0, x[8] = 3e38f, x[9] = -1e-30f;
  for (const NamedTable& isa : machine_tables()) {
    for (const int64_t row : {0, 3, 15, 16, 19}) {
      INFO(isa.name, ", row ", row);
      std::vector<uint16_t> tiles(kF32Parts * kTileRows * kColumns, 7);
      isa.table.to_f32_tiles(x.data(), kColumns, row, tiles.data());
      for (int64_t r = 0; r < kTileRows; ++r) {
        for (int64_t c = 0; c < kColumns; ++c) {
          const int64_t at = at_in_tiles(r, c, kColumns);
          const uint16_t* largest = &tiles[at / kTile * kF32Parts * kTile + at % kTile];
          float sum = 0;
          for (int64_t part = kF32Parts; part-- > 0;) sum += bf16_to_f32(largest[part * kTile]);
          if (r == row ? sum != x[c] : largest[0] != 7) FAIL("row ", r, ", column ", c);
        }
      }
    }
  }
}

TEST_CASE("rms_norm") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    const std::vector<float> x = normal(n, 2, 3), w = normal(n, 3);
    double squares = 0;
    for (const float v : x) squares += double{v} * v;
    const double factor = 1 / std::sqrt(squares / std::max<double>(n, 1) + kNormEps);
    Guarded<float> in(n, offset, x), weight(n, offset, w), out(n, offset);
    const auto expected = [&](int64_t i) { return x[i] * factor * w[i]; };
    const auto tolerance = [&](int64_t i) { return sum_error(n) * std::abs(expected(i)); };
    k.rms_norm(in.data(), weight.data(), n, kNormEps, out.data());
    check_row(out, n, expected, tolerance);
    k.rms_norm(in.data(), weight.data(), n, kNormEps, in.data());
    check_row(in, n, expected, tolerance);
  });
}

TEST_CASE("layer_norm, with a mean far larger than the spread") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    std::vector<float> x = normal(n, 4);
    for (float& v : x) v += 100;
    const std::vector<float> w = normal(n, 5), b = normal(n, 6);
    double sum = 0, squares = 0;
    for (const float v : x) sum += v;
    const double mean = sum / std::max<double>(n, 1);
    for (const float v : x) squares += (v - mean) * (v - mean);
    const double factor = 1 / std::sqrt(squares / std::max<double>(n, 1) + kNormEps);
    // The mean is off by sum_error of its size, which shifts every value and is squared in the
    // variance.
    const double mean_error = 100 * sum_error(n);
    const double spread = std::sqrt(squares / std::max<double>(n, 1) + kNormEps);
    Guarded<float> in(n, offset, x), weight(n, offset, w), bias(n, offset, b), out(n, offset);
    for (const bool with_bias : {true, false}) {
      const auto expected = [&](int64_t i) {
        return (x[i] - mean) * factor * w[i] + (with_bias ? b[i] : 0);
      };
      const auto tolerance = [&](int64_t i) {
        const double normalised = std::abs((x[i] - mean) * factor);
        return std::abs(w[i]) * (mean_error * factor + normalised * sum_error(n) +
                                 normalised * mean_error * mean_error / (spread * spread)) +
               kEps * std::abs(expected(i)) + kEps * std::abs(b[i]);
      };
      k.layer_norm(in.data(), weight.data(), with_bias ? bias.data() : nullptr, n, kNormEps,
                   out.data());
      check_row(out, n, expected, tolerance);
    }
    k.layer_norm(in.data(), weight.data(), nullptr, n, kNormEps, in.data());
    REQUIRE(in.intact());
    k.layer_norm(Guarded<float>(n, offset, x).data(), weight.data(), nullptr, n, kNormEps,
                 out.data());
    CHECK(std::equal(in.begin(), in.end(), out.begin()));
  });
}

TEST_CASE("add and scale are exact") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    const std::vector<float> x = normal(n, 7), y = normal(n, 8);
    Guarded<float> in(n, offset, x), out(n, offset, y);
    k.add(in.data(), n, out.data());
    check_row(
        out, n, [&](int64_t i) { return x[i] + y[i]; }, [](int64_t) { return 0; });
    k.scale(0.3f, n, in.data());
    check_row(
        in, n, [&](int64_t i) { return 0.3f * x[i]; }, [](int64_t) { return 0; });
  });
}

TEST_CASE("activations") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    std::vector<float> x = normal(n, 9, 4);
    const float special[] = {0.0f, -0.0f, 1e-30f, -1e-40f, 30, -30, 1000, -1000};
    for (int64_t i = 0; i < n; i += 4) x[i] = special[i / 4 % std::size(special)];
    for (const Activation a : {Activation::none, Activation::relu, Activation::silu,
                               Activation::gelu, Activation::gelu_tanh, Activation::tanh}) {
      INFO("activation ", static_cast<int>(a));
      Guarded<float> out(n, offset, x);
      k.activate(a, n, out.data());
      check_row(
          out, n, [&](int64_t i) { return exact_activation(a, x[i]); },
          [&](int64_t i) { return activation_tolerance(a, x[i]); });
    }
  });
}

TEST_CASE("activations pass NaN on and saturate at infinity") {
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    INFO(isa.name);
    for (const Activation a : {Activation::none, Activation::relu, Activation::silu,
                               Activation::gelu, Activation::gelu_tanh, Activation::tanh}) {
      INFO("activation ", static_cast<int>(a));
      float x[] = {kNan, kInf};
      k.activate(a, 2, x);
      CHECK(std::isnan(x[0]));
      CHECK(x[1] == (a == Activation::tanh ? 1 : kInf));
    }
  }
}

TEST_CASE("softmax, with values masked out") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    if (n == 0) return k.softmax(0, nullptr);
    std::vector<float> x = normal(n, 10, 20);
    for (int64_t i = 1; i < n; i += 3) x[i] = -kInf;
    const double max = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float v : x) sum += std::exp(v - max);
    Guarded<float> out(n, offset, x);
    k.softmax(n, out.data());
    const auto expected = [&](int64_t i) { return std::exp(x[i] - max) / sum; };
    check_row(out, n, expected, [&](int64_t i) {
      if (x[i] == -kInf) return 0.0;
      return expected(i) * (sum_error(n) + kEps * (max - x[i])) + 0x1p-148;
    });
  });
}

TEST_CASE("dot") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    const std::vector<float> x = normal(n, 11), y = normal(n, 12);
    double sum = 0, sizes = 0;
    for (int64_t i = 0; i < n; ++i) {
      sum += double{x[i]} * y[i];
      sizes += std::abs(double{x[i]} * y[i]);
    }
    Guarded<float> a(n, offset, x), b(n, 0, y);
    CHECK(std::abs(k.dot(a.data(), b.data(), n) - sum) <= sum_error(n) * sizes);
  });
}

TEST_CASE("rope rotates pairs of either kind, and nothing beyond n_rot") {
  for_each_case([](const Kernels& k, int64_t pairs, int64_t offset) {
    const int64_t n = 2 * pairs;
    const std::vector<float> x = normal(n, 13), angles = normal(pairs, 14, 10);
    Guarded<float> cos_sin(n, offset);
    for (int64_t i = 0; i < pairs; ++i) {
      cos_sin[2 * i] = std::cos(angles[i]);
      cos_sin[2 * i + 1] = std::sin(angles[i]);
    }
    for (const bool interleaved : {true, false}) {
      const auto first = [&](int64_t pair) { return interleaved ? 2 * pair : pair; };
      const auto second = [&](int64_t pair) { return interleaved ? 2 * pair + 1 : pair + pairs; };
      Guarded<float> out(n, offset, x);
      k.rope(out.data(), cos_sin.data(), n, interleaved);
      REQUIRE(out.intact());
      for (int64_t i = 0; i < pairs; ++i) {
        const double c = cos_sin[2 * i], s = cos_sin[2 * i + 1];
        const double a = x[first(i)], b = x[second(i)];
        const double tolerance = kEps * (std::abs(a) + std::abs(b));
        CHECK(std::abs(out[first(i)] - (a * c - b * s)) <= tolerance);
        CHECK(std::abs(out[second(i)] - (a * s + b * c)) <= tolerance);
      }
    }
  });
}

TEST_CASE("argmax finds the first of the largest, wherever it stands") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    for (int64_t at = 0; at<n; at += n> 100 ? 97 : 1) {
      Guarded<float> x(n, offset, normal(n, 15));
      x[at] = 10;
      if (at + 1 < n) x[n - 1] = 10;
      if (at > 0) x[at / 2] = kNan;
      CHECK(k.argmax(x.data(), n) == at);
    }
  });
}

TEST_CASE("argmax of infinities and of nothing but NaN") {
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    INFO(isa.name);
    const float lowest[] = {kNan, -kInf, -kInf}, nans[] = {kNan, kNan}, top[] = {1, kInf, 2};
    CHECK(k.argmax(lowest, 3) == 1);
    CHECK(k.argmax(nans, 2) == 0);
    CHECK(k.argmax(top, 3) == 1);
    const float zeros[] = {-1, -0.0f, 0.0f};
    CHECK(k.argmax(zeros, 3) == 1);
  }
}

TEST_CASE("logsumexp") {
  for_each_case([](const Kernels& k, int64_t n, int64_t offset) {
    const std::vector<float> x = normal(n, 16, 20);
    Guarded<float> in(n, offset, x);
    if (n == 0) {
      CHECK(k.logsumexp(in.data(), 0, nullptr) == -kInf);
      return;
    }
    const double max = *std::max_element(x.begin(), x.end());
    double sum = 0, shift = 0;
    for (const float v : x) {
      sum += std::exp(v - max);
      shift += std::exp(v - max) * (max - v);  // v - max is itself rounded
    }
    const double expected = max + std::log(sum);
    const double tolerance = kEps * (std::abs(expected) + shift / sum) + sum_error(n);
    CHECK(std::abs(k.logsumexp(in.data(), n, nullptr) - expected) <= tolerance);
  });
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    INFO(isa.name);
    const float masked[] = {-kInf, -kInf}, top[] = {1, kInf};
    CHECK(k.logsumexp(masked, 2, nullptr) == -kInf);
    CHECK(k.logsumexp(top, 2, nullptr) == kInf);
    // Stretches that rise, by little or by more than a float's range; masked ones, first or last.
    for (const float step : {0.5f, 200.0f, -200.0f}) {
      std::vector<float> rising(5 * kMaximumOf, -kInf);
      double sum = 0;
      const float top_stretch = step > 0 ? 3 : 1;
      for (int64_t i = 1; i <= 3; ++i) {
        std::fill_n(rising.begin() + i * kMaximumOf, kMaximumOf, step * static_cast<float>(i));
        sum += std::exp(static_cast<double>(step * (static_cast<float>(i) - top_stretch)));
      }
      const double expected = step * top_stretch + std::log(sum * kMaximumOf);
      CHECK(k.logsumexp(rising.data(), std::ssize(rising), nullptr) ==
            doctest::Approx(expected).epsilon(1e-6));
      for (const size_t place : {size_t{0}, rising.size() - 1}) {
        std::vector<float> with_nan = rising;
        with_nan[place] = kNan;
        CHECK(std::isnan(k.logsumexp(with_nan.data(), std::ssize(with_nan), nullptr)));
      }
    }
  }
}

TEST_CASE("logsumexp gives the largest of every stretch, NaN aside") {
  for (const NamedTable& isa : machine_tables()) {
    const Kernels& k = isa.table;
    INFO(isa.name);
    for (const int64_t n : {int64_t{1}, kMaximumOf - 1, kMaximumOf, 3 * kMaximumOf + 21}) {
      std::vector<float> x = normal(n, 18);
      Guarded<float> maxima((n + kMaximumOf - 1) / kMaximumOf, 0);
      CHECK(k.logsumexp(x.data(), n, maxima.data()) == k.logsumexp(x.data(), n, nullptr));
      for (const bool with_nan : {false, true}) {
        if (with_nan) std::fill_n(x.begin(), std::min(n, kMaximumOf), kNan);
        k.logsumexp(x.data(), n, maxima.data());
        for (int64_t i = 0; i < n; i += kMaximumOf) {
          const auto end = x.begin() + std::min(n, i + kMaximumOf);
          const bool nan = with_nan && i == 0;
          CHECK(maxima.data()[i / kMaximumOf] ==
                (nan ? -kInf : *std::max_element(x.begin() + i, end)));
        }
      }
    }
  }
}

}  // namespace heed
