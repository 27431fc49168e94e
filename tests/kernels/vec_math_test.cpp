// exp, exp2, erf and tanh against libm in double, over every exponent and both signs.
#include "tests/support/vec_math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/kernels/kernels.h"

namespace heed {
namespace {

struct NamedMath {
  std::string name;
  VecMath math;
};

std::vector<NamedMath> machine_math() {
  std::vector<NamedMath> found;
  if (machine_has(Isa::avx2)) found.push_back({"avx2", avx2_vec_math()});
  if (machine_has(Isa::avx512)) found.push_back({"avx512", avx512_vec_math()});
  return found;
}

/// 2^x as exp2_of_nonpositive makes it: no subnormal results.
double normal_exp2(double x) {
  return x < -126 ? 0 : std::exp2(x);
}

/// 2^x as normal_exp2_of_nonpositive makes it: the least normal number instead of what is less.
double exp2_from_least_normal(double x) {
  return std::isnan(x) ? x : std::exp2(std::max(x, -126.0));
}

/// Every `step`-th bit pattern, the values around each power of two, NaN, infinities, zeros.
std::vector<float> samples(uint32_t step) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (uint32_t exponent = 0; exponent <= 255; ++exponent) {
    for (const uint32_t nudge : {0xffffffffu, 0u, 1u}) {
      const uint32_t bits = (exponent << 23) + nudge;
      x.push_back(std::bit_cast<float>(bits));
      x.push_back(std::bit_cast<float>(bits ^ 0x80000000u));
    }
  }
  x.resize(x.size() / 16 * 16);
  return x;
}

/// The distance between neighbouring floats at y.
double ulp(double y) {
  const double magnitude = std::max(std::abs(y), 0x1p-126);
  return std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

/// Checks f(x) against reference(x), to `bound` units in the last place where it is finite and to
/// equality where a float would be infinite or NaN.
void check(void (*f)(const float*, int64_t, float*), double (*reference)(double), double bound,
           bool only_nonpositive = false) {
  std::vector<float> x = samples(2503);
  if (only_nonpositive) {
    for (float& v : x) v = v > 0 ? -v : v;
  }
  std::vector<float> y(x.size());
  f(x.data(), static_cast<int64_t>(x.size()), y.data());
  double worst = 0;
  float worst_at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = reference(x[i]);
    if (std::isnan(expected)) {
      if (!std::isnan(y[i])) FAIL("f(", x[i], ") = ", y[i], ", expected NaN");
    } else if (const auto nearest = static_cast<float>(expected); std::isinf(nearest)) {
      if (y[i] != nearest) FAIL("f(", x[i], ") = ", y[i], ", expected ", nearest);
    } else {
      const double error = std::abs(y[i] - expected) / ulp(expected);
      if (!(error <= worst)) worst = error, worst_at = x[i];
    }
  }
  INFO("worst at ", worst_at);
  CHECK(worst <= bound);
}

}  // namespace

TEST_CASE("vector exp is within 1.1 ulp, from underflow to overflow") {
  for (const NamedMath& isa : machine_math()) {
    const VecMath& math = isa.math;
    INFO(isa.name);
    check(
        math.exp, [](double x) { return std::exp(x); }, 1.1);
  }
}

TEST_CASE("vector exp2 of what is not positive is within 1 ulp, 1 at 0; 0 or 2^-126 below -126") {
  for (const NamedMath& isa : machine_math()) {
    const VecMath& math = isa.math;
    INFO(isa.name);
    check(math.normal_exp2_of_nonpositive, exp2_from_least_normal, 1.0, true);
    check(math.exp2_of_nonpositive, normal_exp2, 1.0, true);
    const std::vector<float> zeros(16, 0.0f);
    std::vector<float> y(16);
    math.exp2_of_nonpositive(zeros.data(), 16, y.data());
    CHECK(y == std::vector<float>(16, 1.0f));
  }
}

