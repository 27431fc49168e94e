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
// How far ahead and to which cache kernels prefetch is said by near_memory.h or far_memory.h,
// included before.
//
// A "part" is the slice of a panel that fills one register: kParts of kLanes rows each.
#pragma once

#include "engine/kernels/pack.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

inline constexpr int kParts = kPanelRows / kLanes;

/// AVX-512 has 32 registers, AVX2 has 16.
inline constexpr bool kManyRegisters = kLanes == 16;

/// Rows of a direct kernel's tile at most: sums beside the 8 quads of a record's codes.
inline constexpr int kDirectTileRows = kManyRegisters ? 8 : 4;

/// Input rows up to which a product is direct: then unpacking begins to pay.
inline constexpr int kDirectRows = kManyRegisters ? 16 : 4;

/// Rows of a tile kernel's tile at most. Dense: two parts' sums and weights, and an input value.
inline constexpr int kDenseTileRows = kManyRegisters ? 14 : 6;
/// Quantised: float and integer sums of two parts, their codes, a quad of input and constants.
inline constexpr int kQuantizedTileRows = kManyRegisters ? 6 : 2;
inline constexpr int kMostTileRows = kDenseTileRows;

/// Panels that a direct and a tile kernel are given at a time; even, for pairs of gate and up.
inline constexpr int kDirectPanels = 4;
inline constexpr int kTilePanels = 2;

/// Rows up to which a product of quantised weights waits for memory.
inline constexpr int kMostRowsBeside = 2;

/// How far ahead of its loads each of several streams of weights is asked for; one alone, by
/// kPrefetchBytes. With more, a matrix begins with more that nobody asked for.
inline constexpr int64_t kPrefetchBeside = 2048;

/// Bytes of input tiles that one pass over the panels works on: about half of a core's L2.
inline constexpr int64_t kBlockBytes = 1024 * 1024;

/// Multiplies up to kDirectPanels panels from `panel` with a tile: acc[panel][row][16] = sums.
using DirectKernel = void (*)(const Panels& w, int64_t panel, int64_t count, const std::byte* tile,
                              float* acc);
/// Writes `count` panels from `panel` as the tile kernel reads them, unpacked_bytes each.
using UnpackKernel = void (*)(const Panels& w, int64_t panel, int64_t count, std::byte* out);
/// What a kernel asks for on its way: a share of the panels that come next.
struct Ahead {
  const std::byte* at;
  int64_t bytes;
};

/// As DirectKernel, on `count` unpacked panels, `stride` bytes apart.
using TileKernel = void (*)(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
                            const std::byte* tile, const Ahead& ahead, float* acc);

/// The kernels of one weight type.
struct MatrixKernels {
  /// Bytes of a tile for each of its rows; what precedes a tile takes as much.
  int64_t (*row_bytes)(int64_t columns) = nullptr;
  void (*pack_tile)(const MatmulInput& input, int64_t first_row, int64_t rows, int64_t columns,
                    std::byte* tile) = nullptr;
  DirectKernel direct[kDirectTileRows] = {};  // by rows - 1
  /// 0: the tile kernel reads panels as they are.
  int64_t (*unpacked_bytes)(int64_t columns) = nullptr;
  UnpackKernel unpack = nullptr;
  int tile_rows = 0;
  TileKernel tile[kMostTileRows] = {};  // by rows - 1
};

inline int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Adds the bias of a panel to its sums; its first `n` rows are the matrix's.
inline void add_bias(const float* bias, int64_t n, int64_t rows, float* acc) {
  for (int64_t i = 0; i < kPanelRows; i += kLanes) {
    const int64_t lanes = n - i < 0 ? 0 : smaller(n - i, kLanes);
    const Vec x = load_first(bias + i, lanes);
    for (int64_t r = 0; r < rows; ++r)
      store(load(acc + r * kPanelRows + i) + x, acc + r * kPanelRows + i);
  }
}

/// Makes of the sums of a panel, or of a gate and an up panel `apart` floats behind it, what is to
/// be stored.
inline void finish_panel(const MatmulArgs& args, int64_t panel, int64_t rows, float* acc,
                         int64_t apart) {
  const Epilogue& e = args.epilogue;
  const int64_t count = rows * kPanelRows;
  if (e.bias) {
    for (int64_t i = 0; i < (e.gated ? 2 : 1); ++i) {
      const int64_t first = (panel + i) * kPanelRows;
      add_bias(e.bias + first, args.w->rows - first, rows, acc + i * apart);
    }
  }
  if (e.activation != Activation::none) activate(e.activation, count, acc);
  if (!e.gated) return;
  for (int64_t i = 0; i < count; i += kLanes) store(load(acc + i) * load(acc + apart + i), acc + i);
}

