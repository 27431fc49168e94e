// Products of quantised, bf16 and f16 matrices with many rows rounded to bf16, by tiles of AMX:
// 16 x 32 numbers times 32 x 16 in one instruction. Few rows and f32 are left to bf16_matmul.cpp
// and avx512_matmul.cpp. References: Intel 64 and IA-32 Architectures Optimization Reference
// Manual, chapter 20 (AMX).
//
// Weights are rounded to bf16 on the way, 16 columns of the result (a panel) and 32 of the matrix
// (a record) to a tile, which has the layout of panels of bf16 (pack.h).
//
// The tile unit needs two tiles loaded for four products (2 x 2), each 1 KiB: it gets them from the
// nearest cache, or from the second-level cache at half the rate, but not both from the latter. So
// the weights of two panels stay in the nearest cache, a chunk of columns at a time, and the rows
// stream past them.
#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/generic/vec_math.inl"

#include "engine/kernels/generic/matmul.inl"

#include "engine/kernels/generic/quantized_matmul.inl"

namespace heed {
namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileBytes = kTileRows * 64;
constexpr int64_t kBlockRows = 2 * kTileRows;

/// Records of a chunk at most: those of two panels fill 36 of 48 KiB of the nearest cache. (The
/// loop over more than 30 ends in a misprediction, which costs as much as 14 steps of it.)
constexpr int64_t kChunkRecords = 18;

/// What ldtilecfg reads: palette 1, eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64);

/// GCC 12 does not know that tile loads read memory.
inline void finish_stores() {
  asm volatile("" : : : "memory");
}

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

template <>
inline void unpack_record<DType::bf16>(const std::byte* panel, int64_t index, std::byte* out) {
  __builtin_memcpy(out, panel + index * kTileBytes, kTileBytes);
}

template <>
inline void unpack_record<DType::f16>(const std::byte* panel, int64_t index, std::byte* out) {
  constexpr int64_t kColumnBytes = kPanelRows * 2;
  const std::byte* in = panel + index * kTileBytes;
  for (int i = 0; i < kTileRows; ++i, in += 2 * kColumnBytes, out += kVectorBytes)
    store(bf16_pairs(load_f16(in), load_f16(in + kColumnBytes)), reinterpret_cast<float*>(out));
}

/// Writes records [first, last) of a panel as tiles.
using UnpackRecords = void (*)(const std::byte* panel, int64_t first, int64_t last, std::byte* out);

template <DType type>
void unpack_records(const std::byte* panel, int64_t first, int64_t last, std::byte* out) {
  for (int64_t i = first; i < last; ++i, out += kTileBytes) unpack_record<type>(panel, i, out);
}

UnpackRecords unpack_of(DType type) {
  switch (type) {
    case DType::f16:
      return unpack_records<DType::f16>;
    case DType::bf16:
      return unpack_records<DType::bf16>;
    case DType::q4_0:
      return unpack_records<DType::q4_0>;
    case DType::q4_1:
      return unpack_records<DType::q4_1>;
    case DType::q5_0:
      return unpack_records<DType::q5_0>;
    case DType::q5_1:
      return unpack_records<DType::q5_1>;
    case DType::q8_0:
      return unpack_records<DType::q8_0>;
    case DType::iq4_nl:
      return unpack_records<DType::iq4_nl>;
    case DType::q2_k:
      return unpack_records<DType::q2_k>;
    case DType::q3_k:
      return unpack_records<DType::q3_k>;
    case DType::q4_k:
      return unpack_records<DType::q4_k>;
    case DType::q5_k:
      return unpack_records<DType::q5_k>;
    case DType::q6_k:
      return unpack_records<DType::q6_k>;
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

/// One or two tiles of rows times one or two panels, a chunk of the columns.
struct Block {
  const std::byte* rows;  // [records] tiles, and row_stride bytes on those of the next 16 rows
  int64_t row_stride;
  const std::byte* weights;  // likewise, those of the next panel kChunkRecords tiles on
  int64_t records;
  bool first;          // chunk: the sums begin at zero
  float* sums;         // [panel][row][16]
  int64_t sum_stride;  // floats between panels
};

/// Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights. Rows are loaded with the hint that they
/// will not be used again, lest they drive the weights out of the nearest cache.
template <int row_tiles, int panels>
inline void multiply_block(const Block& b) {
  constexpr bool lower = row_tiles == 2, right = panels == 2;
  constexpr int64_t kSums = kTileRows * kPanelRows;
  float *sums = b.sums, *right_sums = b.sums + b.sum_stride;
  if (b.first) {
    _tile_zero(0);
    if constexpr (right) _tile_zero(1);
    if constexpr (lower) _tile_zero(2);
    if constexpr (lower && right) _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    if constexpr (right) _tile_loadd(1, right_sums, 64);
    if constexpr (lower) _tile_loadd(2, sums + kSums, 64);
    if constexpr (lower && right) _tile_loadd(3, right_sums + kSums, 64);
  }
  const std::byte *rows = b.rows, *w = b.weights;
  for (int64_t i = 0; i < b.records; ++i, rows += kTileBytes, w += kTileBytes) {
    _tile_loadd(6, w, 64);
    _tile_stream_loadd(4, rows, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (right) {
      _tile_loadd(7, w + kChunkRecords * kTileBytes, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (lower) {
      _tile_stream_loadd(5, rows + b.row_stride, 64);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (lower && right) _tile_dpbf16ps(3, 5, 7);
  }
  // In the order of the panels: rows that pad one lie where the next one's begin.
  _tile_stored(0, sums, 64);
  if constexpr (lower) _tile_stored(2, sums + kSums, 64);
  if constexpr (right) _tile_stored(1, right_sums, 64);
  if constexpr (lower && right) _tile_stored(3, right_sums + kSums, 64);
}

inline void multiply_block(const Block& b, int64_t row_tiles, int64_t panels) {
  if (row_tiles == 2) {
    panels == 2 ? multiply_block<2, 2>(b) : multiply_block<2, 1>(b);
  } else {
    panels == 2 ? multiply_block<1, 2>(b) : multiply_block<1, 1>(b);
  }
}

/// What a call works with, for `rows` rows at a time.
struct Plan {
  int64_t rows;     // of an input block: as many as half of the second-level cache holds
  Tiles chunks;     // of the records
  int64_t weights;  // where they are in scratch; the rows are at 0
  int64_t sums;
  int64_t bytes;

  static constexpr int64_t kSumBytes = kBlockRows * kTilePanels * kPanelRows * 4;

  Plan(int64_t columns, int64_t all_rows)
      : rows(smaller(all_rows, (kBlockBytes / (columns * 2 * kBlockRows) + 1) * kBlockRows)),
        chunks(columns / kRecordColumns, kChunkRecords),
        weights(tiles_of(rows) * kTileRows * columns * 2),
        sums(weights + kTilePanels * kChunkRecords * kTileBytes),
        bytes(sums + (rows + kBlockRows - 1) / kBlockRows * kSumBytes) {}
};

/// Panels [panel, panel + count) times a block of packed rows, from row `first_row` of the input.
void multiply_panels(const MatmulArgs& args, const Plan& plan, int64_t panel, int64_t count,
                     int64_t first_row, int64_t rows) {
  const int64_t row_stride = args.w->columns / kRecordColumns * kTileBytes;
  const UnpackRecords unpack = unpack_of(args.w->type);
  std::byte* weights = args.scratch + plan.weights;
  for (int64_t c = 0; c < plan.chunks.count; ++c) {
    const int64_t begin = plan.chunks.begin(c), records = plan.chunks.size(c);
    for (int64_t i = 0; i < count; ++i)
      unpack(args.w->panel(panel + i), begin, begin + records,
             weights + i * kChunkRecords * kTileBytes);
    finish_stores();
    for (int64_t row = 0; row < rows; row += kBlockRows) {
      const int64_t size = smaller(kBlockRows, rows - row);
      auto* sums =
          reinterpret_cast<float*>(args.scratch + plan.sums + row / kBlockRows * Plan::kSumBytes);
      const std::byte* packed = args.scratch + row / kTileRows * row_stride + begin * kTileBytes;
      const bool last = c + 1 == plan.chunks.count;
      if (last) prefetch_out(args, panel, count, first_row + row, size);
      multiply_block({.rows = packed,
                      .row_stride = row_stride,
                      .weights = weights,
                      .records = records,
                      .first = c == 0,
                      .sums = sums,
                      .sum_stride = size * kPanelRows},
                     tiles_of(size), count);
      finish_stores();
      if (last) store_tile(args, panel, count, first_row + row, size, sums);
    }
  }
}

void multiply_by_tiles(const MatmulArgs& args) {
  const TileShapes shapes;
  finish_stores();  // GCC 12 takes ldtilecfg to read 8 bytes
  _tile_loadconfig(&shapes);
  const Plan plan(args.w->columns, args.input.rows);
  for (int64_t row = 0; row < args.input.rows; row += plan.rows) {
    const int64_t rows = smaller(plan.rows, args.input.rows - row);
    pack_rows(args.input, row, rows, args.w->columns, args.scratch);
    for (int64_t p = args.first_panel; p < args.last_panel; p += kTilePanels)
      multiply_panels(args, plan, p, smaller(kTilePanels, args.last_panel - p), row, rows);
  }
  _tile_release();
}

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
  const int64_t own = Plan(columns, rows).bytes;
  return own > bytes ? own : bytes;
}

void matmul(const MatmulArgs& args) {
  if (args.input.form != InputForm::bf16 || !takes(args.w->type, args.w->columns))
    return bf16::matmul(args);
  multiply_by_tiles(args);
}

}  // namespace

void amx::set_matrices(Kernels& t) {
  t.matmul_input = matmul_input;
  t.matmul_scratch = matmul_scratch;
  t.matmul = matmul;
}

}  // namespace heed
