// Attention of several heads over few keys and values in bf16, by tiles of AMX: what encoders of
// short texts and the hypotheses of a search ask for. For each head a product of the queries with
// 16 keys, and one of their weights of 32 keys with 16 numbers of the values.
//
// The queries of a head are taken in strips of as many rows as each other, up to 16; the last
// begins earlier where they do not fill it. While the vector units weigh a strip, tiles make the
// next one's scores and the last one's sums: none waits for what it has just stored.
//
// All keys are one block, and a softmax is the same whatever is subtracted from its scores: weights
// are powers of two of the scores as they are, and totals, made by tiles as well, tell whether
// those were too large or too small for that. Only then a row's maximum is looked for.
#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_softmax.h"
#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_math.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

/// Tiles of keys at most, and numbers of a head.
constexpr int64_t kMostTiles = 8;
constexpr int64_t kMostDims = 128;

/// As kScoreFloats, from a tile of weights of 32 keys to the next.
constexpr int64_t kWeightHalves = (kTileRows + 1) * kRecordColumns;

/// Totals of weights from it on leave room for small weights.
constexpr float kLeastTotal = 0x1p-60f;

/// Two ones in bf16.
constexpr uint32_t kOnes = 0x3f803f80;

/// Tiles 0 and 1 are scores or sums, 2 queries or weights, 3 weights of a single tile of values, 4
/// keys or values, 5 a single tile of values, 6 ones, 7 totals.
TileShapes shapes_for(int64_t rows) {
  TileShapes shapes;
  for (const int i : {0, 1, 2, 3, 7}) shapes.rows[i] = static_cast<uint8_t>(rows);
  shapes.bytes[3] = kTileRowBytes / 2;
  shapes.rows[5] = kTileRows / 2;
  shapes.bytes[6] = shapes.bytes[7] = sizeof(float);
  return shapes;
}

/// Rows of a head, as many as all strips have; those before `fresh` are the strip's before it too.
struct Strip {
  int64_t head = 0, begin = 0, fresh = 0;
  int place = 0;  // of its scores and weights
};

/// A call.
class Heads {
 public:
  explicit Heads(const AttendHeadsArgs& args)
      : args_(args),
        dims_(args.kv.head_dim),
        tiles_(tiles_for(args.keys)),
        tile_bytes_(kv_tile_bytes(KvType::bf16, dims_)),
        strips_((args.count + kTileRows - 1) / kTileRows),
        rows_((args.count + strips_ - 1) / strips_),
        scale_(args.scale * kLog2E) {}

  void run() {
    alignas(64) uint32_t ones[kTileRows];
    for (uint32_t& pair : ones) pair = kOnes;
    configure_tiles(shapes_for(rows_));
    _tile_loadd(6, ones, sizeof(float));
    const int64_t count = args_.heads * strips_;
    Strip last, here, next;
    score(next);
    for (int64_t i = 0; i <= count; ++i) {
      last = here;
      here = next;
      if (i + 1 < count) score(next = after(here));
      if (i > 0) add_values(last);
      if (i < count) weigh(here, here.fresh, rows_, zero());
      if (i > 0) finish(last);
    }
    _tile_release();
  }

 private:
  Strip after(const Strip& strip) const;
  const std::byte* pack_queries(const Strip& strip);
  void score(const Strip& strip);
  uint32_t seen(int64_t query, int64_t tile) const;
  template <bool masked>
  void weigh_pair(const Strip& strip, int64_t tile, int64_t row, int64_t end, Vec shift);
  void weigh(const Strip& strip, int64_t row, int64_t end, Vec shift);
  void weigh_by_maximum(const Strip& strip, int64_t row);
  void add_values(const Strip& strip);
  Vec totals_of(const Strip& strip);
  void finish(const Strip& strip);

  const AttendHeadsArgs& args_;
  const int64_t dims_, tiles_, tile_bytes_, strips_, rows_;
  const float scale_;  // of scores, times log2(e): then they are powers of two
  alignas(64) float scores_[3][kMostTiles * kScoreFloats];           // [tile][row][16]
  alignas(64) uint16_t weights_[3][kMostTiles / 2 * kWeightHalves];  // [pair of tiles][row][32]
  alignas(64) float sums_[kTileRows * kMostDims];                    // [row][dims]
  alignas(64) float totals_[kLanes];
  alignas(64) uint16_t queries_[kTileRows * kMostDims];  // [dims / 32][row][32]
};

