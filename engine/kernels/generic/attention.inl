// Attention over Vec (contracts and tiles: kernels.h; specification: scalar_attention.cpp).
// Included after <isa>_vec.h, <isa>_bytes.h and near_memory.h or far_memory.h by
// <isa>_attention.cpp.
//
// One pass over the keys serves up to kMaxRows queries. It goes block by block of kBlockKeys keys;
// within a block, strip by strip of up to kStripRows queries: scores, online softmax, weighted sum
// of the values, with the block's keys and values staying in the nearest caches. A strip's sums
// live in registers: strip rows x vectors, so that one load serves several multiplications.
//
// Every number of a query is summed in the same order, whatever the other queries of the call:
// blocks start at multiples of kBlockKeys, a key that a query does not see gets the weight 0
// exactly, and a block without any that it sees changes nothing.
// References: FlashAttention-2 (arXiv 2307.08691) for the order of the loops.
#pragma once

#include <math.h>

#include "engine/kernels/generic/kv_dots.inl"
#include "engine/kernels/generic/vec_math.inl"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

/// Keys and values of 64 numbers in bf16 fill 32 KiB: a nearest cache. Blocks of half as many keys
/// measure a tenth slower, of twice as many no faster.
inline constexpr int64_t kBlockKeys = 128;
inline constexpr int64_t kBlockTiles = kBlockKeys / kTileTokens;
/// Queries whose sums stay in the second-level cache beside the block.
inline constexpr int64_t kMaxRows = 96;
/// Six rows of four vectors: ten loads feed 24 multiplications, which take the two units 12 cycles.
inline constexpr int kStripRows = 6;

/// Strips of up to so many queries are what a decode step consists of: they run through keys and
/// values as fast as memory gives them, and ask for the next block, if there is one, while they
/// work on one.
inline constexpr int kStreamRows = 4;

inline constexpr float kLn2 = 0.693147181f;

/// Accumulators that leave registers for the operands: 24 of 32, or 12 of 16.
inline constexpr int kAccumulators = kLanes == 16 ? 24 : 12;

/// Vectors side by side for a strip of `rows`: the largest power of two that fits, up to 8.
constexpr int vectors_for(int rows) {
  int vectors = 8;
  while (vectors * rows > kAccumulators) vectors /= 2;
  return vectors;
}

/// The queries of a pass.
struct Rows {
  const KeyRange* ranges;        // [count]
  const uint16_t* const* masks;  // [count] or null
  int64_t count;
  float* queries;  // [count][query_stride], packed
  int64_t query_stride;
  float* sums;  // [count][sum_stride]: of weight * value; sum_stride is a multiple of kLanes
  int64_t sum_stride;
  float* totals;   // [count][kLanes]: of weights
  float* maxima;   // [count][kLanes]: of scaled scores, the same in all lanes
  float* weights;  // [kStripRows][kBlockKeys]: a strip's scores, then its packed weights
  float* units;    // [count]: what one of a query's whole numbers stands for
  float scale;     // of scores, times log2(e): then they are powers of two; positive
};

/// Keys and values of a block, packed as a Dot wants them. Only tiles [first_tile, last_tile) are
/// there.
struct Block {
  int64_t first_key;
  int64_t first_tile, last_tile;  // within the block
  const std::byte* keys;          // [kBlockTiles], key_tile_bytes apart: [steps][kTileTokens] lanes
  int64_t key_tile_bytes;
  int64_t steps;            // head_dim / kPack
  const std::byte* values;  // [kBlockTiles], value_tile_bytes apart: [kTileTokens / kPack] rows
  int64_t value_tile_bytes;
  int64_t value_row_bytes;
  const std::byte* value_scales;  // [kBlockTiles], scale_stride apart, of whole numbers only
  int64_t scale_stride;           // bytes
  bool last;                      // none follows that is wanted
};

/// How a query's sums take up a block: sums * shrink + unit * products.
struct Change {
  Vec shrink;
  Vec unit;  // of whole numbers only
};

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// Bytes that Dot::load takes.
template <typename Dot>
inline constexpr int64_t kLoadBytes = kLanes * Dot::kLaneBytes;

