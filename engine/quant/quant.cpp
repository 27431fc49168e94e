// The table of row codecs, the plain 16- and 32-bit types, and the checks in front of them.
#include "engine/quant/quant.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>

#include "engine/core/error.h"
#include "engine/core/half.h"
#include "engine/quant/formats.h"

namespace heed {
namespace {

void read_f32(const std::byte* src, float* dst, int64_t n) noexcept {
  std::copy_n(src, n * sizeof(float), reinterpret_cast<std::byte*>(dst));
}

template <float (*convert)(uint16_t) noexcept>
void read_half(const std::byte* src, float* dst, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    uint16_t half;
    std::memcpy(&half, src + i * sizeof half, sizeof half);
    dst[i] = convert(half);
  }
}

constexpr std::array kCodecs = {
    RowCodec{DType::f32, read_f32, &RowWriters::f32},
    RowCodec{DType::f16, read_half<f16_to_f32>, &RowWriters::f16},
    RowCodec{DType::bf16, read_half<bf16_to_f32>, &RowWriters::bf16},
    RowCodec{DType::q4_0, dequantize_q4_0, &RowWriters::q4_0},
    RowCodec{DType::q4_1, dequantize_q4_1, &RowWriters::q4_1},
    RowCodec{DType::q5_0, dequantize_q5_0, &RowWriters::q5_0},
    RowCodec{DType::q5_1, dequantize_q5_1, &RowWriters::q5_1},
    RowCodec{DType::q8_0, dequantize_q8_0, &RowWriters::q8_0},
    RowCodec{DType::iq4_nl, dequantize_iq4_nl, &RowWriters::iq4_nl},
    RowCodec{DType::q2_k, dequantize_q2_k, &RowWriters::q2_k},
    RowCodec{DType::q3_k, dequantize_q3_k, &RowWriters::q3_k},
    RowCodec{DType::q4_k, dequantize_q4_k, &RowWriters::q4_k},
    RowCodec{DType::q5_k, dequantize_q5_k, &RowWriters::q5_k},
    RowCodec{DType::q6_k, dequantize_q6_k, &RowWriters::q6_k},
};

const RowCodec* find_codec(DType type) {
  const auto it = std::ranges::find(kCodecs, type, &RowCodec::type);
  return it == kCodecs.end() ? nullptr : &*it;
}

void check_whole_blocks(DType type, int64_t n) {
  const DTypeInfo& t = info(type);
  if (n < 0 || n % t.block != 0)
    fail(Error::Code::argument, "a row of type ", t.name, " takes whole blocks of ", t.block,
         " values, not ", n, " values");
}

void check_importance(std::span<const float> importance, int64_t n) {
  if (importance.empty()) return;
  if (std::ssize(importance) != n)
    fail(Error::Code::argument, "a row of ", n,
         " values takes an importance for each of them, not ", importance.size());
  const auto bad = std::ranges::find_if(
      importance, [](float weight) { return !(weight >= 0.0f && std::isfinite(weight)); });
  if (bad != importance.end())
    fail(Error::Code::argument, "the importance of column ", bad - importance.begin(), " is ", *bad,
         ", which is not a finite number of zero or more");
}

}  // namespace

std::span<const RowCodec> row_codecs() {
  return kCodecs;
}

const RowWriters& row_writers(Isa isa) {
  return isa == Isa::scalar ? kScalarRowWriters
         : isa == Isa::avx2 ? kAvx2RowWriters
                            : kAvx512RowWriters;
}

void dequantize_row(DType type, const std::byte* src, float* dst, int64_t n) {
  const RowCodec* codec = find_codec(type);
  if (codec == nullptr)
    fail(Error::Code::unsupported, "type ", info(type).name, " cannot be read as floating point");
  check_whole_blocks(type, n);
  codec->dequantize(src, dst, n);
}

void quantize_row(DType type, const float* src, std::byte* dst, int64_t n,
                  std::span<const float> importance) {
  const RowCodec* codec = find_codec(type);
  if (codec == nullptr)
    fail(Error::Code::unsupported, "weights cannot be written as type ", info(type).name);
  check_whole_blocks(type, n);
  check_importance(importance, n);
  static const RowWriters& writers = row_writers(preferred_isa());
  RowWriter* const write = writers.*codec->quantize;
  write(src, dst, n, importance.empty() ? nullptr : importance.data());
}

}  // namespace heed