Strip Heads::after(const Strip& strip) const {
  Strip next = {.head = strip.head, .place = strip.place == 2 ? 0 : strip.place + 1};
  int64_t row = strip.begin + rows_;
  if (row == args_.count) {
    ++next.head;
    row = 0;
  }
  const int64_t most = args_.count - rows_;
  next.begin = row < most ? row : most;
  next.fresh = row - next.begin;
  return next;
}

/// A strip's queries as tiles of rows_ rows.
const std::byte* Heads::pack_queries(const Strip& strip) {
  const float* from = args_.queries + strip.begin * args_.query_stride + strip.head * dims_;
  auto* to = reinterpret_cast<std::byte*>(queries_);
  for (int64_t r = 0; r < rows_; ++r, from += args_.query_stride)
    store_tile_row(from, dims_, to + r * kTileRowBytes);
  finish_stores();
  return to;
}

/// Scores of a strip's queries, which are read where they lie if they are bf16.
void Heads::score(const Strip& strip) {
  const std::byte* queries;
  int64_t stride = kTileRowBytes, next = kTileBytes;
  if (args_.bf16_queries) {
    const int64_t at = strip.begin * args_.query_stride + strip.head * dims_;
    queries = reinterpret_cast<const std::byte*>(args_.bf16_queries + at);
    stride = args_.query_stride * 2;
    next = kTileRowBytes;
  } else {
    queries = pack_queries(strip);
  }
  const std::byte* keys = args_.kv.keys + strip.head * args_.head_stride;
  float* scores = scores_[strip.place];
  for (int64_t t = 0; t < tiles_; t += 2, keys += 2 * tile_bytes_, scores += 2 * kScoreFloats) {
    const bool both = t + 1 < tiles_;
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t i = 0; i * kTileBytes < tile_bytes_; ++i) {
      _tile_loadd(2, queries + i * next, stride);
      _tile_loadd(4, keys + i * kTileBytes, kTileRowBytes);
      _tile_dpbf16ps(0, 2, 4);
      if (!both) continue;
      _tile_loadd(4, keys + tile_bytes_ + i * kTileBytes, kTileRowBytes);
      _tile_dpbf16ps(1, 2, 4);
    }
    _tile_stored(0, scores, kTileRowBytes);
    if (both) _tile_stored(1, scores + kScoreFloats, kTileRowBytes);
  }
  finish_stores();
}

/// The keys of a pair of tiles that a query sees, as bits.
inline uint32_t Heads::seen(int64_t query, int64_t tile) const {
  const int64_t left = args_.keys - tile * kTileTokens;
  const uint32_t there = left < 2 * kTileTokens ? (1u << left) - 1 : ~0u;
  if (!args_.masks) return there;
  const uint16_t* mask = args_.masks[query] + tile;
  return there & (mask[0] | (tile + 1 < tiles_ ? mask[1] << kTileTokens : 0u));
}

template <bool masked>
inline void Heads::weigh_pair(const Strip& strip, int64_t tile, int64_t row, int64_t end,
                              Vec shift) {
  const Vec scale = broadcast(scale_);
  const float* scores = scores_[strip.place] + tile * kScoreFloats + row * kTileTokens;
  uint16_t* weights = weights_[strip.place] + tile / 2 * kWeightHalves + row * kRecordColumns;
  const bool both = tile + 1 < tiles_;
  __mmask32 bits = seen(strip.begin, tile);
  for (; row < end; ++row, scores += kTileTokens, weights += kRecordColumns) {
    if (masked) bits = seen(strip.begin + row, tile);
    const Vec a = brief_exp2(fms(load(scores), scale, shift));
    const Vec b = both ? brief_exp2(fms(load(scores + kScoreFloats), scale, shift)) : zero();
    _mm512_store_si512(weights, (__m512i)_mm512_maskz_cvtne2ps_pbh(bits, b.v, a.v));
  }
}

