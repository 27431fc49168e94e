// Products of quantised, bf16 and f16 matrices with many rows rounded to bf16, by tiles of AMX:
// 16 x 32 numbers times 32 x 16 in one instruction. Few rows are left to amx_vectors.cpp.
// References: Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter 20 (AMX).
//
// Weights are rounded to bf16 on the way, 16 columns of the result (a panel) and 32 of the matrix
// (a record) to a tile, which has the layout of panels of bf16 (pack.h).
//
// Floats are sums of three bf16 numbers (Panels::in_parts, InputForm::f32_tiles), and a product of
// theirs is six of those: tiles are sixteen times as fast as vectors of floats, divided by six. The
// other three, of the smallest parts and of the smallest with a middle one, are left out: they are
// less than what the rounding of a float takes.
//
// The tile unit needs two tiles loaded for four products (2 x 2), each 1 KiB: it gets them from the
// nearest cache, or from the second-level cache at half the rate, but not both from the latter. So
// the weights of two panels stay in the nearest cache, a chunk of columns at a time, and the rows
// stream past them; but up to 32 rows stay themselves, as they use each weight once. Unpacking the
// next chunk beside the products would need twice the room there and gains nothing, since the
// vector units then work at half their rate.
#include "engine/kernels/far_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/vec_math.inl"

#include "engine/kernels/generic/matmul.inl"

#include "engine/kernels/generic/quantized_matmul.inl"

#include "engine/kernels/amx_store.h"
#include "engine/kernels/amx_unpack.h"

namespace heed {
namespace {

/// Records of a chunk at most: those of two panels fill 36 of 48 KiB of the nearest cache. (The
/// loop over more than 30 ends in a misprediction, which costs as much as 14 steps of it.)
constexpr int64_t kChunkRecords = 18;

/// The same of records in parts. Each of their tiles, once loaded, is multiplied with those of up
/// to three parts, so that the second-level cache serves: it holds 72 KiB of them.
constexpr int64_t kChunkRecordsInParts = 12;

/// Tiles of sums of a block at most.
constexpr int64_t kBlockTiles = 4;

constexpr int64_t kBlockSums = kTilePanels * kPanelSums;

/// A block whose sums are complete. They are stored beside the steps of the next block, some rows
/// at a step: the tile unit leaves the others idle.
struct Finished {
  const MatmulArgs* args = nullptr;
  StoreRows store = nullptr;
  int64_t panel = 0, panels = 0;
  int64_t first_row = 0, rows = 0;
  float* sums = nullptr;
  int64_t next = 0;  // row to store

  void store_rows(int64_t count) {
    const int64_t n = smaller(count, rows - next);
    if (n <= 0) return;
    store(*args, panel, panels, first_row + next, n, sums + next * kPanelRows);
    next += n;
  }
};

/// Where the weights of the next product lie. They are asked for in equal shares beside the steps
/// of one, since they come from memory.
struct Coming {
  const std::byte* at = nullptr;
  int64_t panels = 0, panel_bytes = 0;
  int64_t bytes = 0;   // of each panel, left
  int64_t a_step = 0;  // bytes, whole lines