TEST_CASE("brief exp2 is within 2^-13, and exact at 0 and both infinities") {
  constexpr double kUlps = 0x1p-13 / 0x1p-24;  // of a number just below a power of two
  for (const NamedMath& isa : machine_math()) {
    if (!isa.math.brief_exp2) continue;
    INFO(isa.name);
    check(
        isa.math.brief_exp2, [](double x) { return std::exp2(x); }, kUlps);
    const std::vector<float> x = {0, -INFINITY, INFINITY, -200};
    std::vector<float> in(16), y(16);
    std::ranges::copy(x, in.begin());
    isa.math.brief_exp2(in.data(), 16, y.data());
    CHECK(std::vector<float>(y.begin(), y.begin() + 4) == std::vector<float>{1, 0, INFINITY, 0});
  }
}

TEST_CASE("brief activations are within 2^-12 of the exact ones, gelu within 1.5e-5 besides") {
  struct Case {
    const char* name;
    void (*VecMath::*f)(const float*, int64_t, float*);
    double (*exact)(double x);
    double absolute;
  };
  const Case cases[] = {
      {"silu", &VecMath::brief_silu, [](double x) { return x / (1 + std::exp(-x)); }, 1e-37},
      {"gelu", &VecMath::brief_gelu, [](double x) { return x * std::erfc(-x * M_SQRT1_2) / 2; },
       1.5e-5},
      {"gelu_tanh", &VecMath::brief_gelu_tanh,
       [](double x) {
         const double y = 2 * M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x);
         return x / (1 + std::exp(-y));
       },
       1e-37},
  };
  std::vector<float> x(60000), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = (static_cast<float>(i) - 30000) / 1000;
  for (const NamedMath& isa : machine_math()) {
    if (!isa.math.brief_silu) continue;
    for (const Case& c : cases) {
      INFO(isa.name, " ", c.name);
      (isa.math.*c.f)(x.data(), static_cast<int64_t>(x.size()), y.data());
      double worst = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = c.exact(x[i]);
        const double room = c.absolute + 0x1p-12 * std::abs(exact);
        worst = std::max(worst, std::abs(y[i] - exact) / room);
      }
      CHECK(worst <= 1);
    }
  }
}

TEST_CASE("vector erf is within 5.5 ulp and never beyond 1") {
  for (const NamedMath& isa : machine_math()) {
    const VecMath& math = isa.math;
    INFO(isa.name);
    check(
        math.erf, [](double x) { return std::erf(x); }, 5.5);
  }
}

TEST_CASE("vector tanh is within 5 ulp and never beyond 1") {
  for (const NamedMath& isa : machine_math()) {
    const VecMath& math = isa.math;
    INFO(isa.name);
    check(
        math.tanh, [](double x) { return std::tanh(x); }, 5.0);
  }
}

TEST_CASE("zeros keep their sign, and the ends of the range are exact") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {-0.0f, 0.0f, kInfinity, -kInfinity, 4, -4, 10, -10,
                                89,    -104, 1e30f,     -1e30f,     0, 0,  0,  0};
  std::vector<float> y(16);
  for (const NamedMath& isa : machine_math()) {
    const VecMath& math = isa.math;
    INFO(isa.name);
    math.erf(x.data(), 16, y.data());
    CHECK(std::signbit(y[0]));
    CHECK_FALSE(std::signbit(y[1]));
    for (const int i : {2, 4, 6, 8, 10}) CHECK(y[i] == 1);
    for (const int i : {3, 5, 7, 9, 11}) CHECK(y[i] == -1);
    math.tanh(x.data(), 16, y.data());
    CHECK(std::signbit(y[0]));
    for (const int i : {2, 6, 8, 10}) CHECK(y[i] == 1);
    for (const int i : {3, 7, 9, 11}) CHECK(y[i] == -1);
    math.exp(x.data(), 16, y.data());
    CHECK(y[0] == 1);
    CHECK(y[2] == kInfinity);
    CHECK(y[8] == kInfinity);
    for (const int i : {3, 9, 11}) CHECK(y[i] == 0);
  }
}

}  // namespace heed