/// Calls put(vector, element of the output) for `rows` rows of a whole panel.
template <typename Put>
inline void for_each_row(const float* acc, int64_t rows, int64_t at, int64_t stride, Put put) {
  for (int64_t r = 0; r < rows; ++r, acc += kPanelRows, at += stride) {
    for (int64_t i = 0; i < kPanelRows; i += kLanes) put(load(acc + i), at + i);
  }
}

/// Stores the first `n` columns of a row of a panel.
inline void store_part(const MatmulArgs& args, const float* acc, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t lanes = smaller(n - i, kLanes);
    const Vec value = load(acc + i);
    if (args.out_bf16) {
      uint16_t halves[kLanes];
      store_bf16(value, halves);
      __builtin_memcpy(args.out_bf16 + at + i, halves, static_cast<size_t>(lanes) * 2);
    } else {
      float* out = args.out + at + i;
      store_first(args.epilogue.accumulate ? load_first(out, lanes) + value : value, out, lanes);
    }
  }
}

/// Stores what a kernel left in acc for a panel, or a gate and an up panel, and `rows` rows. What
/// is the same for all of them is asked once: a tile of few columns takes no longer than this.
inline void store_panel(const MatmulArgs& args, int64_t panel, int64_t first_row, int64_t rows,
                        float* acc, int64_t apart) {
  finish_panel(args, panel, rows, acc, apart);
  const bool gated = args.epilogue.gated;
  const int64_t column = (gated ? panel / 2 : panel) * kPanelRows;
  const int64_t left = (gated ? args.w->rows / 2 : args.w->rows) - column;
  const int64_t at = first_row * args.out_stride + column, stride = args.out_stride;
  if (args.out_tiles || left < kPanelRows) {
    for (int64_t r = 0; r < rows; ++r)
      store_part(args, acc + r * kPanelRows, place_of(args, first_row + r, column),
                 smaller(left, kPanelRows));
  } else if (uint16_t* halves = args.out_bf16) {
    for_each_row(acc, rows, at, stride, [=](Vec x, int64_t i) { store_bf16(x, halves + i); });
  } else if (float* out = args.out; args.epilogue.accumulate) {
    for_each_row(acc, rows, at, stride,
                 [=](Vec x, int64_t i) { store(load(out + i) + x, out + i); });
  } else {
    for_each_row(acc, rows, at, stride, [=](Vec x, int64_t i) { store(x, out + i); });
  }
}

/// Stores what a kernel left in acc for `count` panels, `apart` floats from each other, and `rows`
/// rows.
inline void store_tile(const MatmulArgs& args, int64_t panel, int64_t count, int64_t first_row,
                       int64_t rows, float* acc, int64_t apart) {
  for (int64_t i = 0; i < count; i += args.epilogue.gated ? 2 : 1)
    store_panel(args, panel + i, first_row, rows, acc + i * apart, apart);
}

/// How far ahead of `at`, an offset in each of `count` panels that are read side by side, lies what
/// to ask for: past their end begin the panels that come next.
inline int64_t bytes_ahead(const Panels& w, int64_t at, int64_t count) {
  const int64_t ahead = count == 1 ? kPrefetchBytes : kPrefetchBeside;
  return ahead + (at + ahead < w.panel_bytes ? 0 : (count - 1) * w.panel_bytes);
}

/// Sums of kernels: `parts` parts by `rows` rows. The loops are unrolled, here and where the sums
/// are made, so that they live in registers.
template <int parts, int rows>
[[gnu::always_inline]] inline void clear(Vec (&sums)[parts][rows]) {
#pragma GCC unroll 4
  for (int p = 0; p < parts; ++p) {
#pragma GCC unroll 16
    for (int t = 0; t < rows; ++t) sums[p][t] = zero();
  }
}

