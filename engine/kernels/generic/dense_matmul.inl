// Kernels for f32, f16 and bf16 weights with f32 input, over Vec; how they are used: matmul.inl.
// Every sum is made in order of columns, one fused multiply-add a column.
//
// A tile holds 16 columns of each of its rows, row after row, then the next 16 columns. Unpacked
// panels are those of f32.
#pragma once

#include "engine/kernels/generic/matmul.inl"

namespace heed {
namespace {

inline constexpr int kChunkColumns = 16;

/// Columns that a tile kernel asks for before it needs them: two panels of a wide matrix lie in the
/// second-level cache.
inline constexpr int kColumnsAhead = 16;

// ---- input tiles --------------------------------------------------------------------------------

inline int64_t dense_row_bytes(int64_t columns) {
  return align_up(columns * 4);
}

inline void pack_dense_tile(const MatmulInput& input, int64_t first_row, int64_t rows,
                            int64_t columns, std::byte* tile) {
  constexpr int64_t kBytes = kChunkColumns * 4;
  for (int64_t t = 0; t < rows; ++t) {
    const auto* x = reinterpret_cast<const std::byte*>(input.f32 + (first_row + t) * input.stride);
    std::byte* out = tile + t * kBytes;
    int64_t left = columns * 4;
    for (; left >= kBytes; left -= kBytes, x += kBytes, out += rows * kBytes)
      __builtin_memcpy(out, x, kBytes);
    __builtin_memcpy(out, x, static_cast<size_t>(left));
  }
}

// ---- weights ------------------------------------------------------------------------------------

/// Bytes of two columns of a panel.
template <DType type>
inline constexpr int kPairBytes = 2 * kPanelRows * (type == DType::f32 ? 4 : 2);

/// Where a part starts within a column (or a pair of columns of bf16).
template <DType type>
inline constexpr int kPartBytes = kLanes * (type == DType::f16 ? 2 : 4);

/// The two columns of a pair.
template <DType type>
inline void load_columns(const std::byte* pair, Vec& first, Vec& second) {
  if constexpr (type == DType::f32) {
    const auto* p = reinterpret_cast<const float*>(pair);
    first = load(p);
    second = load(p + kPanelRows);
  } else if constexpr (type == DType::f16) {
    first = load_f16(pair);
    second = load_f16(pair + kPanelRows * 2);
  } else {
    load_bf16_pairs(reinterpret_cast<const uint16_t*>(pair), first, second);
  }
}

template <DType type>
int64_t dense_unpacked_bytes(int64_t columns) {
  return type == DType::f32 ? 0 : (columns + 1) / 2 * kPairBytes<DType::f32>;
}

template <DType type>
void unpack_dense(const Panels& w, int64_t panel, int64_t count, std::byte* out) {
  const int64_t pairs = (w.columns + 1) / 2;
  for (int64_t i = 0; i < count; ++i) {
    const std::byte* in = w.panel(panel + i);
    for (int64_t k = 0; k < pairs; ++k, in += kPairBytes<type>, out += kPairBytes<DType::f32>) {
      __builtin_prefetch(in + kPrefetchBytes, 0, kPrefetchTo);
      for (int part = 0; part < kParts; ++part) {
        Vec first, second;
        load_columns<type>(in + part * kPartBytes<type>, first, second);
        auto* floats = reinterpret_cast<float*>(out) + part * kLanes;
        store(first, floats);
        store(second, floats + kPanelRows);
      }
    }
  }
}

// ---- kernels ------------------------------------------------------------------------------------

/// sums += the products of a pair of columns (or of its first only) with each row's two values.
template <bool whole, DType type, int parts, int rows>
[[gnu::always_inline]] inline void add_pair(const std::byte* (&w)[parts], const float* values,
                                            Vec (&sums)[parts][rows]) {
#pragma GCC unroll 4
  for (int p = 0; p < parts; ++p) {
    Vec first, second;
    load_columns<type>(w[p], first, second);
#pragma GCC unroll 8
    for (int t = 0; t < rows; ++t) {
      const float* x = values + t * kChunkColumns;
      sums[p][t] = fma(broadcast(x[0]), first, sums[p][t]);
      if (whole) sums[p][t] = fma(broadcast(x[1]), second, sums[p][t]);
    }
  }
}

/// `parts` parts of packed panels from part `first` (counted from panel `panel`) with a tile.
template <DType type, int parts, int rows>
inline void direct_parts(const Panels& w, int64_t panel, int64_t first, const std::byte* tile,
                         float* acc) {
  constexpr int kPanelsAtOnce = parts > kParts ? parts / kParts : 1;
  const std::byte* at[parts];
  for (int p = 0; p < parts; ++p)
    at[p] = w.panel(panel + (first + p) / kParts) + (first + p) % kParts * kPartBytes<type>;
  const auto values_at = [&](int64_t k) {
    const int64_t chunk = k / kChunkColumns * kChunkColumns;
    return reinterpret_cast<const float*>(tile) + chunk * rows + k % kChunkColumns;
  };
  Vec sums[parts][rows];
  clear(sums);
  for (int64_t k = 0; k + 2 <= w.columns; k += 2) {
    add_pair<true, type>(at, values_at(k), sums);
    const int64_t ahead = bytes_ahead(w, k / 2 * kPairBytes<type>, kPanelsAtOnce);
    for (int p = 0; p < parts; ++p) {
      if (p % kParts == 0) __builtin_prefetch(at[p] + ahead, 0, kPrefetchTo);
      at[p] += kPairBytes<type>;
    }
  }
  if (w.columns % 2 != 0) add_pair<false, type>(at, values_at(w.columns - 1), sums);
  store_sums(sums, first, acc);
}

template <DType type, int rows>
void direct_dense(const Panels& w, int64_t panel, int64_t count, const std::byte* tile,
                  float* acc) {
  // Several sums in flight hide the latency of a multiply-add, as far as registers go.
  constexpr int kSums = kManyRegisters ? 24 : 8;
  constexpr int parts = rows * 4 <= kSums ? 4 : rows * 2 <= kSums ? 2 : 1;
  int64_t part = 0;
  for (; part + parts <= count * kParts; part += parts)
    direct_parts<type, parts, rows>(w, panel, part, tile, acc);
  for (; part < count * kParts; ++part) direct_parts<type, 1, rows>(w, panel, part, tile, acc);
}

/// `parts` parts of f32 panels, from part `first`, with a tile. What comes next is asked for
/// evenly: a core has few buffers for what its nearest cache misses, and would wait for a burst.
template <int parts, int rows>
inline void dense_tile_of_parts(const std::byte* panels, int64_t stride, int64_t first,
                                int64_t columns, const std::byte* tile, const Ahead& ahead,
                                float* acc) {
  const float* w[parts];
  for (int p = 0; p < parts; ++p)
    w[p] = reinterpret_cast<const float*>(panels + (first + p) / kParts * stride) +
           (first + p) % kParts * kLanes;
  Vec sums[parts][rows];
  clear(sums);
  const auto* values = reinterpret_cast<const float*>(tile);
  const int64_t share = ahead.bytes * kChunkColumns / columns + 1;
  for (int64_t k = 0; k < columns; k += kChunkColumns, values += rows * kChunkColumns) {
    const int64_t n = smaller(kChunkColumns, columns - k), asked = k / kChunkColumns * share;
    ask_for({ahead.at + asked, smaller(share, ahead.bytes - asked)});
    for (int64_t i = 0; i < n; ++i) {
      Vec column[parts];
      for (int p = 0; p < parts; ++p) {
        column[p] = load(w[p]);
        w[p] += kPanelRows;
        __builtin_prefetch(w[p] + kColumnsAhead * kPanelRows);
      }
#pragma GCC unroll 16
      for (int t = 0; t < rows; ++t) {
        const Vec x = broadcast(values[t * kChunkColumns + i]);
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) sums[p][t] = fma(x, column[p], sums[p][t]);
      }
    }
  }
  store_sums(sums, first, acc);
}

template <int rows>
void dense_tile(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
                const std::byte* tile, const Ahead& ahead, float* acc) {
  const int64_t parts = count * kParts;
  for (int64_t part = 0; part < parts; part += 2) {
    const Ahead share = share_of(ahead.at, ahead.bytes, part / 2, (parts + 1) / 2);
    if (part + 2 <= parts) {
      dense_tile_of_parts<2, rows>(panels, stride, part, columns, tile, share, acc);
    } else {
      dense_tile_of_parts<1, rows>(panels, stride, part, columns, tile, share, acc);
    }
  }
}

/// The kernels of one type.
template <DType type>
struct DenseKernels {
  static constexpr MatrixKernels make() {
    MatrixKernels k{.row_bytes = dense_row_bytes,
                    .pack_tile = pack_dense_tile,
                    .unpacked_bytes = dense_unpacked_bytes<type>,
                    .unpack = unpack_dense<type>,
                    .tile_rows = kDenseTileRows};
    fill<1>(k);
    return k;
  }
  template <int rows>
  static constexpr void fill(MatrixKernels& k) {
    if constexpr (rows <= kDirectTileRows) k.direct[rows - 1] = direct_dense<type, rows>;
    k.tile[rows - 1] = dense_tile<rows>;
    if constexpr (rows < kDenseTileRows) fill<rows + 1>(k);
  }
  static constexpr MatrixKernels kernels = make();
};

}  // namespace
}  // namespace heed
