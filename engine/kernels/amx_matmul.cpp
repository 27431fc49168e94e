// Products of quantised, bf16 and f16 matrices with many rows rounded to bf16, by tiles of AMX:
// 16 x 32 numbers times 32 x 16 in one instruction. Few rows and f32 are left to amx_vectors.cpp.
// References: Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter 20 (AMX).
//
// Weights are rounded to bf16 on the way, 16 columns of the result (a panel) and 32 of the matrix
// (a record) to a tile, which has the layout of panels of bf16 (pack.h).
//
// The tile unit needs two tiles loaded for four products (2 x 2), each 1 KiB: it gets them from the
// nearest cache, or from the second-level cache at half the rate, but not both from the latter. So
// the weights of two panels stay in the nearest cache, a chunk of columns at a time, and the rows
// stream past them.
#include "engine/kernels/far_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/vec_math.inl"

#include "engine/kernels/generic/matmul.inl"

#include "engine/kernels/generic/quantized_matmul.inl"

namespace heed {
namespace {

constexpr int64_t kBlockRows = 2 * kTileRows;

/// Records of a chunk at most: those of two panels fill 36 of 48 KiB of the nearest cache. (The
/// loop over more than 30 ends in a misprediction, which costs as much as 14 steps of it.)
constexpr int64_t kChunkRecords = 18;

// ---- weights ------------------------------------------------------------------------------------

/// Bits of v rounded to bf16, to nearest and ties away from zero, in the upper half.
inline __m512i rounded(Vec v) {
  return _mm512_add_epi32(_mm512_castps_si512(v.v), _mm512_set1_epi32(0x8000));
}

inline void store_pairs(Vec even, Vec odd, std::byte* out) {
  const __m512i low = _mm512_srli_epi32(rounded(even), 16);
  _mm512_store_si512(out, _mm512_mask_blend_epi16(0xaaaaaaaa, low, rounded(odd)));
}

/// 256 + the code of column `column` of a quad: the code put where 256.0 has units.
template <int column>
inline Vec code_above_256(Bytes quad) {
  constexpr int kUnit = 15, kAndOr = 0xea;
  constexpr int shift = kUnit - 8 * column;
  __m512i x = shift >= 0 ? _mm512_slli_epi32(quad.v, shift) : _mm512_srli_epi32(quad.v, -shift);
  x = _mm512_ternarylogic_epi32(x, _mm512_set1_epi32(0xff << kUnit), _mm512_set1_epi32(0x43800000),
                                kAndOr);
  return {_mm512_castsi512_ps(x)};
}

/// Writes record `index` of a quantised panel as a tile.
template <DType type>
inline void unpack_record(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr PanelFormat f = panel_format(type);
  Header header = {};
  if constexpr (f.super_block) header = load_header(super_block_at<type>(panel, index));
  const InRegisters r = load_record<type>(record_at<type>(panel, index), 0, header);
  Vec offset[f.groups];
  for (int g = 0; g < f.groups; ++g) {
    const Vec min = f.has_min ? r.mins[g] : zero();
    offset[g] = fnma(broadcast(256 + (f.has_min ? 0 : f.zero)), r.scales[g], min);
  }
#pragma GCC unroll 8
  for (int q = 0; q < kRecordQuads; ++q, out += 2 * kVectorBytes) {
    const int g = q * f.groups / kRecordQuads;
    const auto value = [&](Vec code) { return fma(code, r.scales[g], offset[g]); };
    const Bytes quad = r.codes[q];
    store_pairs(value(code_above_256<0>(quad)), value(code_above_256<1>(quad)), out);
    store_pairs(value(code_above_256<2>(quad)), value(code_above_256<3>(quad)), out + kVectorBytes);
  }
}

/// Panels of bf16 are tiles already: they are only asked for.
template <>
inline void unpack_record<DType::bf16>(const std::byte* panel, int64_t index, std::byte*) {
  ask_for({panel + index * kTileBytes, kTileBytes});
}

template <>
inline void unpack_record<DType::f16>(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr int64_t kColumnBytes = kPanelRows * 2;
  const std::byte* in = panel + index * kTileBytes;
  for (int i = 0; i < kTileRows; ++i, in += 2 * kColumnBytes, out += kVectorBytes)
    store(bf16_pairs(load_f16(in), load_f16(in + kColumnBytes)), reinterpret_cast<float*>(out));
}

/// Writes a record of a panel as a tile.
using UnpackRecord = void (*)(const std::byte* panel, int64_t index, std::byte* out);

UnpackRecord unpack_of(DType type) {
  switch (type) {
    case DType::f16:
      return unpack_record<DType::f16>;
    case DType::bf16:
      return unpack_record<DType::bf16>;
    case DType::q4_0:
      return unpack_record<DType::q4_0>;
    case DType::q4_1:
      return unpack_record<DType::q4_1>;
    case DType::q5_0:
      return unpack_record<DType::q5_0>;
    case DType::q5_1:
      return unpack_record<DType::q5_1>;
    case DType::q8_0:
      return unpack_record<DType::q8_0>;
    case DType::iq4_nl:
      return unpack_record<DType::iq4_nl>;
    case DType::q2_k:
      return unpack_record<DType::q2_k>;
    case DType::q3_k:
      return unpack_record<DType::q3_k>;
    case DType::q4_k:
      return unpack_record<DType::q4_k>;
    case DType::q5_k:
      return unpack_record<DType::q5_k>;
    case DType::q6_k:
      return unpack_record<DType::q6_k>;
    default:
      return nullptr;
  }
}

// ---- products -----------------------------------------------------------------------------------

int64_t tiles_of(int64_t rows) {
  return (rows + kTileRows - 1) / kTileRows;
}

/// Rows as tiles: [tiles of 16 rows][records][16][32]; rows that pad the last are zero.
void pack_rows(const MatmulInput& input, int64_t first_row, int64_t rows, int64_t columns,
               std::byte* out) {
  const int64_t records = columns / kRecordColumns;
  for (int64_t r = 0; r < tiles_of(rows) * kTileRows; ++r) {
    std::byte* tile = out + r / kTileRows * records * kTileBytes + r % kTileRows * kVectorBytes;
    const uint16_t* x = input.bf16 + (first_row + r) * input.stride;
    for (int64_t i = 0; i < records; ++i, tile += kTileBytes, x += kRecordColumns)
      _mm512_store_si512(tile, r < rows ? _mm512_loadu_si512(x) : _mm512_setzero_si512());
  }
}

/// Floats of a block's sums, [panel][row][16].
constexpr int64_t kPanelSums = kBlockRows * kPanelRows;
constexpr int64_t kBlockSums = kTilePanels * kPanelSums;

/// A block whose sums are complete. They are stored while the next block's are made: the tile unit
/// leaves the others idle.
struct Finished {
  const MatmulArgs* args = nullptr;
  int64_t panel = 0, panels = 0;
  int64_t first_row = 0, rows = 0;
  float* sums = nullptr;

