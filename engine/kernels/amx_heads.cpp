// Attention of a few queries of several heads over few keys and values in bf16, by tiles of AMX:
// what the hypotheses of a search ask for. For each head a product of the queries with 16 keys, and
// one of their weights of 32 keys with 16 numbers of the values, where the vector units would need
// 64 and 128 instructions. Tiles of queries have as many rows as there are queries.
//
// Heads go together whose queries fill the 16 lanes of a vector: their products do not wait for
// each other, and the reductions of their softmaxes are made at once. All keys are one block: there
// is nothing to correct later.
#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_softmax.h"
#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_math.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

/// Tiles of keys at most, and numbers of a head: scores and queries then fill 12 KiB.
constexpr int64_t kMostTiles = 8;
constexpr int64_t kMostDims = 128;

/// Floats from a query's scores to the next one's.
constexpr int64_t kScoreStride = kMostTiles * kTileTokens;

/// Tiles 0 and 1 are sums, 2 queries or weights, 3 weights of a single tile of values, 4 and 5 keys
/// or values, 6 and 7 a single tile of values.
TileShapes shapes_for(int64_t queries) {
  TileShapes shapes;
  for (int i = 0; i < 4; ++i) shapes.rows[i] = static_cast<uint8_t>(queries);
  shapes.bytes[3] = kTileRowBytes / 2;
  shapes.rows[6] = shapes.rows[7] = kTileRows / 2;
  return shapes;
}

/// A call. Rows are queries of a group of heads, head by head.
class Heads {
 public:
  explicit Heads(const AttendHeadsArgs& args)
      : args_(args),
        dims_(args.kv.head_dim),
        tiles_(tiles_for(args.keys)),
        tile_bytes_(kv_tile_bytes(KvType::bf16, dims_)) {
    for (int64_t r = 0, i = 0; r < kLanes; ++r, i = i + 1 < args.count ? i + 1 : 0)
      query_of_[r] = i;
    for (int64_t i = 0; i < args.count; ++i) {
      for (int64_t t = 0; t < tiles_; ++t) {
        const int64_t left = args.keys - t * kTileTokens;
        const __mmask16 there = first_lanes(left < kTileTokens ? left : kTileTokens);
        seen_[i][t] = args.masks ? args.masks[i][t] & there : there;
      }
    }
  }

  void run() {
    configure_tiles(shapes_for(args_.count));
    const int64_t group = kLanes / args_.count;
    for (int64_t head = 0; head < args_.heads; head += group) {
      const int64_t heads = head + group < args_.heads ? group : args_.heads - head;
      pack_queries(head, heads);
      for (int64_t i = 0; i < heads; ++i) score(head + i, i);
      finish_stores();
      weigh(heads * args_.count);
      finish_stores();
      for (int64_t i = 0; i < heads; ++i) add_values(head + i, i);
      finish_stores();
      scale(head, heads);
    }
    _tile_release();
  }

 private:
  void pack_queries(int64_t first_head, int64_t heads);
  void score(int64_t head, int64_t place);
  void weigh(int64_t rows);
  void add_values(int64_t head, int64_t place);
  void scale(int64_t first_head, int64_t heads);

  const AttendHeadsArgs& args_;
  const int64_t dims_, tiles_, tile_bytes_;
  int64_t query_of_[kLanes];                          // the query that a row is of
  uint16_t seen_[kTileQueries][kMostTiles];           // keys, as bits
  alignas(64) uint16_t queries_[kLanes * kMostDims];  // [head][dims / 32][query][32]
  alignas(64) float scores_[kLanes * kScoreStride];   // then weights, [row][pair of tiles][32]
  alignas(64) float factors_[kLanes];                 // of a row's sums
};

void Heads::pack_queries(int64_t first_head, int64_t heads) {
  uint16_t* to = queries_;
  for (int64_t h = first_head; h < first_head + heads; ++h) {
    for (int64_t d = h * dims_; d < (h + 1) * dims_; d += kRecordColumns) {
      for (int64_t i = 0; i < args_.count; ++i, to += kRecordColumns) {
        const float* from = args_.queries + i * args_.query_stride + d;
        store_bf16(load(from), load(from + kLanes), to);
      }
    }
  }
  finish_stores();
}

