// Matrix products over Vec (contracts: kernels.h, specification: scalar_matmul.cpp, layout:
// pack.h). Included after <isa>_vec.h and <isa>_bytes.h by <isa>_matmul.cpp.
//
// A product runs in one of two ways:
//  - few rows (decode): `direct` kernels stream the packed panels once and unpack in registers;
//  - many rows (prefill): a group of panels is unpacked into scratch, where it stays in cache while
//    `tile` kernels multiply it with all rows, a tile of rows in registers at a time.
// Both read the input from tiles: the rows of a tile side by side, so that a kernel needs one
// pointer and constant offsets. Both end in `store`, which applies the epilogue.
//
// A "part" is the slice of a panel that fills one register: kParts of kLanes rows each.
#pragma once

#include "engine/kernels/pack.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

inline constexpr int kParts = kPanelRows / kLanes;

/// How far ahead of its loads a kernel that streams panels prefetches.
inline constexpr int64_t kPrefetchBytes = 2048;

/// Input rows up to which a product is direct.
inline constexpr int kDirectRows = 4;

/// Panels that a direct and a tile kernel are given at a time; even, for pairs of gate and up.
inline constexpr int kDirectPanels = 4;
inline constexpr int kTilePanels = 2;

/// Bytes of input tiles that one pass over the panels works on: about half of a core's L2.
inline constexpr int64_t kBlockBytes = 512 * 1024;

inline constexpr int kMostTileRows = 16;

/// Multiplies `count` panels from `panel` with a tile: acc[panel][row][16] = sums.
using DirectKernel = void (*)(const Panels& w, int64_t panel, int64_t count, const std::byte* tile,
                              float* acc);
/// Writes `count` panels from `panel` as the tile kernel reads them, unpacked_bytes each.
using UnpackKernel = void (*)(const Panels& w, int64_t panel, int64_t count, std::byte* out);
/// As DirectKernel, on `count` unpacked panels, `stride` bytes apart.
using TileKernel = void (*)(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
                            const std::byte* tile, float* acc);

/// The kernels of one weight type.
struct MatrixKernels {
  /// Bytes of a tile for each of its rows; what precedes a tile takes as much.
  int64_t (*row_bytes)(int64_t columns) = nullptr;
  void (*pack_tile)(const MatmulInput& input, int64_t first_row, int64_t rows, int64_t columns,
                    std::byte* tile) = nullptr;
  DirectKernel direct[kDirectRows] = {};  // by rows - 1
  /// 0: the tile kernel reads panels as they are.
  int64_t (*unpacked_bytes)(int64_t columns) = nullptr;
  UnpackKernel unpack = nullptr;
  int tile_rows = 0;
  TileKernel tile[kMostTileRows] = {};  // by rows - 1
};

/// Stores the products of one row with a panel, or with a gate and an up panel.
inline void store_row(const MatmulArgs& args, int64_t panel, int64_t row, const float* first,
                      const float* up) {
  const Epilogue& e = args.epilogue;
  const int64_t column = (up ? panel / 2 : panel) * kPanelRows;
  const int64_t left = (up ? args.w->rows / 2 : args.w->rows) - column;
  float* out = args.out + row * args.out_stride + column;
  for (int64_t i = 0; i < kPanelRows && i < left; i += kLanes) {
    const int64_t n = left - i < kLanes ? left - i : kLanes;
    const float* bias = e.bias ? e.bias + panel * kPanelRows + i : nullptr;
    Vec value = load(first + i);
    if (bias) value = value + load_first(bias, n);
    value = activated(e.activation, value);
    if (up) value = value * (bias ? load(up + i) + load_first(bias + kPanelRows, n) : load(up + i));
    if (e.accumulate) value = load_first(out + i, n) + value;
    n == kLanes ? store(value, out + i) : store_first(value, out + i, n);
  }
}