/// Asks for vector v from `from` on, where few queries go with it, and it begins a line of memory.
template <int rows, typename Dot>
inline void ask(const std::byte* from, int v) {
  const int64_t at = v * kLoadBytes<Dot>;
  if (rows <= kStreamRows && at % kPanelAlign == 0) __builtin_prefetch(from + at, 0, kPrefetchTo);
}

/// Tiles of the next block's values that few queries ask for beside the weights of this one, while
/// memory would idle (4 % of decode after 4,096 tokens); the others are asked for beside the sums.
constexpr int64_t kTilesBesideWeights = kBlockTiles / 2;

/// Scores of queries [row, row + rows) for tiles [tile, last_tile) of a block, `vectors` at a time
/// while there are so many, then fewer.
template <typename Dot, int rows, int vectors>
inline void score_tiles(const Rows& q, int64_t row, const Block& block, int64_t tile) {
  constexpr int64_t kTiles = vectors * kLanes / kTileTokens;
  const int64_t ahead = block.last ? 0 : kBlockTiles * block.key_tile_bytes;
  const float* queries = q.queries + row * q.query_stride;
  for (; tile + kTiles <= block.last_tile; tile += kTiles) {
    const std::byte* keys = block.keys + tile * block.key_tile_bytes;
    typename Dot::Sum sums[rows][vectors];
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < vectors; ++v) sums[r][v] = Dot::begin(zero());
    }
    for (int64_t s = 0; s < block.steps; ++s) {
      typename Dot::Operand key[vectors];
      for (int v = 0; v < vectors; ++v) {
        const int64_t token = v * kLanes, lane = s * kTileTokens + token % kTileTokens;
        // What is asked for lies in a row: the memory gives that a tenth faster.
        ask<rows, Dot>(keys + ahead + s * vectors * kLoadBytes<Dot>, v);
        key[v] =
            Dot::load(keys + token / kTileTokens * block.key_tile_bytes + lane * Dot::kLaneBytes);
      }
      for (int r = 0; r < rows; ++r) {
        const float* x = queries + r * q.query_stride + s * kRowStep<Dot>;
        for (int v = 0; v < vectors; ++v) sums[r][v] = Dot::add(sums[r][v], x, key[v]);
      }
    }
    const int64_t codes = block.steps * kTileTokens * Dot::kLaneBytes;  // scales lie behind them
    if constexpr (rows <= kStreamRows) {
      for (int64_t at = kTiles * codes; at < kTiles * block.key_tile_bytes; at += kPanelAlign)
        __builtin_prefetch(keys + ahead + at, 0, kPrefetchTo);
    }
    for (int r = 0; r < rows; ++r) {
      float* scores = q.weights + r * kBlockKeys + tile * kTileTokens;
      for (int v = 0; v < vectors; ++v) {
        const int64_t token = v * kLanes;
        const std::byte* scales = keys + token / kTileTokens * block.key_tile_bytes + codes;
        store(Dot::score(sums[r][v], q.units + row + r, scales + token % kTileTokens * 4),
              scores + token);
      }
    }
  }
  if constexpr (kTiles > 1) score_tiles<Dot, rows, vectors / 2>(q, row, block, tile);
}

/// Hides the keys of a block that lie outside of a query's range.
inline void clip(KeyRange range, const Block& block, float* scores) {
  const int64_t first = block.first_tile * kTileTokens, last = block.last_tile * kTileTokens;
  const int64_t begin = range.begin - block.first_key, end = range.end - block.first_key;
  if (begin <= first && end >= last) return;
  const Vec low = broadcast(static_cast<float>(begin)), high = broadcast(static_cast<float>(end));
  const Vec hidden = broadcast(-INFINITY);
  for (int64_t i = first; i < last; i += kLanes) {
    const Vec key = lane_numbers() + broadcast(static_cast<float>(i));
    const Vec seen = select(key < high, load(scores + i), hidden);
    store(select(key < low, hidden, seen), scores + i);
  }
}

