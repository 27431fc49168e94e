// Attention over keys and values in bf16 with vdpbf16ps, which multiplies pairs of bf16 numbers and
// adds them in f32. Queries and weights are rounded to bf16 for it. For CPUs with AVX512_BF16.
#include "engine/kernels/avx512_vec.h"
#include "engine/kernels/generic/attention.inl"

namespace heed {
namespace {

struct Bf16Dot {
  static constexpr int kPack = 2, kRowPack = 2;
  using Operand = Vec;
  static void pack(Vec x, float* row, int64_t i) {
    const __m256bh halves = _mm512_cvtneps_pbh(x.v);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + i / 2), (__m256i)halves);
  }
  static Operand load(const float* tile) { return heed::load(tile); }
  static Vec add(Vec sum, const float* row, Operand y) {
    // By name, since clang 16 crashes on folding a broadcast into the product.
    __m512i pair;
    asm("vpbroadcastd %1, %0" : "=v"(pair) : "m"(*row));
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)pair, (__m512bh)y.v)};
  }
};

}  // namespace

void bf16::set_attention(Kernels& table) {
  table.attend = [](const AttendArgs& args) {
    if (args.kv.type != KvType::bf16) return avx512::attend(args);
    attend_as<Bf16Dot, KvType::bf16>(args);
  };
}

}  // namespace heed