/// Stores what a kernel left in acc for `count` panels and `rows` rows.
inline void store_tile(const MatmulArgs& args, int64_t panel, int64_t count, int64_t first_row,
                       int64_t rows, const float* acc) {
  const int64_t size = rows * kPanelRows;  // of a panel's sums
  for (int64_t i = 0; i < count; i += args.epilogue.gated ? 2 : 1) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* sums = acc + i * size + r * kPanelRows;
      store_row(args, panel + i, first_row + r, sums, args.epilogue.gated ? sums + size : nullptr);
    }
  }
}

inline int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

void multiply_directly(const MatrixKernels& k, const MatmulArgs& args) {
  alignas(kPanelAlign) float acc[kDirectPanels * kDirectRows * kPanelRows];
  const int64_t rows = args.input.rows;
  k.pack_tile(args.input, 0, rows, args.w->columns, args.scratch);
  for (int64_t p = args.first_panel; p < args.last_panel; p += kDirectPanels) {
    const int64_t count = smaller(kDirectPanels, args.last_panel - p);
    k.direct[rows - 1](*args.w, p, count, args.scratch, acc);
    store_tile(args, p, count, 0, rows, acc);
  }
}

/// Rows that one pass over the panels handles: whole tiles, as many as kBlockBytes hold.
int64_t rows_in_block(const MatrixKernels& k, int64_t columns, int64_t rows) {
  const int64_t tiles = kBlockBytes / (k.row_bytes(columns) * k.tile_rows);
  return smaller(rows, (tiles < 1 ? 1 : tiles) * k.tile_rows);
}

int64_t align_up(int64_t bytes) {
  return (bytes + kPanelAlign - 1) / kPanelAlign * kPanelAlign;
}

/// The rows of a block in tiles of nearly equal size.
struct Tiles {
  int64_t rows;
  int64_t count;

  int64_t begin(int64_t i) const { return i * rows / count; }
  int64_t size(int64_t i) const { return begin(i + 1) - begin(i); }
};

void multiply_in_tiles(const MatrixKernels& k, const MatmulArgs& args) {
  alignas(kPanelAlign) float acc[kTilePanels * kMostTileRows * kPanelRows];
  const Panels& w = *args.w;
  const int64_t row_bytes = k.row_bytes(w.columns);
  const int64_t block_rows = rows_in_block(k, w.columns, args.input.rows);
  const int64_t unpacked_bytes = k.unpacked_bytes(w.columns);
  std::byte* unpacked = args.scratch + align_up(block_rows * row_bytes);
  for (int64_t row = 0; row < args.input.rows; row += block_rows) {
    const int64_t rows = smaller(block_rows, args.input.rows - row);
    const Tiles tiles{.rows = rows, .count = (rows + k.tile_rows - 1) / k.tile_rows};
    for (int64_t i = 0; i < tiles.count; ++i)
      k.pack_tile(args.input, row + tiles.begin(i), tiles.size(i), w.columns,
                  args.scratch + tiles.begin(i) * row_bytes);
    for (int64_t p = args.first_panel; p < args.last_panel; p += kTilePanels) {
      const int64_t count = smaller(kTilePanels, args.last_panel - p);
      const std::byte* panels = w.panel(p);
      if (unpacked_bytes) k.unpack(w, p, count, unpacked), panels = unpacked;
      const int64_t stride = unpacked_bytes ? unpacked_bytes : w.panel_bytes;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t first = tiles.begin(i), size = tiles.size(i);
        k.tile[size - 1](panels, stride, count, w.columns, args.scratch + first * row_bytes, acc);
        store_tile(args, p, count, row + first, size, acc);
      }
    }
  }
}

inline void multiply(const MatrixKernels& k, const MatmulArgs& args) {
  args.input.rows <= kDirectRows ? multiply_directly(k, args) : multiply_in_tiles(k, args);
}

inline int64_t scratch_bytes(const MatrixKernels& k, int64_t columns, int64_t rows) {
  const int64_t tiles = align_up(rows_in_block(k, columns, rows) * k.row_bytes(columns));
  return tiles + (rows <= kDirectRows ? 0 : kTilePanels * k.unpacked_bytes(columns));
}

}  // namespace
}  // namespace heed
