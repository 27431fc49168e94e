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

namespace heed {
namespace {

/// Records of a chunk at most: those of two panels fill 36 of 48 KiB of the nearest cache. (The
/// loop over more than 30 ends in a misprediction, which costs as much as 14 steps of it.)
constexpr int64_t kChunkRecords = 18;

// ---- weights ------------------------------------------------------------------------------------

/// How many bits of code a quad has in each byte.
constexpr int code_bits(PanelFormat f) {
  return f.zero == 128 ? 8 : f.low_bits + f.high_bits;
}

/// The bit of a float's fraction where column `column` of a quad, whose code is byte `column`, gets
/// its units. Bytes 1 and 2 may stay where they are, unless a code would reach into the exponent:
/// with 32768 before it a code is off by up to 2^-9 once scaled.
constexpr int unit_bit(int column, int bits) {
  return column == 1 ? 8 : column == 2 && bits < 8 ? 16 : 15;
}

/// The float whose fraction has units in bit `unit`, and no fraction.
constexpr int32_t base_bits(int unit) {
  return (127 + 23 - unit) << 23;
}

/// base + the code of column `column` of a quad.
template <int column, int bits>
inline Vec code_above_base(Bytes quad) {
  constexpr int kUnit = unit_bit(column, bits), kAndOr = 0xea;
  constexpr int shift = kUnit - 8 * column;
  __m512i x = quad.v;
  if constexpr (shift > 0) x = _mm512_slli_epi32(x, shift);
  if constexpr (shift < 0) x = _mm512_srli_epi32(x, -shift);
  x = _mm512_ternarylogic_epi32(x, _mm512_set1_epi32(0xff << kUnit),
                                _mm512_set1_epi32(base_bits(kUnit)), kAndOr);
  return {_mm512_castsi512_ps(x)};
}

/// Bits of v rounded to bf16, to nearest and ties away from zero, in the upper half.
inline __m512i rounded(Vec v) {
  return _mm512_add_epi32(_mm512_castps_si512(v.v), _mm512_set1_epi32(0x8000));
}

inline void store_pairs(Vec even, Vec odd, std::byte* out) {
  const __m512i low = _mm512_srli_epi32(rounded(even), 16);
  _mm512_store_si512(out, _mm512_mask_blend_epi16(0xaaaaaaaa, low, rounded(odd)));
}

/// Writes record `index` of a quantised panel as a tile.
template <DType type>
inline void unpack_record(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr PanelFormat f = panel_format(type);
  constexpr int kBits = code_bits(f);
  Header header = {};
  if constexpr (f.super_block) header = load_header(super_block_at<type>(panel, index));
  const InRegisters r = load_record<type>(record_at<type>(panel, index), 0, header);
  Vec offset[f.groups][4];
  for (int g = 0; g < f.groups; ++g) {
    const Vec min = f.has_min ? r.mins[g] : zero();
    for (int c = 0; c < 4; ++c) {
      const float base = __builtin_bit_cast(float, base_bits(unit_bit(c, kBits)));
      offset[g][c] = fnma(broadcast(base + (f.has_min ? 0 : f.zero)), r.scales[g], min);
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < kRecordQuads; ++q, out += 2 * kVectorBytes) {
    const int g = q * f.groups / kRecordQuads;
    const Vec scale = r.scales[g];
    const Bytes quad = r.codes[q];
    const Vec a = fma(code_above_base<0, kBits>(quad), scale, offset[g][0]);
    const Vec b = fma(code_above_base<1, kBits>(quad), scale, offset[g][1]);
    const Vec c = fma(code_above_base<2, kBits>(quad), scale, offset[g][2]);
    const Vec d = fma(code_above_base<3, kBits>(quad), scale, offset[g][3]);
    store_pairs(a, b, out);
    store_pairs(c, d, out + kVectorBytes);
  }
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
  bool first;   // chunk: the sums begin at zero
  float* sums;  // [panel][row][16]
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

/// Tiles 0 to 3 are sums. beside() is what the other units do while the tile unit is busy with a
/// step, or a tile is stored: that waits for all loads before it, while what has been asked for
/// keeps coming.
template <int row_tiles, int panels, bool only, typename Beside>
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
    load_tiles<row_tiles, panels, only>(b, rows, w);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (right) _tile_dpbf16ps(1, 4, 7);
    if constexpr (lower) _tile_dpbf16ps(2, 5, 6);
    if constexpr (lower && right) _tile_dpbf16ps(3, 5, 7);
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

template <bool only, typename Beside>
inline void multiply_block(const Block& b, Beside beside) {
  if (b.row_tiles == 2) {
    b.panels == 2 ? multiply_block<2, 2, only>(b, beside) : multiply_block<2, 1, only>(b, beside);
  } else {
    b.panels == 2 ? multiply_block<1, 2, only>(b, beside) : multiply_block<1, 1, only>(b, beside);
  }
}

int64_t blocks_of(int64_t rows) {
  return (rows + kBlockRows - 1) / kBlockRows;
}

/// Where what a call works with lies in its scratch, for `rows` rows at a time: as many as half of
/// the second-level cache holds.
struct Layout {
  static constexpr int64_t kWeightBytes = kTilePanels * kChunkRecords * kTileBytes;

  bool one_block;  // of rows: each weight is used once
  int64_t rows;
  Tiles chunks;  // of the records
  int64_t sums;  // behind the weights of a chunk: of every block if there are several chunks, and
                 // of the one before
  int64_t sum_blocks;
  int64_t bytes;

  Layout(DType type, int64_t columns, int64_t all_rows)
      : one_block(all_rows <= kBlockRows),
        rows(smaller(all_rows, (kBlockBytes / (columns * 2 * kBlockRows) + 1) * kBlockRows)),
        chunks(columns / kRecordColumns,
               one_block && type == DType::bf16 ? columns / kRecordColumns : kChunkRecords),
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
    const bool tiles = args_.w->type == DType::bf16;
    if (!tiles) unpack(panel, panels, first_record, records);
    const std::byte* weights = weights_;
    if (tiles) weights = args_.w->panel(panel) + first_record * kTileBytes;
    const bool last = index + 1 == layout_.chunks.count;
    const int64_t row_stride = args_.w->columns / kRecordColumns * kTileBytes;
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
                    .rows = rows_at + row / kTileRows * row_stride + first_record * kTileBytes,
                    .row_stride = row_stride,
                    .weights = weights,
                    .panel_stride = tiles ? args_.w->panel_bytes : kChunkRecords * kTileBytes,
                    .records = records,
                    .first = index == 0,
                    .sums = block.sums};
      layout_.one_block ? multiply_block<true>(b, beside) : multiply_block<false>(b, beside);
      finished_.store_rows(kBlockRows);
      finished_ = last ? block : Finished{};
    }
    if (last) sum_block_ += blocks_of(rows);
  }