  /// Stores part i of `count` parts, some rows at a time.
  void store_part(int64_t i, int64_t count) const {
    constexpr int64_t kAtOnce = 4;
    const auto row_at = [=, this](int64_t part) {
      return part == count ? rows : part * rows / count / kAtOnce * kAtOnce;
    };
    const int64_t begin = row_at(i), n = row_at(i + 1) - begin;
    if (n > 0)
      store_tile(*args, panel, panels, first_row + begin, n, sums + begin * kPanelRows, kPanelSums);
  }
};

/// One or two tiles of rows times one or two panels, a chunk of the columns.
struct Block {
  const std::byte* rows;  // [records] tiles, and row_stride bytes on those of the next 16 rows
  int64_t row_stride;
  const std::byte* weights;  // likewise, those of the next panel panel_stride bytes on
  int64_t panel_stride;
  int64_t records;
  bool first;   // chunk: the sums begin at zero
  float* sums;  // [panel][row][16]
};

/// Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights. Rows are loaded with the hint that they
/// will not be used again, lest they drive the weights out of the nearest cache. The tile unit
/// takes 64 cycles for a step and leaves the others idle: beside(i) is what they do meanwhile.
template <int row_tiles, int panels, typename Beside>
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
  for (int64_t i = 0; i < b.records; ++i, rows += kTileBytes, w += kTileBytes) {
    _tile_loadd(6, w, 64);
    _tile_stream_loadd(4, rows, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (right) {
      _tile_loadd(7, w + b.panel_stride, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (lower) {
      _tile_stream_loadd(5, rows + b.row_stride, 64);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (lower && right) _tile_dpbf16ps(3, 5, 7);
    beside(i);
  }
  _tile_stored(0, sums, 64);
  if constexpr (right) _tile_stored(1, right_sums, 64);
  if constexpr (lower) _tile_stored(2, sums + kTileSums, 64);
  if constexpr (lower && right) _tile_stored(3, right_sums + kTileSums, 64);
  finish_stores();
}

template <typename Beside>
inline void multiply_block(const Block& b, int64_t row_tiles, int64_t panels, Beside beside) {
  if (row_tiles == 2) {
    panels == 2 ? multiply_block<2, 2>(b, beside) : multiply_block<2, 1>(b, beside);
  } else {
    panels == 2 ? multiply_block<1, 2>(b, beside) : multiply_block<1, 1>(b, beside);
  }
}

int64_t blocks_of(int64_t rows) {
  return (rows + kBlockRows - 1) / kBlockRows;
}

/// Where what a call works with lies in its scratch, for `rows` rows at a time: as many as half of
/// the second-level cache holds. They come first.
struct Layout {
  static constexpr int64_t kWeightBytes = kTilePanels * kChunkRecords * kTileBytes;

  int64_t rows;
  Tiles chunks;     // of the records
  int64_t weights;  // those multiplied, those to come
  int64_t sums;     // of every block if there are several chunks, and of the one before
  int64_t sum_blocks;
  int64_t bytes;

  Layout(int64_t columns, int64_t all_rows)
      : rows(smaller(all_rows, (kBlockBytes / (columns * 2 * kBlockRows) + 1) * kBlockRows)),
        chunks(columns / kRecordColumns, kChunkRecords),
        weights(tiles_of(rows) * kTileRows * columns * 2),
        sums(weights + 2 * kWeightBytes),
        sum_blocks(chunks.count == 1 ? 2 : blocks_of(rows) + 1),
        bytes(sums + sum_blocks * kBlockSums * 4) {}
};

/// A call of matmul.
class Product {
 public:
  explicit Product(const MatmulArgs& args)
      : args_(args),
        layout_(args.w->columns, args.input.rows),
        unpack_(unpack_of(args.w->type)),
        weights_(args.scratch + layout_.weights),
        next_weights_(weights_ + Layout::kWeightBytes),
        sums_(reinterpret_cast<float*>(args.scratch + layout_.sums)) {}

  void run() {
    for (int64_t row = 0; row < args_.input.rows; row += layout_.rows) {
      const int64_t rows = smaller(layout_.rows, args_.input.rows - row);
      pack_rows(args_.input, row, rows, args_.w->columns, args_.scratch);
      next_ = chunk_at(args_.first_panel, 0);
      for (unit_ = 0; unit_ < next_.units();) unpack_unit();
      while (next_.panels > 0) multiply_next(row, rows);
    }
    finished_.store_part(0, 1);
  }

 private:
  /// A chunk of columns of one or two panels. A unit is a record of one panel.
  struct Chunk {
    int64_t panel = 0, panels = 0;
    int64_t index = 0, first_record = 0, records = 0;

    int64_t units() const { return panels * records; }
  };

  Chunk chunk_at(int64_t panel, int64_t index) const {
    if (index == layout_.chunks.count) panel += kTilePanels, index = 0;
    if (panel >= args_.last_panel) return {};
    return {.panel = panel,
            .panels = smaller(kTilePanels, args_.last_panel - panel),
            .index = index,
            .first_record = layout_.chunks.begin(index),
            .records = layout_.chunks.size(index)};
  }

  void unpack_unit() {
    const int64_t panel = unit_ / next_.records, i = unit_ % next_.records;
    unpack_(args_.w->panel(next_.panel + panel), next_.first_record + i,
            next_weights_ + (panel * kChunkRecords + i) * kTileBytes);
    ++unit_;
  }

  /// Step i of a block: a share of the block before is stored, and of the next chunk unpacked.
  [[gnu::noinline]] void beside(int64_t i, int64_t steps) {
    finished_.store_part(i, steps);
    due_ += units_a_step_;
    while (unit_ * kUnitFraction < due_ && unit_ < next_.units()) unpack_unit();
  }

  /// Multiplies the chunk that was unpacked last with a block of packed rows.
  void multiply_next(int64_t first_row, int64_t rows) {
    finish_stores();
    const Chunk chunk = next_;
    const bool tiles = args_.w->type == DType::bf16;
    const std::byte* weights = next_weights_;
    const int64_t panel_stride = tiles ? args_.w->panel_bytes : kChunkRecords * kTileBytes;
    if (tiles) weights = args_.w->panel(chunk.panel) + chunk.first_record * kTileBytes;
    std::byte* const free = weights_;
    weights_ = next_weights_;
    next_weights_ = free;
    next_ = chunk_at(chunk.panel, chunk.index + 1);
    unit_ = due_ = 0;
    units_a_step_ = next_.units() * kUnitFraction / (blocks_of(rows) * chunk.records) + 1;

    const bool last = chunk.index + 1 == layout_.chunks.count;
    const int64_t row_stride = args_.w->columns / kRecordColumns * kTileBytes;
    for (int64_t i = 0; i < blocks_of(rows); ++i) {
      const int64_t row = i * kBlockRows;
      const Finished block{.args = &args_,
                           .panel = chunk.panel,
                           .panels = chunk.panels,
                           .first_row = first_row + row,
                           .rows = smaller(kBlockRows, rows - row),
                           .sums = sums_ + (sum_block_ + i) % layout_.sum_blocks * kBlockSums};
      if (last) prefetch_out(args_, block.panel, block.panels, block.first_row, block.rows);
      multiply_block(
          {.rows = args_.scratch + row / kTileRows * row_stride + chunk.first_record * kTileBytes,
           .row_stride = row_stride,
           .weights = weights,
           .panel_stride = panel_stride,
           .records = chunk.records,
           .first = chunk.index == 0,
           .sums = block.sums},
          tiles_of(block.rows), block.panels, [&](int64_t step) { beside(step, chunk.records); });
      finished_ = last ? block : Finished{};
    }
    if (last) sum_block_ += blocks_of(rows);
    while (unit_ < next_.units()) unpack_unit();
  }

  static constexpr int64_t kUnitFraction = 1024;

  const MatmulArgs& args_;
  const Layout layout_;
  const UnpackRecord unpack_;
  std::byte *weights_, *next_weights_;
  float* const sums_;
  int64_t sum_block_ = 0;  // of the first block
  Finished finished_;
  Chunk next_;
  int64_t unit_ = 0;                    // to unpack next
  int64_t due_ = 0, units_a_step_ = 0;  // in parts of kUnitFraction
};

// ---- table --------------------------------------------------------------------------------------

/// Tiles are whole: other numbers of columns, which only bf16 and f16 have, are left to vdpbf16ps.
bool takes(DType type, int64_t columns) {
  return unpack_of(type) && columns % kRecordColumns == 0;
}

InputForm matmul_input(DType type, int64_t rows) {
  const bool many = unpack_of(type) && rows > kDirectRows;
  return many ? InputForm::bf16 : bf16::matmul_input(type, rows);
}

int64_t matmul_scratch(DType type, int64_t columns, int64_t rows) {
  const int64_t bytes = bf16::matmul_scratch(type, columns, rows);
  if (!takes(type, columns)) return bytes;
  const int64_t own = Layout(columns, rows).bytes;
  return own > bytes ? own : bytes;
}

DType many_rows_type(DType type) {
  return unpack_of(type) ? DType::bf16 : type;
}

void matmul(const MatmulArgs& args) {
  if (args.input.form != InputForm::bf16) return amx::matmul_by_vectors(args);
  if (!takes(args.w->type, args.w->columns)) return bf16::matmul(args);
  configure_tiles({});
  Product(args).run();
  _tile_release();
}

}  // namespace

void amx::set_matrices(Kernels& t) {
  t.matmul_input = matmul_input;
  t.many_rows_type = many_rows_type;
  t.matmul_scratch = matmul_scratch;
  t.matmul = matmul;
}

}  // namespace heed
