// Powers of two and activations for numbers that are rounded to bf16 next, which keeps 2^-9 of
// them: shorter than those of vec_math.inl. Included after avx512_vec.h by the files of AMX, where
// the vector units are what many rows wait for. Coefficients: the minimax fits of
// generic/fit_vec_math.py. Error bounds are those that tests/kernels/vec_math_test.cpp holds them
// to.
#pragma once

#include "engine/kernels/generic/vec_math.inl"

namespace heed {
namespace {

/// 2^x within 2^-18 of it; exactly 1 at 0, 0 at -inf, inf at inf, NaN at NaN.
/// x = n + f with 0 <= f < 1: 2^x = 2^n (1 + f p(f)).
inline Vec brief_exp2(Vec x) {
  constexpr int kFraction = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const Vec f = {_mm512_reduce_ps(x.v, kFraction)};
  const Vec p = polynomial(f, {0.693044841f, 0.241280198f, 0.0522424728f, 0.0134266848f});
  return times_two_to(fma(p, f, broadcast(1)), x);  // scalef takes the floor of x
}

/// x / (1 + 2^exponent), the shape of silu and gelu, within 2^-13 of it.
inline Vec gated_by_exp2(Vec x, Vec exponent) {
  const Vec below = brief_exp2(exponent) + broadcast(1);
  return x * Vec{_mm512_rcp14_ps(below.v)};
}

/// silu(x) within 2^-13 of it.
inline Vec brief_silu(Vec x) {
  constexpr float kMinusLog2E = -1.44269504f;
  return gated_by_exp2(x, x * broadcast(kMinusLog2E));
}

/// gelu(x) within 1.5e-5 + 2^-13 |gelu(x)|: Phi(x) = 1 / (1 + 2^(x p(x^2))), where p is fitted up
/// to |x| = 5. Beyond it, p(25) makes the power large or small enough.
inline Vec brief_gelu(Vec x) {
  const Vec u = min(x * x, broadcast(25));
  const Vec p = polynomial(u, {-2.30170083f, -0.105926469f, 0.000720719632f, 2.59572735e-05f});
  return gated_by_exp2(x, x * p);
}

/// gelu_tanh(x) within 2^-12 of it: 1 + tanh(y) = 2 / (1 + exp(-2 y)).
inline Vec brief_gelu_tanh(Vec x) {
  constexpr float kFirst = -2.30220819f, kThird = -0.102943240f;  // of -2 log2(e) y
  return gated_by_exp2(x, x * fma(x * x, broadcast(kThird), broadcast(kFirst)));
}

}  // namespace
}  // namespace heed