  void ask_for_share() {
    const int64_t n = smaller(a_step, bytes);
    for (int64_t p = 0; p < panels; ++p) ask_for({at + p * panel_bytes, n});
    at += n;
    bytes -= n;
  }
};

/// One or two tiles of rows times one or two panels, a chunk of the columns.
struct Block {
  int64_t row_tiles, panels;
  const std::byte* rows;  // [records] tiles, and row_stride bytes on those of the next 16 rows
  int64_t row_stride;
  const std::byte* weights;  // likewise, those of the next panel panel_stride bytes on
  int64_t panel_stride;
  int64_t records;
  int64_t parts;  // tiles of a record
  bool first;     // chunk: the sums begin at zero
  float* sums;    // [panel][row][16]
};

/// Loads one or two tiles of rows, 4 and 5, and of weights, 6 and 7. What will be used again, the
/// weights of several blocks or the rows of the only one, stays in the nearest cache; the others
/// are loaded with the hint that they will not be, lest they drive it out.
template <int row_tiles, int panels, bool only>
inline void load_tiles(const Block& b, const std::byte* rows, const std::byte* w) {
  if constexpr (only) {
    _tile_stream_loadd(6, w, 64);
    _tile_loadd(4, rows, 64);
    if constexpr (panels == 2) _tile_stream_loadd(7, w + b.panel_stride, 64);
    if constexpr (row_tiles == 2) _tile_loadd(5, rows + b.row_stride, 64);
  } else {
    _tile_loadd(6, w, 64);
    _tile_stream_loadd(4, rows, 64);
    if constexpr (panels == 2) _tile_loadd(7, w + b.panel_stride, 64);
    if constexpr (row_tiles == 2) _tile_stream_loadd(5, rows + b.row_stride, 64);
  }
}

/// A record of one part: sums 0 to 3 += rows 4 and 5 times weights 6 and 7.
template <int row_tiles, int panels>
inline void multiply_tiles() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (panels == 2) _tile_dpbf16ps(1, 4, 7);
  if constexpr (row_tiles == 2) _tile_dpbf16ps(2, 5, 6);
  if constexpr (row_tiles == 2 && panels == 2) _tile_dpbf16ps(3, 5, 7);
}

/// A record of kF32Parts parts, the largest first: the six largest products, in an order that loads
/// few tiles.
template <int row_tiles, int panels>
inline void multiply_parts(const Block& b, const std::byte* rows, const std::byte* w) {
  const auto load_rows = [&](int part) {
    _tile_stream_loadd(4, rows + part * kTileBytes, 64);
    if constexpr (row_tiles == 2)
      _tile_stream_loadd(5, rows + b.row_stride + part * kTileBytes, 64);
  };
  const auto load_weights = [&](int part) {
    _tile_stream_loadd(6, w + part * kTileBytes, 64);
    if constexpr (panels == 2) _tile_stream_loadd(7, w + b.panel_stride + part * kTileBytes, 64);
  };
  load_weights(2), load_rows(0), multiply_tiles<row_tiles, panels>();
  load_weights(1), multiply_tiles<row_tiles, panels>();
  load_rows(1), multiply_tiles<row_tiles, panels>();
  load_weights(0), multiply_tiles<row_tiles, panels>();
  load_rows(2), multiply_tiles<row_tiles, panels>();
  load_rows(0), multiply_tiles<row_tiles, panels>();
}

/// Tiles 0 to 3 are sums. beside() is what the other units do while the tile unit is busy with a
/// step, or a tile is stored: that waits for all loads before it, while what has been asked for
/// keeps coming.
template <int row_tiles, int panels, int parts, bool only, typename Beside>
inline void multiply_block(const Block& b, Beside beside) {
  constexpr bool lower = row_tiles == 2, right = panels == 2;
  constexpr int64_t kTileSums = kTileRows * kPanelRows;
  float *sums = b.sums, *right_sums = b.sums + kPanelSums;
  if (b.first) {
    _tile_zero(0);
    if constexpr (right) _tile_zero(1);
    if constexpr (lower) _tile_zero(2);
    if constexpr (lower && right) _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    if constexpr (right) _tile_loadd(1, right_sums, 64);
    if constexpr (lower) _tile_loadd(2, sums + kTileSums, 64);
    if constexpr (lower && right) _tile_loadd(3, right_sums + kTileSums, 64);
  }
  const std::byte *rows = b.rows, *w = b.weights;
  for (int64_t i = 0; i < b.records; ++i, rows += kTileBytes * parts, w += kTileBytes * parts) {
    if constexpr (parts == 1) {
      load_tiles<row_tiles, panels, only>(b, rows, w);
      multiply_tiles<row_tiles, panels>();
    } else {
      multiply_parts<row_tiles, panels>(b, rows, w);
    }
    beside();
  }
  beside();
  _tile_stored(0, sums, 64);
  beside();
  if constexpr (right) _tile_stored(1, right_sums, 64);
  beside();
  if constexpr (lower) _tile_stored(2, sums + kTileSums, 64);
  beside();
  if constexpr (lower && right) _tile_stored(3, right_sums + kTileSums, 64);
  finish_stores();
}

template <int parts, bool only, typename Beside>
inline void multiply_block(const Block& b, Beside beside) {
  if (b.row_tiles == 2) {
    b.panels == 2 ? multiply_block<2, 2, parts, only>(b, beside)
                  : multiply_block<2, 1, parts, only>(b, beside);
  } else {
    b.panels == 2 ? multiply_block<1, 2, parts, only>(b, beside)
                  : multiply_block<1, 1, parts, only>(b, beside);
  }
}

template <typename Beside>
inline void multiply_block(const Block& b, bool only, Beside beside) {
  if (b.parts != 1) return multiply_block<kF32Parts, false>(b, beside);
  only ? multiply_block<1, true>(b, beside) : multiply_block<1, false>(b, beside);
}

int64_t blocks_of(int64_t rows) {
  return (rows + kBlockRows - 1) / kBlockRows;
}

/// Where what a call works with lies in its scratch, for `rows` rows at a time: as many as half of
/// the second-level cache holds.
struct Layout {
  static constexpr int64_t kWeightBytes = kTilePanels * kChunkRecords * kTileBytes;

