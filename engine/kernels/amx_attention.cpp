// Attention of many queries over keys and values in bf16, by tiles of AMX: 16 queries times 16
// keys, and 16 queries' weights of 32 keys times 16 numbers of the values. Tiles of keys and values
// lie in the cache as the instructions take them (KvTiles); those of 8 bits are brought into that
// form a stretch at a time. Few queries are taken by the vector units (attention.inl).
//
// As there, a pass over the keys serves some queries with an online softmax; 16 queries, a strip,
// go through a stretch of keys with their sums in tiles. Half of the time is the softmax: so its
// instructions are counted. What scores are weighed by need not be their maximum, only near enough
// for weights and sums to stay within a float's range: it is the maximum of the first block that a
// query sees. Where that was not enough a pass is made again, with the maximum of every block.
//
// The tile unit takes a product in 16 cycles if no more than one and a half tiles are loaded for
// it, from the second-level cache too. Nothing is won by multiplying and weighing side by side:
// while products are made, the vector units multiply at half their rate.
//
// References: FlashAttention-2 (arXiv 2307.08691) for the order of the loops.
#include "engine/kernels/far_memory.h"

#include "engine/kernels/avx512_vec.h"

#include "engine/kernels/avx512_bytes.h"

#include "engine/kernels/amx_softmax.h"
#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/bf16_dot.h"
#include "engine/kernels/bf16_math.h"
#include "engine/kernels/each_head.h"

#include "engine/kernels/amx_widen.h"

namespace heed {
namespace {

/// Queries of a pass: keys and values come from the second-level cache once for all of them.
constexpr int64_t kPassQueries = 12 * kTileRows;
/// Tiles of keys whose products with 16 queries are made at a time: with 64 numbers in a head
/// scores, keys and values fill 40 KiB of the nearest cache.
constexpr int64_t kMostTiles = 8;
/// Tiles of keys that 16 queries go through before the next 16 queries do: with 64 numbers in a
/// head keys and values take 256 KiB of the second-level cache.
constexpr int64_t kStretchTiles = 64;
/// Values are taken two tiles of 16 tokens at a time.
constexpr int64_t kPair = 2;

/// Powers of two by which a score may exceed the maximum that it is weighed by: kMostTotal's.
constexpr float kSlack = 60;

/// Where the parts of a call's scratch lie, in floats.
struct TileScratch {
  int64_t queries;  // [queries / 16][width / 32] tiles
  int64_t sums;     // [queries][width]
  int64_t totals;   // [queries][kLanes]
  int64_t maxima;   // [queries]
  int64_t scores;   // [kMostTiles] of kScoreFloats
  int64_t last;     // a pair of tiles of values
  int64_t stretch;  // of widened keys, [kStretchTiles] tiles; then likewise of values
  int64_t count;    // of all

  TileScratch(KvType type, int64_t width, int64_t rows) {
    const int64_t all = round_up(least(rows, kPassQueries), kTileRows);
    queries = 0;
    sums = queries + all * width / 2;
    totals = sums + all * width;
    maxima = totals + all * kLanes;
    scores = maxima + all;
    last = scores + kMostTiles * kScoreFloats;
    stretch = last + kPair * kTileTokens * width / 2;
    count = stretch + (type == KvType::bf16 ? 0 : kStretchTiles * kTileTokens * width);
  }
};

/// Queries [row, row + rows) of a pass, up to 16, and the keys that they see.
struct Strip {
  int64_t row, rows;
  KeyRange some;  // outside of it no query sees a key
  KeyRange all;   // within it every query sees every key
};

/// Some queries of a call, for which its keys are read once. Tiles 0 to 3 are sums of weighted
/// values, 4 scores or weights, 5 keys or values, 6 and 7 queries. `chunks`: tiles of 32 numbers of
/// a strip's queries, if queries and sums stay in tiles while it goes through a stretch of keys,
/// else 0.
template <int chunks>
class Pass {
 public:
  Pass(const AttendArgs& args, int64_t first, int64_t rows)
      : args_(args),
        first_(first),
        rows_(rows),
        width_(args.kv.head_dim),
        tile_bytes_(kv_tile_bytes(KvType::bf16, width_)),
        scale_(args.scale * kLog2E) {
    const TileScratch at(args.kv.type, width_, rows);
    auto* base = reinterpret_cast<float*>(args.scratch);
    queries_ = base + at.queries;
    sums_ = base + at.sums;
    totals_ = base + at.totals;
    maxima_ = base + at.maxima;
    scores_ = base + at.scores;
    last_values_ = reinterpret_cast<std::byte*>(base + at.last);
    stretch_ = reinterpret_cast<std::byte*>(base + at.stretch);
  }

