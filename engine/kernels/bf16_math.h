// Powers of two and activations for numbers that are rounded to bf16 next, which keeps 2^-9 of
// them: shorter than those of vec_math.inl. Included after avx512_vec.h by the files of AMX, where
// the vector units are what many rows wait for. Coefficients: the minimax fits of
// generic/fit_vec_math.py. Error bounds are those that tests/kernels/vec_math_test.cpp holds them
// to.
#pragma once

#include "engine/kernels/generic/vec_math.inl"

namespace heed {
namespace {

/// 2^x within 2^-13 of it; exactly 1 at 0, 0 at -inf, inf at inf, NaN at NaN.
/// x = n + f with 0 <= f < 1: 2^x = 2^n (1 + f p(f)).
inline Vec brief_exp2(Vec x) {
  constexpr int kFraction = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const Vec f = {_mm512_reduce_ps(x.v, kFraction)};
  const Vec p = polynomial(f, {0.695116758f, 0.227644995f, 0.0770670399f});
  return times_two_to(fma(p, f, broadcast(1)), x);  // scalef takes the floor of x
}

/// x / (1 + 2^exponent), the shape of silu and gelu, within 2^-12 of it.
inline Vec gated_by_exp2(Vec x, Vec exponent) {
  const Vec below = brief_exp2(exponent) + broadcast(1);
  return x * Vec{_mm512_rcp14_ps(below.v)};
}

/// silu(x) within 2^-12 of it.
inline Vec brief_silu(Vec x) {
  return gated_by_exp2(x, x * broadcast(-kLog2E));
}

/// Coefficients of brief_gelu's cubics, those of 1 first; 0 for the lowest stretch.
alignas(64) inline constexpr float kGeluCubics[4][kLanes] = {
    {0, 0.00466701994f, 0.027891146f, 0.11125268f, 0.291520983f, 0.498697072f, 0.578647733f,
     0.53315407f, 0.501730978f, 0.499999911f, 0.498463243f, 0.468204707f, 0.421539277f,
     0.498873711f, 0.706590116f, 0.888014734f},
    {0, 0.00290218531f, 0.0194605868f, 0.087884143f, 0.261937737f, 0.503771961f, 0.618577421f,
     0.518052459f, 0.411889791f, 0.398915857f, 0.41074273f, 0.514389157f, 0.618241608f,
     0.506973028f, 0.263927847f, 0.088527225f},
    {0, 0.000602587301f, 0.00453994703f, 0.0232759491f, 0.0793640539f, 0.173642188f, 0.228656247f,
     0.154346079f, 0.032847289f, 3.14006434e-06f, -0.030756291f, -0.151107937f, -0.228456602f,
     -0.175042689f, -0.0800612047f, -0.0234637875f},
    {0, 4.17690426e-05f, 0.000354008196f, 0.0020654581f, 0.00809751358f, 0.0203722846f,
     0.0291709229f, 0.0108038047f, -0.0363318212f, -0.0653880015f, -0.0375273786f, 0.0098643871f,
     0.0291316155f, 0.0205757413f, 0.00817871839f, 0.00208371482f}};

/// gelu(x) within 1.5e-5 + 2^-13 |gelu(x)|, NaN at -inf: x times Phi(x), which is a cubic in each
/// of 15 stretches 4/7 wide from -4.86 to 3.71, 0 below them and as at their end above them. Tables
/// of 16 take one instruction to look up: half as many as powers of two and a division.
inline Vec brief_gelu(Vec x) {
  constexpr float kStretchesPerUnit = 1.75f, kLow = -5, kHigh = 3.714f;
  // Added to it, a number is rounded to units; the last bits count stretches, 9 is that of 0.
  constexpr float kRoundToUnits = 0x1.8p23f + 9;
  const Vec in = min(max(x, broadcast(kLow)), broadcast(kHigh));
  const Vec stretch = fma(in, broadcast(kStretchesPerUnit), broadcast(kRoundToUnits));
  const auto coefficient = [&](int power) -> Vec {
    return {_mm512_permutexvar_ps(_mm512_castps_si512(stretch.v), load(kGeluCubics[power]).v)};
  };
  Vec phi = coefficient(3);
  for (int power = 2; power >= 0; --power) phi = fma(phi, in, coefficient(power));
  return x * phi;
}

/// gelu_tanh(x) within 2^-12 of it: 1 + tanh(y) = 2 / (1 + exp(-2 y)).
inline Vec brief_gelu_tanh(Vec x) {
  constexpr float kFirst = -2.30220819f, kThird = -0.102943240f;  // of -2 log2(e) y
  return gated_by_exp2(x, x * fma(x * x, broadcast(kThird), broadcast(kFirst)));
}

}  // namespace
}  // namespace heed
