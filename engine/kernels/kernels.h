// The kernel table: everything that costs time, as one struct of function pointers and contracts.
// Each instruction set fills one table (scalar is the specification); the plan picks a table once
// and steps call through it. Dispatch is per operator, never per row.
//
// Contracts that hold for every entry unless it says otherwise: pointers need only the alignment of
// their element type, except Panels, KvTiles and scratch (kPanelAlign); any length, tails included;
// outputs do not alias inputs; noexcept; no allocation. A result for one row depends on that row
// alone, never on how many rows the call holds or which thread makes it. (Which form of its input a
// matmul wants may depend on their number: matmul_input.)
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/isa.h"
#include "engine/kernels/panels.h"
#include "heed_types.hpp"

namespace heed {

enum class Activation { none, relu, silu, gelu /* erf */, gelu_tanh, tanh };

/// What form of its input a matmul wants: chosen by the table per matrix and number of rows.
enum class InputForm { f32, q8, bf16, bf16_tiles, f32_tiles };

inline bool in_tiles(InputForm form) {
  return form == InputForm::bf16_tiles || form == InputForm::f32_tiles;
}

/// Products of parts that make one of form f32_tiles, of the 9 that there are.
inline constexpr int kF32Products = 6;

/// Rows of a tile of bf16 numbers (AMX); it has kRecordColumns columns.
inline constexpr int64_t kInputTileRows = 16;

/// Tiles below each other that hold `rows` rows.
inline int64_t input_tiles(int64_t rows) {
  return (rows + kInputTileRows - 1) / kInputTileRows;
}

/// Where the number at (row, column) lies in form bf16_tiles of `columns` columns, a multiple of
/// 32: [tiles of 16 rows][tiles of 32 columns][16][32].
inline int64_t at_in_tiles(int64_t row, int64_t column, int64_t columns) {
  return row / kInputTileRows * kInputTileRows * columns +
         column / kRecordColumns * kInputTileRows * kRecordColumns +
         row % kInputTileRows * kRecordColumns + column % kRecordColumns;
}

/// Activations rounded to int8 in blocks of 32 columns, for the integer kernels.
/// x[r, c] ~ values[r, c] * scales[r, c / 32]; values lie in [-127, 127]; scale = max|x| / 127.
/// A block that holds a NaN or an infinity has zero values and the scale NaN, so that every product
/// of its row is NaN; a block with no |x| of 1e-30 or more is zero.
///
/// A row has room for one more block behind the others. Where the largest scale, rest[r]'s, squared
/// is more than half of what the others have together, outliers spoil that block, and with it the
/// row (Dettmers et al., arXiv 2208.07339, multiply such columns in 16 bits): what rounding has
/// left of it is rounded in turn, and it has about 16 bits for the price of a block. Elsewhere
/// rest[r] is -1. (Scales are chosen without a search: what one gains, this gains several times
/// over.)
struct Q8Rows {
  int8_t* values = nullptr;  // [rows, blocks(), 32]
  float* scales = nullptr;   // [rows, blocks()]
  int32_t* sums = nullptr;   // [rows, blocks(), 2]: sums of 16 values, for weights with an offset
  int32_t* rest = nullptr;   // [rows]
  int64_t columns = 0;       // a multiple of 32

