// exp, erf, tanh and the activations on a Vec. Included after <isa>_vec.h, once by a file compiled
// for that instruction set. Coefficients: the minimax fits of fit_vec_math.py.
// Error bounds are those that tests/kernels/vec_math_test.cpp holds them to.
#pragma once

#include "engine/kernels/kernels.h"

namespace heed {
namespace {

inline constexpr float kLog2E = 0x1.715476p+0f;

/// The polynomial c[0] + c[1] x + ... by Horner's rule.
template <int n>
inline Vec polynomial(Vec x, const float (&c)[n]) {
  Vec sum = broadcast(c[n - 1]);
  for (int i = n - 2; i >= 0; --i) sum = fma(sum, x, broadcast(c[i]));
  return sum;
}

inline Vec clamp(Vec x, float low, float high) {  // NaN stays NaN
  return min(broadcast(high), max(broadcast(low), x));
}

/// The largest |x| of a row; an infinity where one is not finite.
inline float largest_of(const float* row, int64_t n) {
  Vec largest = zero(), nan = zero();
  for (int64_t d = 0; d < n; d += kLanes) {
    const Vec x = load_first(row + d, n - d < kLanes ? n - d : kLanes);
    largest = max(max(x, zero() - x), largest);
    nan = fma(x, zero(), nan);
  }
  return sum_of_lanes(nan) == 0 ? max_of_lanes(largest) : __builtin_inff();
}

/// exp(x) within 1.1 ulp; subnormal results too. -inf gives 0, inf gives inf, NaN gives NaN.
/// x = n ln 2 + r with |r| <= ln 2 / 2: exp(x) = 2^n exp(r), where exp(r) = 1 + r + r^2 p(r).
inline Vec exp(Vec x) {
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // n * high is exact
  // Beyond these the result is 0 or inf; clamping keeps n within range.
  x = clamp(x, -104.0f, 89.0f);
  const Vec n = round(x * broadcast(kLog2E));
  const Vec r = fnma(n, broadcast(kLn2Low), fnma(n, broadcast(kLn2High), x));
  const Vec p =
      polynomial(r, {0.49999994f, 0.166665196f, 0.0416683927f, 0.00836878084f, 0.00138144672f});
  return times_two_to(fma(p, r * r, r) + broadcast(1), n);
}

inline constexpr float kLeastNormalExponent = -126;

/// 2^x for x <= 0, within 1 ulp down to -126 and 2^-126 below; exactly 1 at 0, NaN at NaN.
/// x = n + f with |f| <= 1/2: 2^x = 2^n (1 + f p(f)).
inline Vec normal_exp2_of_nonpositive(Vec x) {
  x = max(broadcast(kLeastNormalExponent), x);
  const Vec n = round(x);
  const Vec f = x - n;
  const Vec p = polynomial(f, {0.693147182f, 0.240226477f, 0.0555033199f, 0.00961843878f,
                               0.00133990031f, 0.000153532572f});
  return times_two_to(fma(p, f, broadcast(1)), n);
}

/// The same, but 0 below -126: Intel's CPUs take 200 cycles to round a result that is subnormal,
/// which hidden keys, at -inf, would come to be.
inline Vec exp2_of_nonpositive(Vec x) {
  const Mask tiny = x < broadcast(kLeastNormalExponent);
  return select(tiny, zero(), normal_exp2_of_nonpositive(x));
}

/// Error function within 5.5 ulp (3.5e-7), never beyond [-1, 1]; NaN gives NaN.
/// x P(x^2) / Q(x^2), with x clamped to where the quotient is exactly 1.
inline Vec erf(Vec x) {
  x = clamp(x, -3.92f, 3.92f);
  const Vec u = x * x;
  const Vec p = polynomial(u, {1.12837911f, 0.190783784f, 0.0527902879f, 0.00377960899f,
                               0.000284808862f, 2.04197431e-06f});
  const Vec q = polynomial(
      u, {1.0f, 0.502410471f, 0.114257507f, 0.0149974367f, 0.00116521318f, 3.80041274e-05f});
  return clamp(quotient(x * p, q), -1, 1);
}

/// Hyperbolic tangent within 5 ulp (3e-7), never beyond [-1, 1]; NaN gives NaN. As erf.
inline Vec tanh(Vec x) {
  x = clamp(x, -9.01f, 9.01f);
  const Vec u = x * x;
  const Vec p =
      polynomial(u, {1.0f, 0.133797184f, 0.00349403545f, 2.05834931e-05f, 1.33190889e-08f});
  const Vec q =
      polynomial(u, {1.0f, 0.467130333f, 0.0258710757f, 0.000328309397f, 7.76202683e-07f});
  return clamp(quotient(x * p, q), -1, 1);
}

inline Vec relu(Vec x) {
  return max(zero(), x);
}

inline Vec silu(Vec x) {
  return quotient(x, broadcast(1) + exp(zero() - x));
}

inline Vec gelu(Vec x) {
  const Vec half = broadcast(0.5f) * x;
  return fma(half, erf(x * broadcast(0.707106781f)), half);
}

inline Vec gelu_tanh(Vec x) {
  const Vec half = broadcast(0.5f) * x;
  const Vec inner = fma(broadcast(0.044715f) * x * x, x, x);
  return fma(half, tanh(inner * broadcast(0.797884561f)), half);
}

/// x[i] = activation(x[i]) for `n` numbers; which it is, is asked once.
inline void activate(Activation activation, int64_t n, float* x) {
  const auto each = [=](auto f) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) store(f(load(x + i)), x + i);
    if (i < n) store_first(f(load_first(x + i, n - i)), x + i, n - i);
  };
  switch (activation) {
    case Activation::none:
      return;
    case Activation::relu:
      return each([](Vec v) { return relu(v); });
    case Activation::silu:
      return each([](Vec v) { return silu(v); });
    case Activation::gelu:
      return each([](Vec v) { return gelu(v); });
    case Activation::gelu_tanh:
      return each([](Vec v) { return gelu_tanh(v); });
    case Activation::tanh:
      return each([](Vec v) { return tanh(v); });
  }
}

}  // namespace
}  // namespace heed
