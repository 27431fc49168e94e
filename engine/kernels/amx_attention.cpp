// Attention of many queries over keys and values in bf16, by tiles of AMX: 16 queries times 16
// keys, and 16 queries' weights of 32 keys times 16 numbers of the values. Tiles of keys and values
// lie in the cache as the instructions take them (KvTiles). Few queries are left to
// bf16_attention.cpp. Softmax is attention.inl's, on the vector units; the tile unit multiplies
// beside them: the scores of 16 queries are asked for before the weights of the 16 queries before
// them are made.
#include "engine/kernels/far_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_dot.h"

namespace heed {
namespace {

/// Keys that a product of weights and values takes, in tiles of the cache; and bytes of a row of
/// scores or weights.
constexpr int64_t kPairOfTiles = 2;
constexpr int64_t kRowBytes = kBlockKeys * static_cast<int64_t>(sizeof(float));

/// Sums that one tile of queries or weights is multiplied for.
constexpr int kSums = 4;

/// Tiles 0 to 3 are sums, 4 queries or weights, 5 keys or values; 6 and 7 as 4 and 5 for the last
/// 16 keys where the number of tiles is odd: what lies behind them is not read.
constexpr TileShapes shapes() {
  TileShapes s;
  s.bytes[6] = 32;
  s.rows[7] = 8;
  return s;
}

template <int sums>
inline void zero_sums() {
  _tile_zero(0);
  if constexpr (sums > 1) _tile_zero(1);
  if constexpr (sums > 2) _tile_zero(2);
  if constexpr (sums > 3) _tile_zero(3);
}

/// Stores the sums side by side in rows of `stride` bytes.
template <int sums>
inline void store_sums(float* out, int64_t stride) {
  _tile_stored(0, out, stride);
  if constexpr (sums > 1) _tile_stored(1, out + kTileRows, stride);
  if constexpr (sums > 2) _tile_stored(2, out + 2 * kTileRows, stride);
  if constexpr (sums > 3) _tile_stored(3, out + 3 * kTileRows, stride);
}

/// sums += what tile 4 holds times tiles `apart` bytes apart, in rows of `stride` bytes.
template <int sums>
inline void add_products(const std::byte* right, int64_t apart, int64_t stride) {
  _tile_loadd(5, right, stride);
  _tile_dpbf16ps(0, 4, 5);
  if constexpr (sums > 1) {
    _tile_loadd(5, right + apart, stride);
    _tile_dpbf16ps(1, 4, 5);
  }
  if constexpr (sums > 2) {
    _tile_loadd(5, right + 2 * apart, stride);
    _tile_dpbf16ps(2, 4, 5);
  }
  if constexpr (sums > 3) {
    _tile_loadd(5, right + 3 * apart, stride);
    _tile_dpbf16ps(3, 4, 5);
  }
}

/// The same for half as many keys.
template <int sums>
inline void add_half_products(const std::byte* right, int64_t apart, int64_t stride) {
  _tile_loadd(7, right, stride);
  _tile_dpbf16ps(0, 6, 7);
  if constexpr (sums > 1) {
    _tile_loadd(7, right + apart, stride);
    _tile_dpbf16ps(1, 6, 7);
  }
  if constexpr (sums > 2) {
    _tile_loadd(7, right + 2 * apart, stride);
    _tile_dpbf16ps(2, 6, 7);
  }
  if constexpr (sums > 3) {
    _tile_loadd(7, right + 3 * apart, stride);
    _tile_dpbf16ps(3, 6, 7);
  }
}

/// Up to 16 queries and the tiles of a block that one of them sees.
struct Strip {
  int64_t row = 0, rows = 0;
  Block block;
  float* weights = nullptr;   // [16][kBlockKeys]: scores, then packed weights
  float* products = nullptr;  // [16][sum_stride]: of weights and values
  Vec shrink[kTileRows];      // see weigh
};

/// Scores of a strip for tiles [tile, block.last_tile), `sums` at a time while there are so many.
template <int sums>
inline void score(const Rows& q, const Strip& strip, int64_t tile) {
  const int64_t tile_bytes = strip.block.steps * kTileTokens * 4;
  const int64_t query_bytes = q.query_stride * 4;
  const auto* queries = reinterpret_cast<const std::byte*>(q.queries + strip.row * q.query_stride);
  for (; tile + sums <= strip.block.last_tile; tile += sums) {
    const auto* keys = reinterpret_cast<const std::byte*>(strip.block.keys) + tile * tile_bytes;
    zero_sums<sums>();
    for (int64_t at = 0; at < query_bytes; at += kTileRowBytes, keys += kTileBytes) {
      _tile_loadd(4, queries + at, query_bytes);
      add_products<sums>(keys, tile_bytes, kTileRowBytes);
    }
    store_sums<sums>(strip.weights + tile * kTileTokens, kRowBytes);
  }
  if constexpr (sums > 1) score<sums - 1>(q, strip, tile);
}

/// out [16][width] = weights times values, from column `column` on.
template <int sums>
inline void multiply_values(const Strip& strip, int64_t width, int64_t column, float* out) {
  const Block& block = strip.block;
  const int64_t stride = block.value_stride * 4;
  for (; column + sums * kTileRows <= width; column += sums * kTileRows) {
    zero_sums<sums>();
    int64_t tile = block.first_tile;
    const auto* weights =
        reinterpret_cast<const std::byte*>(strip.weights) + tile * kTileTokens * 2;
    const float* values = block.values + tile * kTileTokens / 2 * block.value_stride + column;
    for (; tile + kPairOfTiles <= block.last_tile; tile += kPairOfTiles) {
      _tile_loadd(4, weights, kRowBytes);
      add_products<sums>(reinterpret_cast<const std::byte*>(values), kTileRowBytes, stride);
      weights += kTileRowBytes;
      values += kTileRows * block.value_stride;
    }
    if (tile < block.last_tile) {
      _tile_loadd(6, weights, kRowBytes);
      add_half_products<sums>(reinterpret_cast<const std::byte*>(values), kTileRowBytes, stride);
    }
    store_sums<sums>(out + column, width * 4);
  }
  if constexpr (sums > 1) multiply_values<sums - 1>(strip, width, column, out);
}

/// Weighs the scores of a strip and multiplies the values; `products`: [16][sum_stride].
void weigh_strip(Rows q, Strip& strip) {
  constexpr int kAtOnce = 4;
  q.weights = strip.weights;
  int64_t r = 0;
  for (; r + kAtOnce <= strip.rows; r += kAtOnce, q.weights += kAtOnce * kBlockKeys)
    weigh<Bf16Dot, kAtOnce>(q, strip.row + r, strip.block, strip.shrink + r);
  for (; r < strip.rows; ++r, q.weights += kBlockKeys)
    weigh<Bf16Dot, 1>(q, strip.row + r, strip.block, strip.shrink + r);
  finish_stores();
  multiply_values<kSums>(strip, q.sum_stride, 0, strip.products);
  finish_stores();
}

void add_products(const Rows& q, const Strip& strip) {
  for (int64_t r = 0; r < strip.rows; ++r) {
    float* sums = q.sums + (strip.row + r) * q.sum_stride;
    const float* add = strip.products + r * q.sum_stride;
    for (int64_t d = 0; d < q.sum_stride; d += kLanes)
      store(fma(load(sums + d), strip.shrink[r], load(add + d)), sums + d);
  }
}

/// A block's contribution to all queries, strip by strip in three stages: scores; weights and
/// products; sums. While one strip is in a stage of the tile unit, the vector units have another's.
void attend_to_block(const Rows& q, const Block& block, float* memory) {
  constexpr int kStages = 3;
  const int64_t strip_floats = kTileRows * (kBlockKeys + q.sum_stride);
  Strip strips[kStages];
  int64_t scored = 0, weighed = 0, added = 0;
  const auto weigh_next = [&] { weigh_strip(q, strips[weighed++ % kStages]); };
  const auto add_next = [&] { add_products(q, strips[added++ % kStages]); };
  for (int64_t row = 0; row < q.count; row += kTileRows) {
    Strip& next = strips[scored % kStages];
    next.row = row;
    next.rows = least(kTileRows, q.count - row);
    next.block = block;
    KeyRange seen;
    if (!narrow(q, row, next.rows, next.block, seen)) continue;
    next.weights = memory + scored % kStages * strip_floats;
    next.products = next.weights + kTileRows * kBlockKeys;
    score<kSums>(q, next, next.block.first_tile);
    finish_stores();
    ++scored;
    if (scored - weighed > 1) weigh_next();
    if (weighed - added > 1) add_next();
  }
  while (weighed < scored) weigh_next();
  while (added < weighed) add_next();
}

void attend_by_tiles(const AttendArgs& a) {
  configure_tiles(shapes());
  for (int64_t row = 0; row < a.count; row += kMaxRows) {
    const Rows q = begin_rows<Bf16Dot>(a, row, least(a.count - row, kMaxRows));
    float* memory = reinterpret_cast<float*>(a.scratch) + Scratch(a.kv.head_dim, q.count).block;
    KeyRange seen;
    for (int64_t r = 0; r < q.count; ++r) seen = hull(seen, q.ranges[r]);
    for (int64_t key = seen.begin / kBlockKeys * kBlockKeys; key < seen.end; key += kBlockKeys) {
      Block block{.first_key = key, .first_tile = 0, .last_tile = 0};
      load_block<Bf16Dot, KvType::bf16>(a.kv, key / kTileTokens, block, nullptr);
      attend_to_block(q, block, memory);
    }
    end_rows(a, q, row);
  }
  _tile_release();
}

}  // namespace

void amx::set_attention(Kernels& table) {
  table.attend = [](const AttendArgs& args) {
    const bool tiles = args.kv.type == KvType::bf16 && args.kv.head_dim % kRecordColumns == 0 &&
                       args.count >= kTileQueries;
    if (tiles) return attend_by_tiles(args);
    if (args.kv.type != KvType::bf16) return avx512::attend(args);
    attend_as<Bf16Dot, KvType::bf16>(args);
  };
}

}  // namespace heed
