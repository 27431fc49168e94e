// Stores products of AMX that become bf16 in whole panels. Included by amx_matmul.cpp, after
// generic/matmul.inl, whose store_panel does the rest.
#pragma once

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_math.h"

namespace heed {
namespace {

/// Panel `panel` of a matrix's bias, or zeros.
inline Vec bias_of(const MatmulArgs& args, int64_t panel) {
  if (!args.epilogue.bias) return zero();
  const int64_t first = panel * kPanelRows, left = args.w->rows - first;
  return load_first(args.epilogue.bias + first, left < kLanes ? (left < 0 ? 0 : left) : kLanes);
}

/// As store_panel, with `activation` for args.epilogue.activation. Two rows are rounded at once.
template <typename Function>
inline void store_rounded(const MatmulArgs& args, int64_t panel, int64_t first_row, int64_t rows,
                          const float* acc, int64_t apart, Function activation) {
  const bool gated = args.epilogue.gated;
  const Vec bias = bias_of(args, panel), up_bias = gated ? bias_of(args, panel + 1) : zero();
  const auto value = [&](const float* sums) {
    const Vec x = activation(load(sums) + bias);
    return gated ? x * (load(sums + apart) + up_bias) : x;
  };
  const int64_t column = (gated ? panel / 2 : panel) * kPanelRows;
  // Rows that lie in tiles begin with a tile.
  const int64_t stride = args.out_tiles ? kRecordColumns : args.out_stride;
  uint16_t* out = args.out_bf16 + (args.out_tiles ? at_in_tiles(first_row, column, args.out_stride)
                                                  : first_row * stride + column);
  const int64_t to_next_tile = args.out_tiles ? kTileRows * (args.out_stride - stride) : 0;
  for (int64_t r = 0; r < rows; r += 2, acc += 2 * kPanelRows, out += 2 * stride) {
    if (r == kTileRows) out += to_next_tile;
    const Vec a = value(acc), b = value(acc + kPanelRows);
    const auto both = (__m512i)_mm512_cvtne2ps_pbh(b.v, a.v);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(both));
    if (r + 1 == rows) break;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + stride),
                        _mm512_extracti64x4_epi64(both, 1));
  }
}

/// As store_panel; acc has an even number of rows.
inline void store_products(const MatmulArgs& args, int64_t panel, int64_t first_row, int64_t rows,
                           float* acc, int64_t apart) {
  const int64_t columns = args.epilogue.gated ? args.w->rows / 2 : args.w->rows;
  const int64_t column = (args.epilogue.gated ? panel / 2 : panel) * kPanelRows;
  if (!args.out_bf16 || columns - column < kPanelRows)
    return store_panel(args, panel, first_row, rows, acc, apart);
  const auto by = [&](auto f) { store_rounded(args, panel, first_row, rows, acc, apart, f); };
  switch (args.epilogue.activation) {
    case Activation::none:
      return by([](Vec x) { return x; });
    case Activation::relu:
      return by([](Vec x) { return max(zero(), x); });
    case Activation::silu:
      return by([](Vec x) { return brief_silu(x); });
    case Activation::gelu:
      return by([](Vec x) { return brief_gelu(x); });
    case Activation::gelu_tanh:
      return by([](Vec x) { return brief_gelu_tanh(x); });
    case Activation::tanh:
      return by([](Vec x) { return tanh(x); });
  }
}

}  // namespace
}  // namespace heed