/// Hides the keys of a block whose bit is not set in a query's mask.
inline void hide(const uint16_t* mask, const Block& block, float* scores) {
  const Vec hidden = broadcast(-INFINITY);
  for (int64_t tile = block.first_tile; tile < block.last_tile; ++tile) {
    const uint32_t bits = mask[block.first_key / kTileTokens + tile];
    for (int64_t i = 0; i < kTileTokens; i += kLanes) {
      float* at = scores + tile * kTileTokens + i;
      store(select(lanes_of(bits >> i), load(at), hidden), at);
    }
  }
}

/// Turns the scores of `rows` queries for a block into packed weights 2^(scale score - maximum).
template <typename Dot, int rows>
inline void weigh(const Rows& q, int64_t row, const Block& block, Change* change) {
  const int64_t first = block.first_tile * kTileTokens, last = block.last_tile * kTileTokens;
  const Vec scale = broadcast(q.scale);
  Vec shift[rows];
  for (int r = 0; r < rows; ++r) {  // all maxima first: each ends in a chain of shuffles
    float* scores = q.weights + r * kBlockKeys;
    clip(q.ranges[row + r], block, scores);
    if (q.masks) hide(q.masks[row + r], block, scores);
    float* maximum = q.maxima + (row + r) * kLanes;
    const Vec old = load(maximum);
    Vec max = broadcast(-INFINITY);
    for (int64_t i = first; i < last; i += kLanes) max = heed::max(load(scores + i), max);
    max = heed::max(spread_max(max) * scale, old);
    store(max, maximum);
    shift[r] = select(max == broadcast(-INFINITY), zero(), max);  // nothing seen: all weights 0
    change[r].shrink = old - shift[r];
  }
  const bool asks = rows <= kStreamRows && !block.last;
  const int64_t bytes = asks ? kTilesBesideWeights * block.value_tile_bytes : 0;
  const int64_t share = bytes * kLanes / (rows * kBlockKeys);
  const std::byte* asked = block.values + kBlockTiles * block.value_tile_bytes;
  for (int r = 0; r < rows; ++r) {
    float* scores = q.weights + r * kBlockKeys;
    typename Dot::Weights weights(scores, block.value_scales, block.scale_stride);
    Vec total = zero();
    for (int64_t i = first; i < last; i += kLanes) {
      const Vec weight = exp2_of_nonpositive(fms(load(scores + i), scale, shift[r]));
      total = total + weight;
      weights.put(weight, i);
      for (int64_t at = 0; at < share; at += kPanelAlign, asked += kPanelAlign)
        __builtin_prefetch(asked, 0, kPrefetchTo);
    }
    change[r].unit = weights.finish(first, last);
    change[r].shrink = exp2_of_nonpositive(change[r].shrink);
    float* totals = q.totals + (row + r) * kLanes;
    store(fma(load(totals), change[r].shrink, total), totals);
  }
}

/// Adds the weighed values of steps [first, last) to the sums of `rows` queries, in the columns
/// from `column` on.
template <typename Dot, int rows, int vectors>
inline void add_values(const Rows& q, float* sums, const Change* change, const Block& block,
                       int64_t first, int64_t last, int64_t column) {
  constexpr int64_t kTileSteps = kTileTokens / Dot::kPack;
  const int64_t ahead = block.last ? 0 : kBlockTiles * block.value_tile_bytes;
  for (; column + vectors * kLanes <= q.sum_stride; column += vectors * kLanes) {
    typename Dot::Sum out[rows][vectors];
    for (int r = 0; r < rows; ++r) {
      const float* at = sums + r * q.sum_stride + column;
      for (int v = 0; v < vectors; ++v)
        out[r][v] = Dot::begin(load(at + v * kLanes) * change[r].shrink);
    }
    for (int64_t s = first; s < last; ++s) {
      const std::byte* at = block.values + s / kTileSteps * block.value_tile_bytes +
                            s % kTileSteps * block.value_row_bytes + column * Dot::kLaneBytes;
      typename Dot::Operand value[vectors];
      for (int v = 0; v < vectors; ++v) {
        if (s >= kTilesBesideWeights * kTileSteps) ask<rows, Dot>(at + ahead, v);
        value[v] = Dot::load(at + v * kLanes * Dot::kLaneBytes);
      }
      for (int r = 0; r < rows; ++r) {
        const float* weight = q.weights + r * kBlockKeys + s * kRowStep<Dot>;
        for (int v = 0; v < vectors; ++v) out[r][v] = Dot::add(out[r][v], weight, value[v]);
      }
    }
    for (int r = 0; r < rows; ++r) {
      float* at = sums + r * q.sum_stride + column;
      for (int v = 0; v < vectors; ++v)
        store(Dot::end(out[r][v], at + v * kLanes, change[r].shrink, change[r].unit),
              at + v * kLanes);
    }
  }
  if constexpr (vectors > 1) {
    add_values<Dot, rows, vectors / 2>(q, sums, change, block, first, last, column);
  }
}

