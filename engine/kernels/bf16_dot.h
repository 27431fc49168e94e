// Rows of bf16 for attention.inl, multiplied by vdpbf16ps, which adds products of pairs in f32.
// Included after generic/attention.inl by bf16_attention.cpp and amx_attention.cpp.
#pragma once

#include "engine/kernels/generic/attention.inl"

namespace heed {
namespace {

struct Bf16Dot : FloatDot<Bf16Dot> {
  static constexpr int kPack = 2, kRowPack = 2;
  using Operand = Vec;
  static void pack(Vec x, float* row, int64_t i) {
    const __m256bh halves = _mm512_cvtneps_pbh(x.v);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + i / 2), (__m256i)halves);
  }
  static Operand load(const std::byte* tile) {
    return heed::load(reinterpret_cast<const float*>(tile));
  }
  static Vec add(Vec sum, const float* row, Operand y) {
    // By name, since clang 16 crashes on folding a broadcast into the product.
    __m512i pair;
    asm("vpbroadcastd %1, %0" : "=v"(pair) : "m"(*row));
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)pair, (__m512bh)y.v)};
  }
};

}  // namespace
}  // namespace heed