  /// Blocks of a row, with the one for what is left.
  int64_t blocks() const { return columns / 32 + 1; }
};

/// The rows a matmul reads, in the form its table asked for (matmul_input).
struct MatmulInput {
  InputForm form = InputForm::f32;
  const float* f32 = nullptr;      // [rows, stride], form f32
  const uint16_t* bf16 = nullptr;  // [rows, stride], form bf16; at_in_tiles, form bf16_tiles; form
                                   // f32_tiles: kF32Parts such tiles for each, one after another.
                                   // There is room for all rows of the last tiles
  int64_t stride = 0;              // elements between rows; in tiles, a row's share of them
  Q8Rows q8;                       // form q8
  int64_t rows = 0;                // tokens
};

/// What happens to a product before it is stored, in this order.
struct Epilogue {
  const float* bias = nullptr;  // [rows of the matrix], added first
  Activation activation = Activation::none;
  /// Gated: panels alternate (gate panel, up panel); out = activation(gate) * up, so the output has
  /// half as many columns as the matrix has rows. The bias alternates likewise. The matrix has a
  /// multiple of 32 rows: gate and up are each padded with zero rows to whole panels.
  bool gated = false;
  /// out += product instead of out = product: the residual stream is updated in place.
  bool accumulate = false;
};

/// out[r, n] = epilogue(sum_k input[r, k] * w[n, k]) for panels [first_panel, last_panel), all
/// rows. Gated calls take even panels. Padding rows of the last panel are not stored.
struct MatmulArgs {
  const Panels* w = nullptr;
  int64_t first_panel = 0;
  int64_t last_panel = 0;
  MatmulInput input;
  Epilogue epilogue;
  float* out = nullptr;  // [input.rows, out_stride]; column 0 is the matrix's row 0
  /// Or null. Instead of out, rounded to bf16 as to_bf16 does; nothing accumulates there. Where the
  /// input has form bf16_tiles, silu and gelu may be off by 2^-12 of themselves before, gelu (erf)
  /// by 1.5e-5 besides, and subnormal numbers become zero.
  uint16_t* out_bf16 = nullptr;
  int64_t out_stride = 0;        // elements
  bool out_tiles = false;        // out_bf16 has form bf16_tiles, of out_stride columns
  std::byte* scratch = nullptr;  // matmul_scratch() bytes, this thread's own
};

/// Tokens of a tile of keys or values: one per 32-bit lane of a 512-bit register.
inline constexpr int kTileTokens = 16;

/// From so many queries on, attention may take them by tiles (AMX).
inline constexpr int kTileQueries = 16;

/// Tiles that hold so many tokens.
inline int64_t tiles_for(int64_t tokens) {
  return (tokens + kTileTokens - 1) / kTileTokens;
}

/// Bytes of one tile of keys (or of values) of one head. head_dim is even.
inline int64_t kv_tile_bytes(KvType type, int64_t head_dim) {
  constexpr int64_t kScale = sizeof(float);
  if (type == KvType::q8) return kTileTokens * (head_dim + kScale);
  return kTileTokens * head_dim * (type == KvType::f32 ? 4 : 2);
}

/// The largest head whose keys and values may have type q8: its sums of 32767 * 127 fit into 32
/// bits.
inline constexpr int64_t kMostQ8HeadDim = 512;

/// The keys and values of one kv head of one sequence, in tiles of 16 tokens, tile after tile.
///   keys,   f32:       [tiles][head_dim][16 tokens]
///   keys,   bf16, f16: [tiles][head_dim / 2][16 tokens][2 dims]   (dword lane = token)
///   values, f32:       [tiles][16 tokens][head_dim]
///   values, bf16, f16: [tiles][8 token pairs][head_dim][2 tokens]
///   q8: tiles of bf16's order but of int8 codes, each followed by its [16 tokens] scales, f32
/// A key of type q8 is its codes, -127 to 127, times its scale, max|x| / 127; so is a value. The
/// scale is NaN if one of its numbers is not finite, and the codes are zero.
/// Unused tokens of the last tile hold finite numbers (zeros, at first), so that a kernel may read
/// whole tiles; tiles past the one that holds the last key of any range are not read.
struct KvTiles {
  KvType type = KvType::bf16;
  int64_t head_dim = 0;
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
};

/// Keys and values of consecutive tokens, a row each.
struct KvRows {
  const float* keys = nullptr;    // [count] rows of head_dim, stride apart
  const float* values = nullptr;  // likewise
  int64_t stride = 0;             // numbers
  int64_t count = 0;
  /// Or null. Instead of floats, for tiles of bf16; head_dim is then a multiple of 32.
  const uint16_t* bf16_keys = nullptr;
  const uint16_t* bf16_values = nullptr;
};

/// The keys a query may see: [begin, end). Causal: {0, position + 1}.
struct KeyRange {
  int32_t begin = 0;
  int32_t end = 0;
};

/// softmax(scale * q k^T) v for queries of one kv head (its whole query group, any number of
/// tokens). Keys and values are read once for as many queries as a call can hold at a time, and
/// tiles outside the ranges of neighbouring queries are skipped: give all the queries of a decode
/// step, or of a stretch of tokens, in one call, in the order of their tokens. Online softmax over
/// blocks of keys that start at fixed multiples of the block size, so that a query's bits do not
/// depend on the other queries, but for whether there are kTileQueries. A query that sees no key
/// gives zeros, and -inf as its logsumexp.
struct AttendArgs {
  const float* const* queries = nullptr;  // [count] rows of head_dim
  /// Or null. Instead of floats, where Kernels::rounds_queries and keys are bf16; head_dim is then
  /// a multiple of 32.
  const uint16_t* const* bf16_queries = nullptr;  // [count]
  float* const* outputs = nullptr;                // [count] rows of head_dim
  /// Or null. Instead of floats, where Kernels::rounds_queries, whatever the keys: 32 numbers, the
  /// next 32 of them bf16_stride numbers on; head_dim is then a multiple of 32.
  uint16_t* const* bf16_outputs = nullptr;  // [count]
  int64_t bf16_stride = kRecordColumns;
  const KeyRange* ranges = nullptr;  // [count]
  /// Or null. For each query a word a tile, from tile 0 to its range's last: of the keys of the
  /// range it sees those whose bit is set (bit i is key i of the tile). All bits set and no mask
  /// give the same result, bit for bit.
  const uint16_t* const* masks = nullptr;  // [count]
  int64_t count = 0;
  KvTiles kv;
  /// Whoever calls goes on with the keys that follow the ranges: they are asked for in time.
  bool more = false;
  float scale = 1;
  float* logsumexp = nullptr;    // [count] or null: exp(scale * q k - logsumexp) is k's weight
  std::byte* scratch = nullptr;  // attend_scratch() bytes, this thread's own
};

/// Rows of a call that takes several heads, at most.
inline constexpr int64_t kMostHeadsRows = 128;

/// Queries of several heads that have keys of their own, but see the same of them: rows of a few
/// tokens, or of a short text, with their heads side by side. As AttendArgs, a call for each head;
/// on a table that takes heads together products are summed in another order, whatever their
/// number, and weights are divided by the sum of what they are rounded to.
struct AttendHeadsArgs {
  const float* queries = nullptr;  // [count] rows of heads * head_dim, query_stride apart
  int64_t query_stride = 0;
  /// Or null. Instead of floats, as in AttendArgs.
  const uint16_t* bf16_queries = nullptr;
  float* outputs = nullptr;  // likewise
  int64_t output_stride = 0;
  /// Or null. Instead of floats, as in AttendArgs.
  uint16_t* const* bf16_outputs = nullptr;  // [count]
  int64_t bf16_stride = kRecordColumns;
  int64_t count = 0;  // of rows, up to kMostHeadsRows
  int64_t heads = 0;
  int64_t keys = 0;                        // a query sees these first ones
  const uint16_t* const* masks = nullptr;  // [count] or null: of them only those in its mask
  KvTiles kv;                              // of the first head
  int64_t head_stride = 0;                 // bytes from a head's keys, and values, to the next's
  float scale = 1;
  std::byte* scratch = nullptr;  // attend_scratch() bytes for `count` queries, this thread's own
};

/// Of so many numbers logsumexp gives the largest.
inline constexpr int64_t kMaximumOf = 128;

/// Where a call stores the result at (row, column), in elements of its output.
inline int64_t place_of(const MatmulArgs& args, int64_t row, int64_t column) {
  return args.out_tiles ? at_in_tiles(row, column, args.out_stride)
                        : row * args.out_stride + column;
}

struct Kernels {
  const char* name;
  Isa isa;