/// The part of `range` that lies within [first, last).
inline KeyRange within(KeyRange range, int64_t first, int64_t last) {
  const int64_t begin = range.begin > first ? range.begin : first;
  const int64_t end = range.end < last ? range.end : last;
  return begin < end ? KeyRange{static_cast<int32_t>(begin), static_cast<int32_t>(end)}
                     : KeyRange{};
}

/// The smallest range that holds both; a if b is empty.
inline KeyRange hull(KeyRange a, KeyRange b) {
  if (b.begin >= b.end) return a;
  if (a.begin >= a.end) return b;
  return {a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

/// Where queries [row, row + rows) see something of a block: its tiles that they see become
/// all that it has.
inline bool narrow(const Rows& q, int64_t row, int64_t rows, Block& block, KeyRange& seen) {
  seen = {};
  for (int64_t r = row; r < row + rows; ++r)
    seen = hull(seen, within(q.ranges[r], block.first_key, block.first_key + kBlockKeys));
  if (seen.begin >= seen.end) return false;
  block.first_tile = (seen.begin - block.first_key) / kTileTokens;
  block.last_tile = round_up(seen.end - block.first_key, kTileTokens) / kTileTokens;
  return true;
}

/// A block's contribution to queries [row, row + rows).
template <typename Dot, int rows>
void strip(const Rows& q, int64_t row, Block block) {
  KeyRange seen;
  if (!narrow(q, row, rows, block, seen)) return;
  const int64_t begin = seen.begin - block.first_key, end = seen.end - block.first_key;
  score_tiles<Dot, rows, vectors_for(rows)>(q, row, block, block.first_tile);
  if (Dot::kScaled && rows <= kStreamRows && !block.last) {
    for (int64_t tile = block.first_tile; tile < block.last_tile; ++tile)
      __builtin_prefetch(block.value_scales + (tile + kBlockTiles) * block.scale_stride, 0,
                         kPrefetchTo);
  }
  Change change[rows];
  weigh<Dot, rows>(q, row, block, change);
  add_values<Dot, rows, vectors_for(rows)>(q, q.sums + row * q.sum_stride, change, block,
                                           begin / Dot::kPack,
                                           round_up(end, Dot::kPack) / Dot::kPack, 0);
}

/// A block's contribution to all queries, in strips of nearly equal size.
template <typename Dot>
inline void all_strips(const Rows& q, const Block& block) {
  constexpr void (*kStrips[])(const Rows&, int64_t, Block) = {
      strip<Dot, 1>, strip<Dot, 2>, strip<Dot, 3>, strip<Dot, 4>, strip<Dot, 5>, strip<Dot, 6>};
  int64_t strips = (q.count + kStripRows - 1) / kStripRows;
  for (int64_t row = 0; row < q.count; --strips) {
    const int64_t rows = (q.count - row + strips - 1) / strips;
    kStrips[rows - 1](q, row, block);
    row += rows;
  }
}

// ---- blocks -------------------------------------------------------------------------------------

/// Keys or values of 16-bit types as f32: pairs [count][width][2] become rows [2 * count][stride],
/// of which the first `width` are set. For keys a pair is two dims of kTileTokens tokens, for
/// values two tokens of head_dim dims.
template <KvType type>
inline void widen(const std::byte* pairs, int64_t count, int64_t width, int64_t stride,
                  float* rows) {
  for (int64_t i = 0; i < count; ++i, pairs += width * 4) {
    float* first = rows + 2 * i * stride;
    const auto put = [&](const std::byte* at, int64_t d) {
      const auto y = WidenDot<type>::load(at);
      store(y.first, first + d);
      store(y.second, first + stride + d);
    };
    int64_t d = 0;
    for (; d + kLanes <= width; d += kLanes) put(pairs + d * 4, d);
    if (d == width) continue;
    float last[kLanes];
    store(load_first(reinterpret_cast<const float*>(pairs) + d, width - d), last);
    put(reinterpret_cast<const std::byte*>(last), d);
  }
}

/// Copies rows of `bytes` bytes to rows of `stride` bytes, and zeros behind them.
inline void pad(const std::byte* source, int64_t count, int64_t bytes, int64_t stride,
                std::byte* rows) {
  for (int64_t i = 0; i < count; ++i, source += bytes, rows += stride) {
    __builtin_memcpy(rows, source, static_cast<size_t>(bytes));
    __builtin_memset(rows + bytes, 0, static_cast<size_t>(stride - bytes));
  }
}

/// The block that starts at tile `start` of the cache. Where the tiles are as Dot wants them it
/// points there; else the ones in `block` are brought into that form in `buffer`.
template <typename Dot, KvType type>
inline void load_block(const KvTiles& kv, int64_t start, Block& block, float* buffer) {
  const int64_t tile_bytes = kv_tile_bytes(type, kv.head_dim), dim = kv.head_dim;
  const int64_t first = block.first_tile, tiles = block.last_tile - first;
  constexpr int64_t kTileSteps = kTileTokens / Dot::kPack;
  block.steps = dim / Dot::kPack;
  block.keys = kv.keys + start * tile_bytes;
  block.values = kv.values + start * tile_bytes;
  block.key_tile_bytes = block.value_tile_bytes = tile_bytes;
  block.value_row_bytes = dim * Dot::kLaneBytes;
  block.value_scales = block.values + kTileSteps * block.value_row_bytes;
  block.scale_stride = tile_bytes;
  constexpr bool widened = type != KvType::f32 && Dot::kPack == 1;
  if (!widened && dim % kLanes == 0) return;
  // Rows of whole vectors, tile after tile.
  const int64_t row_bytes = round_up(dim, kLanes) * Dot::kLaneBytes;
  std::byte* rows = reinterpret_cast<std::byte*>(buffer) + first * kTileSteps * row_bytes;
  if constexpr (widened) {
    float* key_rows = buffer + kBlockKeys * round_up(dim, kLanes);
    widen<type>(block.keys + first * tile_bytes, tiles * dim / 2, kTileTokens, kTileTokens,
                key_rows + first * kTileTokens * dim);
    widen<type>(block.values + first * tile_bytes, tiles * kTileTokens / 2, dim,
                round_up(dim, kLanes), reinterpret_cast<float*>(rows));
    block.keys = reinterpret_cast<const std::byte*>(key_rows);
    block.key_tile_bytes = kTileTokens * dim * Dot::kLaneBytes;
  } else {
    for (int64_t t = 0; t < tiles; ++t)
      pad(block.values + (first + t) * tile_bytes, kTileSteps, block.value_row_bytes, row_bytes,
          rows + t * kTileSteps * row_bytes);
  }
  block.values = reinterpret_cast<const std::byte*>(buffer);
  block.value_row_bytes = row_bytes;
  block.value_tile_bytes = kTileSteps * row_bytes;
}

// ---- a call -------------------------------------------------------------------------------------

/// Parts of a call's scratch, in floats.
struct Scratch {
  int64_t queries, sums, totals, maxima, weights, units, block;
  int64_t count;  // of all

  Scratch(int64_t head_dim, int64_t rows) {
    const int64_t width = round_up(head_dim, kTileTokens);
    queries = 0;
    sums = queries + rows * width;
    totals = sums + rows * width;
    maxima = totals + rows * kLanes;
    weights = maxima + rows * kLanes;
    units = weights + kStripRows * kBlockKeys;
    block = units + round_up(rows, kLanes);
    count = block + 2 * kBlockKeys * width;
  }
};

inline int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Queries [row, row + count) of a call.
template <typename Dot>
inline Rows begin_rows(const AttendArgs& a, int64_t row, int64_t count) {
  const Scratch at(a.kv.head_dim, count);
  auto* base = reinterpret_cast<float*>(a.scratch);
  const int64_t width = round_up(a.kv.head_dim, kLanes);
  const Rows q{.ranges = a.ranges + row,
               .masks = a.masks ? a.masks + row : nullptr,
               .count = count,
               .queries = base + at.queries,
               .query_stride = width / Dot::kRowPack,
               .sums = base + at.sums,
               .sum_stride = width,
               .totals = base + at.totals,
               .maxima = base + at.maxima,
               .weights = base + at.weights,
               .units = base + at.units,
               .scale = a.scale * kLog2E};
  for (int64_t r = 0; r < count; ++r) {
    float* query = q.queries + r * q.query_stride;
    if (a.bf16_queries) {  // as Bf16Dot packs them
      __builtin_memcpy(query, a.bf16_queries[row + r], static_cast<size_t>(a.kv.head_dim) * 2);
    } else {
      Dot::pack_query(a.queries[row + r], a.kv.head_dim, query, q.units + r);
    }
    for (int64_t d = 0; d < width; d += kLanes) store(zero(), q.sums + r * width + d);
    store(zero(), q.totals + r * kLanes);
    store(broadcast(-INFINITY), q.maxima + r * kLanes);
  }
  return q;
}

inline void end_rows(const AttendArgs& a, const Rows& q, int64_t row) {
  for (int64_t r = 0; r < q.count; ++r) {
    const float total = sum_of_lanes(load(q.totals + r * kLanes));
    const bool empty = total == 0;
    const Vec factor = broadcast(empty ? 0 : 1 / total);
    for (int64_t d = 0; d < a.kv.head_dim; d += kLanes) {
      const Vec x = load(q.sums + r * q.sum_stride + d) * factor;
      if (a.bf16_outputs) {
        const int64_t at = d / kRecordColumns * a.bf16_stride + d % kRecordColumns;
        store_bf16(x, a.bf16_outputs[row + r] + at);
      } else {
        store_first(x, a.outputs[row + r] + d, least(a.kv.head_dim - d, kLanes));
      }
    }
    if (!a.logsumexp) continue;
    a.logsumexp[row + r] = empty ? -INFINITY : q.maxima[r * kLanes] * kLn2 + logf(total);
  }
}

template <typename Dot, KvType type>
void attend_as(const AttendArgs& a) {
  for (int64_t row = 0; row < a.count; row += kMaxRows) {
    const Rows q = begin_rows<Dot>(a, row, least(a.count - row, kMaxRows));
    float* buffer = reinterpret_cast<float*>(a.scratch) + Scratch(a.kv.head_dim, q.count).block;
    KeyRange seen;
    for (int64_t r = 0; r < q.count; ++r) seen = hull(seen, q.ranges[r]);
    for (int64_t key = seen.begin / kBlockKeys * kBlockKeys; key < seen.end; key += kBlockKeys) {
      const KeyRange part = within(seen, key, key + kBlockKeys);
      Block block{.first_key = key,
                  .first_tile = (part.begin - key) / kTileTokens,
                  .last_tile = round_up(part.end - key, kTileTokens) / kTileTokens,
                  .last = key + kBlockKeys >= seen.end && !a.more};
      load_block<Dot, type>(a.kv, key / kTileTokens, block, buffer);
      all_strips<Dot>(q, block);
    }
    end_rows(a, q, row);
  }
}

/// Keys and values of 16 bits, on a CPU that multiplies f32 only. They are widened in registers, or
/// where several strips of queries use them, in a buffer.
template <KvType type>
inline void attend_widened(const AttendArgs& a) {
  if (a.count <= 2 * kStripRows) {
    attend_as<WidenDot<type>, type>(a);
  } else {
    attend_as<F32Dot, type>(a);
  }
}

inline int64_t scratch_bytes(int64_t head_dim, int64_t count) {
  return Scratch(head_dim, least(count, kMaxRows)).count * static_cast<int64_t>(sizeof(float));
}

}  // namespace
}  // namespace heed
