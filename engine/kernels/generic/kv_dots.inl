// How attention.inl multiplies keys and values with rows of numbers: a Dot for each way. Included
// by it, after <isa>_vec.h and <isa>_bytes.h; Bf16Dot, of CPUs with AVX512_BF16, is in bf16_dot.h.
//
// The rows are queries, and weights of values. A step takes what one lane of the tile holds for
// each token, or for each number of a value: kPack numbers in kLaneBytes bytes; and as many numbers
// of the row, which holds kRowPack numbers in a dword.
#pragma once

#include <math.h>

#include <cstddef>

#include "engine/kernels/generic/vec_math.inl"
#include "engine/kernels/kernels.h"
#include "engine/kernels/pack.h"

namespace heed {
namespace {

/// What Dots share whose sums are floats.
template <typename Dot>
struct FloatDot {
  static constexpr int64_t kLaneBytes = 4;
  static constexpr bool kScaled = false;  // keys and values have scales
  using Sum = Vec;

  static Sum begin(Vec sum) { return sum; }
  /// A score, given what one of the query's whole numbers stands for and the keys' scales.
  static Vec score(Sum sum, const float* /*unit*/, const std::byte* /*scales*/) { return sum; }
  /// The sums at `sums` with a block's share: sum * shrink + unit * products.
  static Vec end(Sum sum, const float* /*sums*/, Vec /*shrink*/, Vec /*unit*/) { return sum; }
  static void pack_query(const float* query, int64_t n, float* row, float* /*unit*/) {
    for (int64_t d = 0; d < n; d += kLanes)
      Dot::pack(load_first(query + d, n - d < kLanes ? n - d : kLanes), row, d);
  }
  /// Packs a query's weights of a block. `scales`: of the values, a tile's kTileTokens after each
  /// `tile_bytes` bytes.
  class Weights {
   public:
    Weights(float* row, const std::byte* /*scales*/, int64_t /*tile_bytes*/) : row_(row) {}
    void put(Vec weight, int64_t i) { Dot::pack(weight, row_, i); }
    /// Returns what one of the packed whole numbers stands for.
    Vec finish(int64_t /*first*/, int64_t /*last*/) { return zero(); }

   private:
    float* row_;
  };
};

struct F32Dot : FloatDot<F32Dot> {
  static constexpr int kPack = 1, kRowPack = 1;
  using Operand = Vec;
  static void pack(Vec x, float* row, int64_t i) { store(x, row + i); }
  static Operand load(const std::byte* tile) {
    return heed::load(reinterpret_cast<const float*>(tile));
  }
  static Vec add(Vec sum, const float* row, Operand y) { return fma(broadcast(*row), y, sum); }
};

/// 16-bit numbers, widened in registers: the same products and sums as F32Dot's over numbers
/// widened before.
template <KvType type>
struct WidenDot : FloatDot<WidenDot<type>> {
  static constexpr int kPack = 2, kRowPack = 1;
  struct Operand {
    Vec first, second;
  };
  static void pack(Vec x, float* row, int64_t i) { store(x, row + i); }
  static Operand load(const std::byte* tile) {
    Operand y;
    const auto* halves = reinterpret_cast<const uint16_t*>(tile);
    if constexpr (type == KvType::bf16) {
      load_bf16_pairs(halves, y.first, y.second);
    } else {
      load_f16_pairs(halves, y.first, y.second);
    }
    return y;
  }
  static Vec add(Vec sum, const float* row, Operand y) {
    return fma(broadcast(row[1]), y.second, fma(broadcast(row[0]), y.first, sum));
  }
};

/// Codes of 8 bits with rows rounded to 16 bits: sums are whole numbers, and exact, as heads have
/// no more than kMostQ8HeadDim numbers and blocks no more keys. A query's largest number, and that
/// of its weights of a block, times the values' scales, take all of the 16 bits.
struct Q8Dot {
  static constexpr int kPack = 2, kRowPack = 2;
  static constexpr int64_t kLaneBytes = 2;
  static constexpr bool kScaled = true;
  static constexpr float kLargest = 32767;
  using Operand = Ints;
  using Sum = Ints;

  static Operand load(const std::byte* tile) { return load_words(tile); }
  static Sum add(Sum sum, const float* row, Operand y) {
    return add_word_products(sum, broadcast_int(reinterpret_cast<const std::byte*>(row)), y);
  }
  static Sum begin(Vec /*sum*/) { return zero_ints(); }
  static Vec score(Sum sum, const float* unit, const std::byte* scales) {
    return to_float(sum) * (broadcast(*unit) * heed::load(reinterpret_cast<const float*>(scales)));
  }
  static Vec end(Sum sum, const float* sums, Vec shrink, Vec unit) {
    return fma(to_float(sum), unit, heed::load(sums) * shrink);
  }
  static void pack(Vec x, float* row, int64_t i) {
    store_int16(round_to_int(x), reinterpret_cast<int16_t*>(row + i / 2));
  }
  /// What numbers up to `largest` are multiplied with; 0 if there is nothing to tell apart.
  static Vec factor_of(Vec largest) {
    return select(broadcast(kQ8Smallest) < largest, broadcast(kLargest) / largest, zero());
  }

  static void pack_query(const float* query, int64_t n, float* row, float* unit) {
    const auto at = [=](int64_t d) {
      return load_first(query + d, n - d < kLanes ? n - d : kLanes);
    };
    const float largest = largest_of(query, n);
    const Vec factor = factor_of(broadcast(largest));
    for (int64_t d = 0; d < n; d += kLanes) pack(at(d) * factor, row, d);
    *unit = largest < INFINITY ? largest / kLargest : NAN;
  }

  class Weights {
   public:
    Weights(float* row, const std::byte* scales, int64_t tile_bytes)
        : row_(row), scales_(scales), tile_bytes_(tile_bytes) {}
    void put(Vec weight, int64_t i) {
      const std::byte* at = scales_ + i / kTileTokens * tile_bytes_ + i % kTileTokens * 4;
      weight = weight * heed::load(reinterpret_cast<const float*>(at));
      largest_ = max(weight, largest_);
      nan_ = fma(weight, zero(), nan_);
      store(weight, row_ + i);
    }
    Vec finish(int64_t first, int64_t last) {
      const Vec largest = spread_max(largest_), factor = factor_of(largest);
      for (int64_t i = first; i < last; i += kLanes) pack(heed::load(row_ + i) * factor, row_, i);
      return fma(largest, broadcast(1 / kLargest), broadcast(sum_of_lanes(nan_)));
    }

   private:
    float* row_;
    const std::byte* scales_;
    int64_t tile_bytes_;
    Vec largest_ = zero(), nan_ = zero();
  };
};

/// Dwords of a row that a step takes.
template <typename Dot>
inline constexpr int64_t kRowStep = Dot::kPack / Dot::kRowPack;

}  // namespace
}  // namespace heed
