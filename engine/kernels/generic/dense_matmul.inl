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
      __builtin_prefetch(in + kTilePanels * w.panel_bytes);
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
[[gnu::always_inline]] inline void add_pair(const std::byte* const (&w)[parts], const float* values,
                                            Vec (&sums)[parts][rows]) {
#pragma GCC unroll 4
  for (int p = 0; p < parts; ++p) {
    Vec first, second;
    load_columns<type>(w[p], first, second);
#pragma GCC unroll 4
    for (int t = 0; t < rows; ++t) {
      const float* x = values + t * kChunkColumns;
      sums[p][t] = fma(broadcast(x[0]), first, sums[p][t]);
      if (whole) sums[p][t] = fma(broadcast(x[1]), second, sums[p][t]);
    }
  }
}

template <DType type, int parts, int rows>
inline void direct_parts(const std::byte* (&w)[parts], int64_t columns, const std::byte* tile,
                         float* const (&acc)[parts]) {
  Vec sums[parts][rows];
  for (int p = 0; p < parts; ++p)
    for (int t = 0; t < rows; ++t) sums[p][t] = zero();
  for (int64_t k = 0; k + 2 <= columns; k += 2) {
    const int64_t place = k / kChunkColumns * kChunkColumns * rows + k % kChunkColumns;
    add_pair<true, type>(w, reinterpret_cast<const float*>(tile) + place, sums);
    for (int p = 0; p < parts; ++p) {
      w[p] += kPairBytes<type>;
      if (p % kParts == 0) __builtin_prefetch(w[p] + kPrefetchBytes);
    }
  }
  if (columns % 2 != 0) {
    const int64_t k = columns - 1;
    const int64_t place = k / kChunkColumns * kChunkColumns * rows + k % kChunkColumns;
    add_pair<false, type>(w, reinterpret_cast<const float*>(tile) + place, sums);
  }
  for (int p = 0; p < parts; ++p)
    for (int t = 0; t < rows; ++t) store(sums[p][t], acc[p] + t * kPanelRows);
}

template <DType type, int rows>
void direct_dense(const Panels& w, int64_t panel, int64_t count, const std::byte* tile,
                  float* acc) {
  const auto part_at = [&](int64_t i) {
    return w.panel(panel + i / kParts) + i % kParts * kPartBytes<type>;
  };
  const auto acc_at = [&](int64_t i) {
    return acc + i / kParts * rows * kPanelRows + i % kParts * kLanes;
  };
  // Four sums in flight hide the latency of a multiply-add.
  int64_t i = 0;
  for (; i + 4 <= count * kParts; i += 4) {
    const std::byte* parts[4] = {part_at(i), part_at(i + 1), part_at(i + 2), part_at(i + 3)};
    direct_parts<type, 4, rows>(parts, w.columns, tile,
                                {acc_at(i), acc_at(i + 1), acc_at(i + 2), acc_at(i + 3)});
  }
  for (; i < count * kParts; ++i) {
    const std::byte* parts[1] = {part_at(i)};
    direct_parts<type, 1, rows>(parts, w.columns, tile, {acc_at(i)});
  }
}

/// `parts` parts of f32 panels with a whole tile.
template <int parts, int rows>
inline void dense_tile_of_parts(const float* (&w)[parts], int64_t columns, const std::byte* tile,
                                float* const (&acc)[parts]) {
  Vec sums[parts][rows];
  for (int p = 0; p < parts; ++p)
    for (int t = 0; t < rows; ++t) sums[p][t] = zero();
  const auto* values = reinterpret_cast<const float*>(tile);
  for (int64_t k = 0; k < columns; k += kChunkColumns, values += rows * kChunkColumns) {
    const int64_t n = smaller(kChunkColumns, columns - k);
    for (int64_t i = 0; i < n; ++i) {
      Vec column[parts];
      for (int p = 0; p < parts; ++p) {
        column[p] = load(w[p]);
        w[p] += kPanelRows;
      }
#pragma GCC unroll 16
      for (int t = 0; t < rows; ++t) {
        const Vec x = broadcast(values[t * kChunkColumns + i]);
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) sums[p][t] = fma(x, column[p], sums[p][t]);
      }
    }
  }
  for (int p = 0; p < parts; ++p)
    for (int t = 0; t < rows; ++t) store(sums[p][t], acc[p] + t * kPanelRows);
}

template <int rows>
void dense_tile(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
                const std::byte* tile, float* acc) {
  const auto part_at = [&](int64_t i) {
    return reinterpret_cast<const float*>(panels + i / kParts * stride) + i % kParts * kLanes;
  };
  const auto acc_at = [&](int64_t i) {
    return acc + i / kParts * rows * kPanelRows + i % kParts * kLanes;
  };
  int64_t i = 0;
  for (; i + 2 <= count * kParts; i += 2) {
    const float* w[2] = {part_at(i), part_at(i + 1)};
    dense_tile_of_parts<2, rows>(w, columns, tile, {acc_at(i), acc_at(i + 1)});
  }
  if (i < count * kParts) {
    const float* w[1] = {part_at(i)};
    dense_tile_of_parts<1, rows>(w, columns, tile, {acc_at(i)});
  }
}

/// The kernels of one type, for tiles of up to `tile_rows` rows.
template <DType type, int tile_rows>
struct DenseKernels {
  static constexpr MatrixKernels make() {
    MatrixKernels k{.row_bytes = dense_row_bytes,
                    .pack_tile = pack_dense_tile,
                    .unpacked_bytes = dense_unpacked_bytes<type>,
                    .unpack = unpack_dense<type>,
                    .tile_rows = tile_rows};
    fill<1>(k);
    return k;
  }
  template <int rows>
  static constexpr void fill(MatrixKernels& k) {
    if constexpr (rows <= kDirectRows) k.direct[rows - 1] = direct_dense<type, rows>;
    if constexpr (rows <= tile_rows) k.tile[rows - 1] = dense_tile<rows>;
    if constexpr (rows < kDirectRows || rows < tile_rows) fill<rows + 1>(k);
  }
  static constexpr MatrixKernels kernels = make();
};

}  // namespace
}  // namespace heed