  int64_t parts;   // tiles of a record
  bool one_block;  // of rows: each weight is used once
  int64_t rows;
  Tiles chunks;  // of the records
  int64_t sums;  // behind the weights of a chunk: of every block if there are several chunks, and
                 // of the one before
  int64_t sum_blocks;
  int64_t bytes;

  Layout(DType type, int64_t columns, int64_t all_rows)
      : parts(type == DType::f32 ? kF32Parts : 1),
        one_block(all_rows <= kBlockRows),
        rows(
            smaller(all_rows, (kBlockBytes / (columns * 2 * parts * kBlockRows) + 1) * kBlockRows)),
        chunks(columns / kRecordColumns, one_block && !unpack_of(type) ? columns / kRecordColumns
                                         : parts == 1                  ? kChunkRecords
                                                                       : kChunkRecordsInParts),
        sums(kWeightBytes),
        sum_blocks(chunks.count == 1 ? 2 : blocks_of(rows) + 1),
        bytes(sums + sum_blocks * kBlockSums * 4) {}
};

/// A call of matmul.
class Product {
 public:
  explicit Product(const MatmulArgs& args)
      : args_(args),
        layout_(args.w->type, args.w->columns, args.input.rows),
        record_bytes_(layout_.parts * kTileBytes),
        unpack_(unpack_of(args.w->type)),
        store_(store_of(args)),
        weights_(args.scratch),
        sums_(reinterpret_cast<float*>(args.scratch + layout_.sums)) {}

  void run() {
    for (int64_t row = 0; row < args_.input.rows; row += layout_.rows) {
      const int64_t rows = smaller(layout_.rows, args_.input.rows - row);
      for (int64_t panel = args_.first_panel; panel < args_.last_panel; panel += kTilePanels) {
        for (int64_t i = 0; i < layout_.chunks.count; ++i) multiply(panel, i, row, rows);
      }
    }
    finished_.store_rows(kBlockRows);
  }

 private:
  void unpack(int64_t panel, int64_t panels, int64_t first_record, int64_t records) {
    for (int64_t p = 0; p < panels; ++p) {
      const std::byte* from = args_.w->panel(panel + p);
      std::byte* to = weights_ + p * kChunkRecords * kTileBytes;
      for (int64_t i = 0; i < records; ++i, to += kTileBytes) unpack_(from, first_record + i, to);
    }
    finish_stores();
  }

  /// The chunk after chunk `index` of the panels from `panel` on, and `steps` to ask for it.
  Coming chunk_after(int64_t panel, int64_t index, int64_t steps) const {
    if (++index == layout_.chunks.count) panel += kTilePanels, index = 0;
    if (panel >= args_.last_panel) return {};
    const Ahead chunk =
        share_of(args_.w->panel(panel), args_.w->panel_bytes, index, layout_.chunks.count);
    return {.at = chunk.at,
            .panels = smaller(kTilePanels, args_.last_panel - panel),
            .panel_bytes = args_.w->panel_bytes,
            .bytes = chunk.bytes,
            .a_step = align_up(chunk.bytes / steps + 1)};
  }

  /// How products are stored that end before panel `end`, the last of which may have few rows.
  StoreRows store_for(int64_t end) const {
    return end * kPanelRows <= args_.w->rows ? store_ : store_any;
  }

