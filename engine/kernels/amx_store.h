// Stores products of AMX that become bf16 in whole panels. Included by amx_matmul.cpp, after
// generic/matmul.inl, whose store_panel does the rest.
#pragma once

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_math.h"

namespace heed {
namespace {

/// A whole panel of the bias, or zeros.
inline Vec bias_of(const MatmulArgs& args, int64_t panel) {
  return args.epilogue.bias ? load(args.epilogue.bias + panel * kPanelRows) : zero();
}

/// Rows of a block, and floats of its sums for a panel.
inline constexpr int64_t kBlockRows = 2 * kTileRows;
inline constexpr int64_t kPanelSums = kBlockRows * kPanelRows;

/// Stores rows [row, row + rows) of `panels` panels; sums: [panel][kBlockRows][16], those of the
/// first row first.
using StoreRows = void (*)(const MatmulArgs& args, int64_t panel, int64_t panels, int64_t row,
                           int64_t rows, float* sums);

inline void store_any(const MatmulArgs& args, int64_t panel, int64_t panels, int64_t row,
                      int64_t rows, float* sums) {
  store_tile(args, panel, panels, row, rows, sums, kPanelSums);
}

/// Rounds two rows of a panel, or of a gate and an up panel, at once.
template <Vec (*activation)(Vec), bool gated>
inline void store_rounded(const MatmulArgs& args, int64_t panel, int64_t row, int64_t rows,
                          const float* sums) {
  const Vec bias = bias_of(args, panel), up_bias = gated ? bias_of(args, panel + 1) : zero();
  const auto value = [&](const float* at) {
    const Vec x = activation(load(at) + bias);
    return gated ? x * (load(at + kPanelSums) + up_bias) : x;
  };
  const int64_t column = (gated ? panel / 2 : panel) * kPanelRows;
  for (int64_t r = 0; r < rows; r += 2, sums += 2 * kPanelRows) {
    const auto place = [&](int64_t at) {
      return reinterpret_cast<__m256i*>(args.out_bf16 + place_of(args, at, column));
    };
    const auto both = (__m512i)_mm512_cvtne2ps_pbh(value(sums + kPanelRows).v, value(sums).v);
    _mm256_storeu_si256(place(row + r), _mm512_castsi512_si256(both));
    if (r + 1 == rows) break;
    _mm256_storeu_si256(place(row + r + 1), _mm512_extracti64x4_epi64(both, 1));
  }
}

/// Rounds rows of two panels, whose columns lie side by side: a whole row of a tile each.
template <Vec (*activation)(Vec)>
inline void store_rounded_pair(const MatmulArgs& args, int64_t panel, int64_t row, int64_t rows,
                               const float* sums) {
  const Vec left = bias_of(args, panel), right = bias_of(args, panel + 1);
  const int64_t column = panel * kPanelRows;
  for (int64_t r = 0; r < rows; ++r, sums += kPanelRows)
    store_bf16(activation(load(sums) + left), activation(load(sums + kPanelSums) + right),
               args.out_bf16 + place_of(args, row + r, column));
}

template <Vec (*activation)(Vec)>
void store_halves(const MatmulArgs& args, int64_t panel, int64_t panels, int64_t row, int64_t rows,
                  float* sums) {
  if (args.epilogue.gated) return store_rounded<activation, true>(args, panel, row, rows, sums);
  if (panels == kTilePanels && panel % kTilePanels == 0)
    return store_rounded_pair<activation>(args, panel, row, rows, sums);
  for (int64_t i = 0; i < panels; ++i, sums += kPanelSums)
    store_rounded<activation, false>(args, panel + i, row, rows, sums);
}

/// Stores, or adds to what is there, sums and bias of whole panels.
template <bool accumulate>
void store_floats(const MatmulArgs& args, int64_t panel, int64_t panels, int64_t row, int64_t rows,
                  float* sums) {
  const Vec left = bias_of(args, panel), right = panels == 2 ? bias_of(args, panel + 1) : zero();
  const auto put = [](Vec x, float* to) { store(accumulate ? load(to) + x : x, to); };
  float* out = args.out + row * args.out_stride + panel * kPanelRows;
  for (int64_t r = 0; r < rows; ++r, sums += kPanelRows, out += args.out_stride) {
    put(load(sums) + left, out);
    if (panels == 2) put(load(sums + kPanelSums) + right, out + kPanelRows);
  }
}

inline Vec unchanged(Vec x) {
  return x;
}

/// How a call's products of whole panels are stored.
inline StoreRows store_of(const MatmulArgs& args) {
  const Epilogue& e = args.epilogue;
  if (!args.out_bf16) {
    if (e.gated || e.activation != Activation::none) return store_any;
    return e.accumulate ? store_floats<true> : store_floats<false>;
  }
  switch (e.activation) {
    case Activation::none:
      return store_halves<unchanged>;
    case Activation::relu:
      return store_halves<relu>;
    case Activation::silu:
      return store_halves<brief_silu>;
    case Activation::gelu:
      return store_halves<brief_gelu>;
    case Activation::gelu_tanh:
      return store_halves<brief_gelu_tanh>;
    case Activation::tanh:
      return store_halves<tanh>;
  }
  return store_any;
}

}  // namespace
}  // namespace heed