  // ---- matrices --------------------------------------------------------------------------------
  /// Bytes of one panel of `columns` columns, a multiple of the type's block; a multiple of
  /// kPanelAlign. 0 for a type that is no weight (i8 ... f64).
  int64_t (*panel_bytes)(DType type, int64_t columns);
  /// Packs `count` (1..16) consecutive rows in file form (row_bytes(type, columns) each) into one
  /// panel; missing rows are zero.
  void (*pack)(DType type, const std::byte* rows, int64_t count, int64_t columns, std::byte* panel);
  /// The input form this table wants for a matrix of `type` and `columns` columns when `rows` rows
  /// are given at once.
  InputForm (*matmul_input)(DType type, int64_t columns, int64_t rows);
  /// The type to pack a matrix of `type` as that only ever multiplies many rows: where that takes
  /// bf16 anyway, unpacking once and for all is worth the memory.
  DType (*many_rows_type)(DType type);
  /// Many rows are multiplied by tiles of bf16. A matrix of f32 that only ever multiplies many may
  /// be packed as Panels::in_parts, for rows of form f32_tiles: faster than floats.
  bool has_tiles = false;
  /// Bytes of scratch that a call with at most `rows` rows may write; 0 is possible.
  int64_t (*matmul_scratch)(DType type, int64_t columns, int64_t rows);
  /// Before the epilogue, input form f32: every product is summed in order of k from 0, one fused
  /// multiply-add a step. Form q8: summed block by block as scalar_matmul.cpp defines. Both give
  /// the same bits for any number of rows, any range of panels and any ISA. Forms of bf16: the sum
  /// of products of weights and rows that are both rounded to bf16, in an order of the ISA's own.
  /// Form f32_tiles: the same with floats as they are, but products are off by up to 2^-24 of
  /// themselves (kF32Products: Henry, Tang, Heinecke, arXiv 1904.06376); a row that holds an
  /// infinity gives NaN.
  void (*matmul)(const MatmulArgs& args);