  /// Multiplies chunk `index` of one or two panels with rows [first_row, first_row + rows).
  void multiply(int64_t panel, int64_t index, int64_t first_row, int64_t rows) {
    const int64_t panels = smaller(kTilePanels, args_.last_panel - panel);
    const int64_t first_record = layout_.chunks.begin(index), records = layout_.chunks.size(index);
    const bool tiles = !unpack_;
    if (!tiles) unpack(panel, panels, first_record, records);
    const std::byte* weights = weights_;
    if (tiles) weights = args_.w->panel(panel) + first_record * record_bytes_;
    const bool last = index + 1 == layout_.chunks.count;
    const int64_t row_stride = args_.w->columns / kRecordColumns * record_bytes_;
    const auto* rows_at =
        reinterpret_cast<const std::byte*>(args_.input.bf16) + first_row / kTileRows * row_stride;
    Coming coming = chunk_after(panel, index, blocks_of(rows) * (records + kBlockTiles));
    const int64_t rows_a_step = (kTileRows + records - 1) / records * 2;
    const auto beside = [&] {
      coming.ask_for_share();
      finished_.store_rows(rows_a_step);
    };
    for (int64_t i = 0; i < blocks_of(rows); ++i) {
      const int64_t row = i * kBlockRows;
      const Finished block{.args = &args_,
                           .store = store_for(panel + panels),
                           .panel = panel,
                           .panels = panels,
                           .first_row = first_row + row,
                           .rows = smaller(kBlockRows, rows - row),
                           .sums = sums_ + (sum_block_ + i) % layout_.sum_blocks * kBlockSums};
      if (last) prefetch_out(args_, block.panel, block.panels, block.first_row, block.rows);
      const Block b{.row_tiles = input_tiles(block.rows),
                    .panels = panels,
                    .rows = rows_at + row / kTileRows * row_stride + first_record * record_bytes_,
                    .row_stride = row_stride,
                    .weights = weights,
                    .panel_stride = tiles ? args_.w->panel_bytes : kChunkRecords * kTileBytes,
                    .records = records,
                    .parts = layout_.parts,
                    .first = index == 0,
                    .sums = block.sums};
      multiply_block(b, layout_.one_block, beside);
      finished_.store_rows(kBlockRows);
      finished_ = last ? block : Finished{};
    }
    if (last) sum_block_ += blocks_of(rows);
  }

  const MatmulArgs& args_;
  const Layout layout_;
  const int64_t record_bytes_;
  const UnpackRecord unpack_;
  const StoreRows store_;
  std::byte* const weights_;
  float* const sums_;
  int64_t sum_block_ = 0;  // of the first block
  Finished finished_;
};

// ---- table --------------------------------------------------------------------------------------

/// Panels of bf16 are tiles already.
bool takes(DType type) {
  return type == DType::bf16 || unpack_of(type);
}

/// Tiles are whole: other numbers of columns, which only dense types have, are left to vectors.
bool whole(int64_t columns) {
  return columns % kRecordColumns == 0;
}

InputForm matmul_input(DType type, int64_t columns, int64_t rows) {
  const bool many = takes(type) && whole(columns) && rows > kDirectRows;
  return many ? InputForm::bf16_tiles : bf16::matmul_input(type, columns, rows);
}

int64_t matmul_scratch(DType type, int64_t columns, int64_t rows) {
  const int64_t bytes = bf16::matmul_scratch(type, columns, rows);
  if (!whole(columns)) return bytes;
  const int64_t own = Layout(type, columns, rows).bytes;
  return own > bytes ? own : bytes;
}

DType many_rows_type(DType type) {
  return takes(type) ? DType::bf16 : type;
}

void to_bf16_tiles(const float* x, int64_t n, int64_t row, uint16_t* out) {
  store_tile_row(x, n, reinterpret_cast<std::byte*>(out + at_in_tiles(row, 0, n)));
}

void to_f32_tiles(const float* x, int64_t n, int64_t row, uint16_t* out) {
  store_parts_row(x, n, reinterpret_cast<std::byte*>(out + at_in_tiles(row, 0, kF32Parts * n)));
}

void matmul(const MatmulArgs& args) {
  if (args.input.form == InputForm::bf16) return bf16::matmul(args);
  if (!in_tiles(args.input.form)) return amx::matmul_by_vectors(args);
  configure_tiles();
  Product(args).run();
  _tile_release();
}

}  // namespace

void amx::set_matrices(Kernels& t) {
  t.matmul_input = matmul_input;
  t.many_rows_type = many_rows_type;
  t.matmul_scratch = matmul_scratch;
  t.matmul = matmul;
  t.to_bf16_tiles = to_bf16_tiles;
  t.has_tiles = true;
  t.to_f32_tiles = to_f32_tiles;
}

}  // namespace heed