/// Writes the sums of parts first_part ... to acc: [panel][row][16].
template <int parts, int rows>
[[gnu::always_inline]] inline void store_sums(const Vec (&sums)[parts][rows], int64_t first_part,
                                              float* acc) {
#pragma GCC unroll 4
  for (int p = 0; p < parts; ++p) {
    const int64_t part = first_part + p;
    float* out = acc + part / kParts * rows * kPanelRows + part % kParts * kLanes;
#pragma GCC unroll 16
    for (int t = 0; t < rows; ++t) store(sums[p][t], out + t * kPanelRows);
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

/// `rows` rows in as few tiles as they need, of nearly equal size.
struct Tiles {
  int64_t rows;
  int64_t count;

  Tiles(int64_t rows_, int64_t most) : rows(rows_), count((rows_ + most - 1) / most) {}

  int64_t begin(int64_t i) const { return i * rows / count; }
  int64_t size(int64_t i) const { return begin(i + 1) - begin(i); }
};

/// Packs the tiles, one after another.
inline void pack_tiles(const MatrixKernels& k, const MatmulArgs& args, int64_t first_row,
                       const Tiles& tiles) {
  const int64_t columns = args.w->columns;
  for (int64_t i = 0; i < tiles.count; ++i)
    k.pack_tile(args.input, first_row + tiles.begin(i), tiles.size(i), columns,
                args.scratch + tiles.begin(i) * k.row_bytes(columns));
}

void multiply_directly(const MatrixKernels& k, const MatmulArgs& args) {
  alignas(kPanelAlign) float acc[kDirectPanels * kDirectTileRows * kPanelRows];
  const int64_t row_bytes = k.row_bytes(args.w->columns);
  const Tiles tiles(args.input.rows, kDirectTileRows);
  pack_tiles(k, args, 0, tiles);
  for (int64_t p = args.first_panel; p < args.last_panel; p += kDirectPanels) {
    const int64_t count = smaller(kDirectPanels, args.last_panel - p);
    for (int64_t i = 0; i < tiles.count; ++i) {
      const int64_t first = tiles.begin(i), rows = tiles.size(i);
      k.direct[rows - 1](*args.w, p, count, args.scratch + first * row_bytes, acc);
      store_tile(args, p, count, first, rows, acc, rows * kPanelRows);
    }
  }
}

/// Part i of `count` equal parts of `size` bytes.
inline Ahead share_of(const std::byte* p, int64_t size, int64_t i, int64_t count) {
  const int64_t begin = i * size / count;
  return {p + begin, (i + 1) * size / count - begin};
}

/// Brings it into the second-level cache.
inline void ask_for(const Ahead& ahead) {
  for (int64_t i = 0; i < ahead.bytes; i += kPanelAlign) __builtin_prefetch(ahead.at + i, 0, 2);
}

/// Fetches what the sums of `count` panels and `rows` rows will be added to.
inline void prefetch_out(const MatmulArgs& args, int64_t panel, int64_t count, int64_t first_row,
                         int64_t rows) {
  if (!args.epilogue.accumulate) return;
  for (int64_t r = first_row; r < first_row + rows; ++r) {
    const float* out = args.out + r * args.out_stride + panel * kPanelRows;
    for (int64_t i = 0; i < count; ++i) __builtin_prefetch(out + i * kPanelRows, 1);
  }
}

void multiply_in_tiles(const MatrixKernels& k, const MatmulArgs& args) {
  alignas(kPanelAlign) float acc[kTilePanels * kMostTileRows * kPanelRows];
  const Panels& w = *args.w;
  const int64_t row_bytes = k.row_bytes(w.columns);
  const int64_t block_rows = rows_in_block(k, w.columns, args.input.rows);
  const int64_t unpacked_bytes = k.unpacked_bytes(w.columns);
  std::byte* unpacked = args.scratch + align_up(block_rows * row_bytes);
  for (int64_t row = 0; row < args.input.rows; row += block_rows) {
    const int64_t rows = smaller(block_rows, args.input.rows - row);
    const Tiles tiles(rows, k.tile_rows);
    pack_tiles(k, args, row, tiles);
    for (int64_t p = args.first_panel; p < args.last_panel; p += kTilePanels) {
      const int64_t count = smaller(kTilePanels, args.last_panel - p);
      const std::byte* panels = w.panel(p);
      if (unpacked_bytes) k.unpack(w, p, count, unpacked), panels = unpacked;
      const int64_t stride = unpacked_bytes ? unpacked_bytes : w.panel_bytes;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t first = tiles.begin(i), size = tiles.size(i);
        const Ahead ahead =
            share_of(w.panel(p + kTilePanels), kTilePanels * w.panel_bytes, i, tiles.count);
        prefetch_out(args, p, count, row + first, size);
        k.tile[size - 1](panels, stride, count, w.columns, args.scratch + first * row_bytes, ahead,
                         acc);
        store_tile(args, p, count, row + first, size, acc, size * kPanelRows);
      }
    }
  }
}

inline void multiply(const MatrixKernels& k, const MatmulArgs& args) {
  args.input.rows <= kDirectRows ? multiply_directly(k, args) : multiply_in_tiles(k, args);
}

/// Input tiles, then unpacked panels. A direct product holds all of its rows, however wide; and a
/// call may have fewer rows than this was asked for, so its needs are met in any case.
inline int64_t scratch_bytes(const MatrixKernels& k, int64_t columns, int64_t rows) {
  const int64_t direct = smaller(rows, kDirectRows);
  const int64_t block = rows_in_block(k, columns, rows);
  const int64_t tiles = align_up((block < direct ? direct : block) * k.row_bytes(columns));
  return tiles + (rows <= kDirectRows ? 0 : kTilePanels * k.unpacked_bytes(columns));
}

}  // namespace
}  // namespace heed