  // ---- rows of floats --------------------------------------------------------------------------
  /// Rounds one row into row `row` of `out`. Equal bits on every ISA.
  void (*quantize_q8)(const float* x, const Q8Rows& out, int64_t row);
  void (*to_bf16)(const float* x, int64_t n, uint16_t* out);  // round to nearest even
  /// The same to row `row` of form bf16_tiles with `n` columns, but that subnormals may become
  /// zero.
  void (*to_bf16_tiles)(const float* x, int64_t n, int64_t row, uint16_t* out);
  void (*to_f32_tiles)(const float* x, int64_t n, int64_t row, uint16_t* out);  // form f32_tiles
  /// out = x / sqrt(mean(x^2) + eps) * weight. out may be x.
  void (*rms_norm)(const float* x, const float* weight, int64_t n, float eps, float* out);
  /// out = (x - mean) / sqrt(var + eps) * weight + bias; bias may be null. out may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, int64_t n, float eps,
                     float* out);
  void (*add)(const float* x, int64_t n, float* out);            // out += x
  void (*scale)(float factor, int64_t n, float* out);            // out *= factor
  void (*activate)(Activation activation, int64_t n, float* x);  // in place
  /// In place; -inf gives 0. At least one value is finite.
  void (*softmax)(int64_t n, float* x);
  float (*dot)(const float* a, const float* b, int64_t n);
  /// Rotates pairs of one head in place by angles given as cos_sin [n_rot / 2][2]. Interleaved:
  /// pairs (2i, 2i+1), as GGUF's llama files store them; else (i, i + n_rot / 2).
  void (*rope)(float* x, const float* cos_sin, int64_t n_rot, bool interleaved);
  /// Index of the largest value, the first of equals; NaN never wins (0 if there is nothing else).
  /// n >= 1.
  int64_t (*argmax)(const float* x, int64_t n);
  /// log(sum(exp(x))), computed from the maximum; -inf if n = 0 or all are -inf. `maxima`: null, or
  /// gets the largest of each kMaximumOf numbers, among the last of what is left; -inf if all are
  /// NaN.
  float (*logsumexp)(const float* x, int64_t n, float* maxima);

  // ---- attention -------------------------------------------------------------------------------
  bool rounds_queries = false;  ///< to bf16, where keys and values are bf16
  /// Writes key and value (head_dim floats each) as token `position` of the tiles, rounded to
  /// nearest even; f16 saturates at 65504. The same bytes on every ISA.
  void (*store_kv)(const KvTiles& kv, int64_t position, const float* key, const float* value);
  /// Writes up to kTileTokens tokens as tile `tile`, as store_kv would, and zeros for the rest of
  /// it.
  void (*store_kv_tile)(const KvTiles& kv, const KvRows& rows, int64_t tile);
  int64_t (*attend_scratch)(KvType type, int64_t head_dim, int64_t count);
  void (*attend)(const AttendArgs& args);
  void (*attend_heads)(const AttendHeadsArgs& args);
};

/// The table of an instruction set. The machine must have it (machine_has in engine/core/isa.h).
const Kernels& kernels(Isa isa);

}  // namespace heed