  void run() {
    attend();
    if (!totals_have_room()) {
      every_block_ = true;
      attend();
    }
    for (int64_t row = 0; row < rows_; ++row) end_row(row);
  }

 private:
  void attend() {
    const int64_t strips = input_tiles(rows_);
    KeyRange seen;
    for (int64_t i = 0; i < strips; ++i) {
      strips_[i] = begin_strip(i * kTileRows);
      seen = hull(seen, strips_[i].some);
    }
    end_ = tiles_for(seen.end);
    const int64_t first = seen.begin / kTileTokens / kStretchTiles * kStretchTiles;
    for (int64_t tile = first; tile < end_; tile += kStretchTiles) {
      take_stretch(tile, least(tile + kStretchTiles, end_));
      for (int64_t i = 0; i < strips; ++i) attend(strips_[i], tile);
    }
  }

  Strip begin_strip(int64_t row);
  void take_stretch(int64_t first_tile, int64_t last_tile);
  void attend(const Strip& strip, int64_t first_tile);
  void score(const Strip& strip, int64_t first_tile, int64_t last_tile);
  void hide(const Strip& strip, int64_t first_tile, int64_t last_tile);
  void weigh(const Strip& strip, int64_t tiles);
  Vec weighed_by(const Strip& strip, int64_t tiles);
  Vec raise_maxima(int64_t row, Vec block_maxima);
  bool totals_have_room() const;
  void add_values(const Strip& strip, int64_t first_tile, int64_t last_tile);
  template <int columns>
  void add_columns(int64_t first_tile, int64_t last_tile, int64_t column);
  template <int columns>
  void load_sums(float* sums);
  template <int columns>
  void store_sums(float* sums);
  void end_row(int64_t row);