/// Scores of a head's queries, whose place is among those of its group.
void Heads::score(int64_t head, int64_t place) {
  const int64_t chunk_bytes = args_.count * kTileRowBytes;
  const auto* queries = reinterpret_cast<const std::byte*>(queries_ + place * args_.count * dims_);
  const std::byte* keys = args_.kv.keys + head * args_.head_stride;
  float* scores = scores_ + place * args_.count * kScoreStride;
  for (int64_t t = 0; t < tiles_; ++t, keys += tile_bytes_) {
    _tile_zero(0);
    for (int64_t i = 0; i * kTileBytes < tile_bytes_; ++i) {
      _tile_loadd(2, queries + i * chunk_bytes, kTileRowBytes);
      _tile_loadd(4, keys + i * kTileBytes, kTileRowBytes);
      _tile_dpbf16ps(0, 2, 4);
    }
    _tile_stored(0, scores + t * kTileTokens, kScoreStride * 4);
  }
}

/// Turns the scores of `rows` rows into weights 2^(scale score - maximum).
void Heads::weigh(int64_t rows) {
  constexpr float kLog2E = 1.44269504f;
  const Vec hidden = broadcast(-__builtin_inff()), scale = broadcast(args_.scale * kLog2E);
  Vec rows_joined[kLanes];
  for (int64_t r = 0; r < kLanes; ++r) {
    Vec largest = hidden;
    const float* at = scores_ + r * kScoreStride;
    const uint16_t* seen = seen_[query_of_[r]];
    for (int64_t t = 0; t < tiles_ && r < rows; ++t)
      largest = max(select(lanes_of(seen[t]), load(at + t * kTileTokens), hidden), largest);
    rows_joined[r] = largest;
  }
  const Vec maxima = largest_of_each(rows_joined) * scale;
  alignas(64) float shifts[kLanes];
  store(select(maxima == hidden, zero(), maxima), shifts);  // nothing seen: all weights are 0
  for (int64_t r = 0; r < kLanes; ++r) {
    rows_joined[r] = zero();
    if (r >= rows) continue;
    float* at = scores_ + r * kScoreStride;
    const uint16_t* seen = seen_[query_of_[r]];
    const Vec shift = broadcast(shifts[r]);
    const auto weight = [&](int64_t t) {
      const Vec w = brief_exp2(fms(load(at + t * kTileTokens), scale, shift));
      return select(lanes_of(seen[t]), w, zero());
    };
    for (int64_t t = 0; t < tiles_; t += 2) {
      const Vec a = weight(t), b = t + 1 < tiles_ ? weight(t + 1) : zero();
      rows_joined[r] = rows_joined[r] + (a + b);
      store_bf16(a, b, at + t / 2 * kTileTokens);
    }
  }
  const Vec totals = sum_of_each(rows_joined);
  store(select(totals == zero(), zero(), broadcast(1) / totals), factors_);
}

/// Writes the sums of weighed values of a head.
void Heads::add_values(int64_t head, int64_t place) {
  const int64_t stride = dims_ * 4;
  const float* weights = scores_ + place * args_.count * kScoreStride;
  for (int64_t d = 0; d < dims_; d += kRecordColumns) {
    const std::byte* values = args_.kv.values + head * args_.head_stride + d * 4;
    _tile_zero(0);
    _tile_zero(1);
    int64_t t = 0;
    for (; t + 1 < tiles_; t += 2, values += 2 * tile_bytes_) {
      _tile_loadd(2, weights + t / 2 * kTileTokens, kScoreStride * 4);
      _tile_loadd(4, values, stride);
      _tile_dpbf16ps(0, 2, 4);
      _tile_loadd(5, values + kTileRowBytes, stride);
      _tile_dpbf16ps(1, 2, 5);
    }
    if (t < tiles_) {
      _tile_loadd(3, weights + t / 2 * kTileTokens, kScoreStride * 4);
      _tile_loadd(6, values, stride);
      _tile_dpbf16ps(0, 3, 6);
      _tile_loadd(7, values + kTileRowBytes, stride);
      _tile_dpbf16ps(1, 3, 7);
    }
    float* out = args_.outputs + head * dims_ + d;
    _tile_stored(0, out, args_.output_stride * 4);
    _tile_stored(1, out + kLanes, args_.output_stride * 4);
  }
}

/// Divides sums by those of the weights.
void Heads::scale(int64_t first_head, int64_t heads) {
  const float* factors = factors_;
  for (int64_t h = first_head; h < first_head + heads; ++h) {
    float* out = args_.outputs + h * dims_;
    for (int64_t i = 0; i < args_.count; ++i, out += args_.output_stride) {
      const Vec factor = broadcast(*factors++);
      for (int64_t d = 0; d < dims_; d += kLanes) store(load(out + d) * factor, out + d);
    }
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