/// Turns scores of rows [row, end) of a strip into weights 2^(scale score - shift).
void Heads::weigh(const Strip& strip, int64_t row, int64_t end, Vec shift) {
  for (int64_t t = 0; t < tiles_; t += 2)
    args_.masks ? weigh_pair<true>(strip, t, row, end, shift)
                : weigh_pair<false>(strip, t, row, end, shift);
  finish_stores();
}

void Heads::weigh_by_maximum(const Strip& strip, int64_t row) {
  const Vec hidden = broadcast(-__builtin_inff());
  Vec largest = hidden;
  for (int64_t t = 0; t < tiles_; ++t) {
    const uint32_t bits = seen(strip.begin + row, t) & 0xffff;
    const Vec x = load(scores_[strip.place] + t * kScoreFloats + row * kTileTokens);
    largest = max(select(lanes_of(bits), x * broadcast(scale_), hidden), largest);
  }
  const Vec maximum = spread_max(largest);
  weigh(strip, row, row + 1, select(maximum == hidden, zero(), maximum));  // or nothing is seen
}

/// Makes sums of a strip's weighed values, and of its weights.
void Heads::add_values(const Strip& strip) {
  const int64_t stride = dims_ * 4;
  _tile_zero(7);
  for (int64_t d = 0; d < dims_; d += kRecordColumns) {
    const uint16_t* weights = weights_[strip.place];
    const std::byte* values = args_.kv.values + strip.head * args_.head_stride + d * 4;
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t t = 0; t < tiles_; t += 2, values += 2 * tile_bytes_, weights += kWeightHalves) {
      _tile_loadd(2, weights, kTileRowBytes);
      if (d == 0) _tile_dpbf16ps(7, 2, 6);
      if (t + 1 < tiles_) {
        _tile_loadd(4, values, stride);
        _tile_dpbf16ps(0, 2, 4);
        _tile_loadd(4, values + kTileRowBytes, stride);
        _tile_dpbf16ps(1, 2, 4);
      } else {
        _tile_loadd(3, weights, kTileRowBytes);
        _tile_loadd(5, values, stride);
        _tile_dpbf16ps(0, 3, 5);
        _tile_loadd(5, values + kTileRowBytes, stride);
        _tile_dpbf16ps(1, 3, 5);
      }
    }
    _tile_stored(0, sums_ + d, stride);
    _tile_stored(1, sums_ + d + kLanes, stride);
  }
  _tile_stored(7, totals_, sizeof(float));
  finish_stores();
}

/// Totals of a strip's rows; those that have no room, and their sums, are made again.
Vec Heads::totals_of(const Strip& strip) {
  const Vec totals = load(totals_);
  const uint32_t rows = first_lanes(rows_) & ~((1u << strip.fresh) - 1);
  const uint32_t large = (broadcast(kLeastTotal) < totals).m;
  uint32_t bad = rows & ~(large & (totals < broadcast(kMostTotal)).m);
  if (!bad) return totals;
  for (; bad; bad &= bad - 1) weigh_by_maximum(strip, __builtin_ctz(bad));
  add_values(strip);
  return load(totals_);
}

/// Writes sums divided by their totals.
void Heads::finish(const Strip& strip) {
  const Vec totals = totals_of(strip);
  alignas(64) float factors[kLanes];
  store(select(totals == zero(), zero(), broadcast(1) / totals), factors);
  const int64_t column = strip.head * dims_;
  const int64_t column_halves = column / kRecordColumns * args_.bf16_stride;
  for (int64_t r = strip.fresh; r < rows_; ++r) {
    const int64_t row = strip.begin + r;
    uint16_t* halves = args_.bf16_outputs ? args_.bf16_outputs[row] + column_halves : nullptr;
    float* out = halves ? nullptr : args_.outputs + row * args_.output_stride + column;
    put_row(sums_ + r * dims_, dims_, broadcast(factors[r]), out, halves, args_.bf16_stride);
  }
}

}  // namespace

bool amx::takes_heads(const AttendHeadsArgs& args) noexcept {
  const int64_t dims = args.kv.head_dim;
  return args.kv.type == KvType::bf16 && dims % kRecordColumns == 0 && dims <= kMostDims &&
         tiles_for(args.keys) <= kMostTiles;
}

void amx::attend_heads(const AttendHeadsArgs& args) noexcept {
  Heads(args).run();
}

}  // namespace heed