  const AttendArgs& args_;
  const int64_t first_, rows_, width_, tile_bytes_;
  const float scale_;  // of scores, times log2(e): then they are powers of two
  float *queries_, *sums_, *totals_, *maxima_, *scores_;
  std::byte* stretch_;
  /// Of the stretch at hand, and its first tile.
  const std::byte *keys_, *values_;
  int64_t stretch_tile_;
  /// The odd tile at the end and a tile of zeros: what lies behind it is not read.
  std::byte* last_values_;
  int64_t end_ = 0;           // tile
  bool every_block_ = false;  // has its maxima looked at, not only the first that a query sees
  Strip strips_[kPassQueries / kTileRows];
};

/// Packs a strip's queries as tiles, in which the last is repeated; their sums begin at zero.
template <int chunks>
Strip Pass<chunks>::begin_strip(int64_t row) {
  Strip strip{.row = row, .rows = least(kTileRows, rows_ - row), .some = {}, .all = {}};
  auto* tile = reinterpret_cast<std::byte*>(queries_ + row * width_ / 2);
  for (int64_t r = 0; r < kTileRows; ++r, tile += kTileRowBytes) {
    const int64_t query = first_ + row + least(r, strip.rows - 1);
    if (args_.bf16_queries) {
      copy_tile_row(args_.bf16_queries[query], width_, tile);
    } else {
      store_tile_row(args_.queries[query], width_, tile);
    }
    float* sums = sums_ + (row + r) * width_;
    for (int64_t d = 0; d < width_; d += kLanes) store(zero(), sums + d);
    store(zero(), totals_ + (row + r) * kLanes);
    const KeyRange range = args_.ranges[query];
    strip.some = hull(strip.some, range);
    strip.all = r == 0 ? range : within(strip.all, range.begin, range.end);
  }
  store(broadcast(-INFINITY), maxima_ + row);
  return strip;
}

/// Makes tiles [first, last) those at hand.
template <int chunks>
void Pass<chunks>::take_stretch(int64_t first_tile, int64_t last_tile) {
  const int64_t bytes = kv_tile_bytes(args_.kv.type, width_), count = last_tile - first_tile;
  keys_ = args_.kv.keys + first_tile * bytes;
  values_ = args_.kv.values + first_tile * bytes;
  stretch_tile_ = first_tile;
  if (args_.kv.type == KvType::q8) {
    std::byte* values = stretch_ + kStretchTiles * tile_bytes_;
    for (int64_t t = 0; t < count; ++t) {
      widen_keys(keys_ + t * bytes, width_, stretch_ + t * tile_bytes_);
      widen_values(values_ + t * bytes, width_, values + t * tile_bytes_);
    }
    keys_ = stretch_;
    values_ = values;
  }
  if (last_tile < end_ || end_ % kPair == 0) return;
  const auto size = static_cast<size_t>(tile_bytes_);
  __builtin_memcpy(last_values_, values_ + (count - 1) * tile_bytes_, size);
  __builtin_memset(last_values_ + tile_bytes_, 0, size);
}

/// What a stretch of keys contributes to a strip, block by block.
template <int chunks>
void Pass<chunks>::attend(const Strip& strip, int64_t first_tile) {
  const int64_t seen = strip.some.begin / kTileTokens / kPair * kPair;
  const int64_t end = least(first_tile + kStretchTiles, tiles_for(strip.some.end));
  if (first_tile < seen) first_tile = seen;
  if (first_tile >= end) return;
  const auto* queries = reinterpret_cast<const std::byte*>(queries_ + strip.row * width_ / 2);
  float* sums = sums_ + strip.row * width_;
  finish_stores();
  if constexpr (chunks > 0) _tile_loadd(6, queries, kTileRowBytes);
  if constexpr (chunks > 1) _tile_loadd(7, queries + kTileBytes, kTileRowBytes);
  if constexpr (chunks > 0) load_sums<2 * chunks>(sums);
  for (int64_t tile = first_tile; tile < end; tile += kMostTiles) {
    const int64_t last = least(tile + kMostTiles, end);
    score(strip, tile, last);
    finish_stores();
    hide(strip, tile, last);
    weigh(strip, last - tile);
    finish_stores();
    add_values(strip, tile, last);
  }
  if constexpr (chunks > 0) store_sums<2 * chunks>(sums);
  finish_stores();
}

/// Scores of a strip, [tile][16][16 keys].
template <int chunks>
void Pass<chunks>::score(const Strip& strip, int64_t first_tile, int64_t last_tile) {
  const auto* queries = reinterpret_cast<const std::byte*>(queries_ + strip.row * width_ / 2);
  const std::byte* keys = keys_ + (first_tile - stretch_tile_) * tile_bytes_;
  float* scores = scores_;
  for (int64_t tile = first_tile; tile < last_tile; ++tile) {
    _tile_zero(4);
    if constexpr (chunks > 0) {
      _tile_stream_loadd(5, keys, kTileRowBytes);
      _tile_dpbf16ps(4, 6, 5);
    }
    if constexpr (chunks > 1) {
      _tile_stream_loadd(5, keys + kTileBytes, kTileRowBytes);
      _tile_dpbf16ps(4, 7, 5);
    }
    for (int64_t at = 0; chunks == 0 && at < tile_bytes_; at += kTileBytes) {
      _tile_loadd(6, queries + at, kTileRowBytes);
      _tile_loadd(5, keys + at, kTileRowBytes);
      _tile_dpbf16ps(4, 6, 5);
    }
    _tile_stored(4, scores, kTileRowBytes);
    keys += tile_bytes_;
    scores += kScoreFloats;
  }
}

/// Of the 16 keys from `key` on, those in a range, as bits.
inline uint32_t bits_within(KeyRange range, int64_t key) {
  const auto below = [key](int64_t end) {
    const int64_t n = end - key;
    return n <= 0 ? 0u : n >= kTileTokens ? 0xffffu : (1u << n) - 1;
  };
  return below(range.end) & ~below(range.begin);
}

/// Hides the keys of a block that a query does not see, where there are any.
template <int chunks>
void Pass<chunks>::hide(const Strip& strip, int64_t first_tile, int64_t last_tile) {
  const Vec hidden = broadcast(-INFINITY);
  const int64_t first = first_tile * kTileTokens, end = last_tile * kTileTokens;
  if (!args_.masks && strip.all.begin <= first && strip.all.end >= end) return;
  for (int64_t r = 0; r < strip.rows; ++r) {
    const int64_t row = first_ + strip.row + r;
    const KeyRange range = args_.ranges[row];
    float* scores = scores_ + r * kTileTokens;
    for (int64_t tile = first_tile; tile < last_tile; ++tile, scores += kScoreFloats) {
      uint32_t bits = bits_within(range, tile * kTileTokens);
      if (args_.masks && bits) bits &= args_.masks[row][tile];
      if (bits != 0xffff) store(select(lanes_of(bits), load(scores), hidden), scores);
    }
  }
}

/// What 16 queries' scores of a block of `tiles` tiles are weighed by.
template <int chunks>
Vec Pass<chunks>::weighed_by(const Strip& strip, int64_t tiles) {
  const Vec known = load(maxima_ + strip.row);
  const bool all_known = first_true(known == broadcast(-INFINITY)) == kLanes;
  if (all_known && !every_block_) return known;
  Vec largest[kLanes];
  for (int64_t r = 0; r < kLanes; ++r) {
    const float* at = scores_ + least(r, strip.rows - 1) * kTileTokens;
    largest[r] = load(at);
    for (int64_t t = 1; t < tiles; ++t) largest[r] = max(largest[r], load(at + t * kScoreFloats));
  }
  return raise_maxima(strip.row, largest_of_each(largest) * broadcast(scale_));
}

/// The same, given their maxima there. Maxima that are much smaller are replaced, and what was
/// summed so far shrinks by as much.
template <int chunks>
Vec Pass<chunks>::raise_maxima(int64_t row, Vec block_maxima) {
  const Vec hidden = broadcast(-INFINITY), old = load(maxima_ + row);
  const Mask raised = old + broadcast(kSlack) < block_maxima;
  if (first_true(raised) == kLanes) return select(old == hidden, zero(), old);
  const Vec maxima = select(raised, block_maxima, old);
  store(maxima, maxima_ + row);
  const Vec weighed_by = select(maxima == hidden, zero(), maxima);  // nothing seen: all weights 0
  if (first_true(hidden < old) == kLanes) return weighed_by;        // the sums are zero
  alignas(64) float factors[kLanes];
  store(select(old == hidden, broadcast(1), exp2_of_nonpositive(old - maxima)), factors);
  if constexpr (chunks > 0) store_sums<2 * chunks>(sums_ + row * width_);
  finish_stores();
  for (int64_t r = 0; r < kLanes; ++r) {
    if (factors[r] == 1) continue;
    const Vec factor = broadcast(factors[r]);
    float* sums = sums_ + (row + r) * width_;
    for (int64_t d = 0; d < width_; d += kLanes) store(load(sums + d) * factor, sums + d);
    float* totals = totals_ + (row + r) * kLanes;
    store(load(totals) * factor, totals);
  }
  finish_stores();
  if constexpr (chunks > 0) load_sums<2 * chunks>(sums_ + row * width_);
  return weighed_by;
}

/// Turns the scores of a strip for `tiles` tiles into weights 2^(scale score - maximum), [pair of
/// tiles][16][32 keys], each in the place of its first tile; a tile that lacks its pair has zeros.
template <int chunks>
void Pass<chunks>::weigh(const Strip& strip, int64_t tiles) {
  alignas(64) float shifts[kLanes];
  store(weighed_by(strip, tiles), shifts);
  const Vec scale = broadcast(scale_);
  for (int64_t r = 0; r < strip.rows; ++r) {
    const Vec shift = broadcast(shifts[r]);
    const auto weight = [=](const float* score) {
      return brief_exp2(fms(load(score), scale, shift));
    };
    float* at = scores_ + r * kTileTokens;
    Vec total = load(totals_ + (strip.row + r) * kLanes);
    for (int64_t t = 0; t < tiles; t += kPair, at += kPair * kScoreFloats) {
      const Vec a = weight(at), b = t + 1 < tiles ? weight(at + kScoreFloats) : zero();
      total = total + (a + b);
      store_bf16(a, b, at);
    }
    store(total, totals_ + (strip.row + r) * kLanes);
  }
}

template <int chunks>
template <int columns>
inline void Pass<chunks>::load_sums(float* sums) {
  _tile_loadd(0, sums, width_ * 4);
  _tile_loadd(1, sums + kTileRows, width_ * 4);
  if constexpr (columns > 2) _tile_loadd(2, sums + 2 * kTileRows, width_ * 4);
  if constexpr (columns > 2) _tile_loadd(3, sums + 3 * kTileRows, width_ * 4);
}

template <int chunks>
template <int columns>
inline void Pass<chunks>::store_sums(float* sums) {
  _tile_stored(0, sums, width_ * 4);
  _tile_stored(1, sums + kTileRows, width_ * 4);
  if constexpr (columns > 2) _tile_stored(2, sums + 2 * kTileRows, width_ * 4);
  if constexpr (columns > 2) _tile_stored(3, sums + 3 * kTileRows, width_ * 4);
}

/// Adds weights times values to the sums of `columns` tiles of columns.
template <int chunks>
template <int columns>
inline void Pass<chunks>::add_columns(int64_t first_tile, int64_t last_tile, int64_t column) {
  const int64_t stride = width_ * 4;
  const float* weights = scores_;
  const std::byte* values = values_ + (first_tile - stretch_tile_) * tile_bytes_ + column * 4;
  for (int64_t tile = first_tile; tile < last_tile; tile += kPair) {
    if (tile + 1 == last_tile && last_tile == end_) values = last_values_ + column * 4;
    _tile_loadd(4, weights, kTileRowBytes);
    _tile_stream_loadd(5, values, stride);
    _tile_dpbf16ps(0, 4, 5);
    _tile_stream_loadd(5, values + kTileRowBytes, stride);
    _tile_dpbf16ps(1, 4, 5);
    if constexpr (columns > 2) {
      _tile_stream_loadd(5, values + 2 * kTileRowBytes, stride);
      _tile_dpbf16ps(2, 4, 5);
      _tile_stream_loadd(5, values + 3 * kTileRowBytes, stride);
      _tile_dpbf16ps(3, 4, 5);
    }
    values += kPair * tile_bytes_;
    weights += kPair * kScoreFloats;
  }
}

template <int chunks>
void Pass<chunks>::add_values(const Strip& strip, int64_t first_tile, int64_t last_tile) {
  if constexpr (chunks > 0) return add_columns<2 * chunks>(first_tile, last_tile, 0);
  float* sums = sums_ + strip.row * width_;
  int64_t column = 0;
  for (; column + 4 * kTileRows <= width_; column += 4 * kTileRows) {
    load_sums<4>(sums + column);
    add_columns<4>(first_tile, last_tile, column);
    store_sums<4>(sums + column);
  }
  if (column < width_) {
    load_sums<2>(sums + column);
    add_columns<2>(first_tile, last_tile, column);
    store_sums<2>(sums + column);
  }
  finish_stores();
}

/// Whether no score of a query exceeded what it was weighed by too much.
template <int chunks>
bool Pass<chunks>::totals_have_room() const {
  for (int64_t row = 0; row < rows_; ++row) {
    if (first_true(broadcast(kMostTotal) < load(totals_ + row * kLanes)) < kLanes) return false;
  }
  return true;
}

template <int chunks>
void Pass<chunks>::end_row(int64_t row) {
  const float total = sum_of_lanes(load(totals_ + row * kLanes));
  const bool empty = total == 0;
  const Vec factor = broadcast(empty ? 0 : 1 / total);
  uint16_t* halves = args_.bf16_outputs ? args_.bf16_outputs[first_ + row] : nullptr;
  float* out = halves ? nullptr : args_.outputs[first_ + row];
  put_row(sums_ + row * width_, width_, factor, out, halves, args_.bf16_stride);
  if (!args_.logsumexp) return;
  args_.logsumexp[first_ + row] = empty ? -INFINITY : maxima_[row] * kLn2 + logf(total);
}

template <int chunks>
void attend_by_tiles(const AttendArgs& args) {
  configure_tiles();
  for (int64_t row = 0; row < args.count; row += kPassQueries)
    Pass<chunks>(args, row, least(args.count - row, kPassQueries)).run();
  _tile_release();
}

void attend_by_tiles(const AttendArgs& args) {
  switch (args.kv.head_dim) {
    case 32:
      return attend_by_tiles<1>(args);
    case 64:
      return attend_by_tiles<2>(args);
    default:
      return attend_by_tiles<0>(args);
  }
}

/// Whether a call's rows can be taken by tiles.
bool takes(KvType type, int64_t head_dim, int64_t count) {
  return (type == KvType::bf16 || type == KvType::q8) && head_dim % (2 * kLanes) == 0 &&
         count >= kTileQueries;
}

void attend(const AttendArgs& args) {
  if (takes(args.kv.type, args.kv.head_dim, args.count)) return attend_by_tiles(args);
  if (args.kv.type == KvType::q8) return attend_as<Q8Dot, KvType::q8>(args);
  if (args.kv.type != KvType::bf16) return avx512::attend(args);
  attend_as<Bf16Dot, KvType::bf16>(args);
}

}  // namespace

void amx::set_attention(Kernels& table) {
  table.rounds_queries = true;
  table.attend_scratch = [](KvType type, int64_t head_dim, int64_t count) {
    const int64_t few = scratch_bytes(head_dim, count);
    if (!takes(type, head_dim, count)) return few;
    const int64_t many =
        TileScratch(type, head_dim, count).count * static_cast<int64_t>(sizeof(float));
    return few > many ? few : many;
  };
  table.attend = attend;
  table.attend_heads = [](const AttendHeadsArgs& args) {
    amx::takes_heads(args) ? amx::attend_heads(args) : attend_each_head<attend>(args);
  };
}

}  // namespace heed