  const MatmulArgs& args_;
  const Layout layout_;
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

/// Tiles are whole: other numbers of columns, which only bf16 and f16 have, are left to vdpbf16ps.
bool takes(DType type, int64_t columns) {
  return takes(type) && columns % kRecordColumns == 0;
}

InputForm matmul_input(DType type, int64_t columns, int64_t rows) {
  const bool many = takes(type, columns) && rows > kDirectRows;
  return many ? InputForm::bf16_tiles : bf16::matmul_input(type, columns, rows);
}

int64_t matmul_scratch(DType type, int64_t columns, int64_t rows) {
  const int64_t bytes = bf16::matmul_scratch(type, columns, rows);
  if (!takes(type, columns)) return bytes;
  const int64_t own = Layout(type, columns, rows).bytes;
  return own > bytes ? own : bytes;
}

DType many_rows_type(DType type) {
  return takes(type) ? DType::bf16 : type;
}

void to_bf16_tiles(const float* x, int64_t n, int64_t row, uint16_t* out) {
  store_tile_row(x, n, reinterpret_cast<std::byte*>(out + at_in_tiles(row, 0, n)));
}

void matmul(const MatmulArgs& args) {
  if (args.input.form == InputForm::bf16) return bf16::matmul(args);
  if (args.input.form != InputForm::bf16_tiles) return amx::matmul_by_vectors(args);
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
}

}  // namespace heed
