#include "engine/layers/attention.h"

#include <algorithm>
#include <cstring>

namespace heed {
namespace {

/// Rows whose queries go to the kernel at once: enough to use a tile of keys many times, few enough
/// that threads find work to share.
constexpr int64_t kQueryRows = 32;

int64_t tiles_for(int64_t tokens) {
  return (tokens + kTileTokens - 1) / kTileTokens;
}

/// Asks for the first keys and values of a kv head: those of short sequences lie too far apart for
/// the processor to foresee.
void prefetch(const KvTiles& kv, int64_t tokens) {
  constexpr int64_t kMostTiles = 4;
  const int64_t tiles = std::min(tiles_for(tokens), kMostTiles);
  const int64_t bytes = tiles * kv_tile_bytes(kv.type, kv.head_dim);
  for (int64_t at = 0; at < bytes; at += kPanelAlign) {
    __builtin_prefetch(kv.keys + at);
    __builtin_prefetch(kv.values + at);
  }
}

}  // namespace

Params params(const Attention& a, const Dims& dims) {
  const int64_t q_width = a.heads * a.head_dim;
  const int64_t kv_width = a.kv_heads * a.head_dim;
  Params list = {{a.name + "_q.weight", {q_width, dims.width}},
                 {a.name + "_k.weight", {kv_width, dims.width}},
                 {a.name + "_v.weight", {kv_width, dims.width}},
                 {a.name + "_output.weight", {dims.width, q_width}},
                 {a.name + "_q.bias", {q_width}, a.bias},
                 {a.name + "_k.bias", {kv_width}, a.bias},
                 {a.name + "_v.bias", {kv_width}, a.bias},
                 {a.name + "_output.bias", {dims.width}, a.bias}};
  if (a.rope && !a.rope->factors.empty()) {
    list.push_back({a.rope->factors + ".weight", {a.rope->dims / 2}, Presence::optional});
  }
  return list;
}

struct AttentionStep::Item {
  const SequenceRows* sequence = nullptr;
  int64_t kv_head = 0;
  Range rows;  ///< within the sequence
  KvTiles tiles;
};

void AttentionStep::rotate(const Run& run, float* row, int32_t position, int64_t first_head,
                           int64_t count) const {
  if (!rope) return;
  const float* angles = rope->data() + position * rope_dims;  // [rope_dims / 2][2]
  for (int64_t h = first_head; h < first_head + count; ++h) {
    run.kernels.rope(row + h * head_dim, angles, rope_dims, rope_interleaved);
  }
}

/// Puts one row's key and value of one kv head into its cell.
void AttentionStep::store(const Run& run, int64_t row, int64_t kv_head,
                          const KvTiles& tiles) const {
  const float* at = run.rows(qkv) + row * qkv.width;
  const float* key = at + (heads + kv_head) * head_dim;
  const int32_t cell = run.pass.cells.empty() ? run.pass.positions[row] : run.pass.cells[row];
  run.kernels.store_kv(tiles, cell, key, key + kv_heads * head_dim);
}

/// The same for all rows of an item and its kv head's queries.
void AttentionStep::store_item(const Run& run, const Item& item) const {
  const int64_t group = heads / kv_heads;
  for (int64_t i = item.rows.begin; i < item.rows.end; ++i) {
    const int64_t row = item.sequence->first_row + i;
    float* at = run.rows(qkv) + row * qkv.width;
    rotate(run, at, run.pass.positions[row], item.kv_head * group, group);
    rotate(run, at, run.pass.positions[row], heads + item.kv_head, 1);
    store(run, row, item.kv_head, item.tiles);
  }
}

/// The keys among which those lie that a row sees.
KeyRange AttentionStep::range_of(const Run& run, const SequenceRows& sequence, int64_t row) const {
  if (memory) return {0, static_cast<int32_t>(sequence.memory_tokens)};
  if (!run.pass.visible.empty()) return {0, static_cast<int32_t>(sequence.used_cells)};
  if (mask == Mask::causal) return {0, run.pass.positions[row] + 1};
  return {0, run.pass.positions[sequence.first_row + sequence.rows - 1] + 1};
}

void AttentionStep::attend(const Run& run, const Item& item, ScratchSplitter scratch) const {
  const int64_t group = heads / kv_heads;
  const int64_t count = group * (item.rows.end - item.rows.begin);
  const float** queries = scratch.take<const float*>(count);
  float** outputs = scratch.take<float*>(count);
  KeyRange* ranges = scratch.take<KeyRange>(count);
  const uint16_t** masks = scratch.take<const uint16_t*>(count);
  const bool masked = !memory && !run.pass.visible.empty();
  int64_t n = 0;
  for (int64_t i = item.rows.begin; i < item.rows.end; ++i) {
    const int64_t row = item.sequence->first_row + i;
    for (int64_t g = 0; g < group; ++g, ++n) {
      const int64_t head = item.kv_head * group + g;
      queries[n] = run.rows(qkv) + row * qkv.width + head * head_dim;
      outputs[n] = run.rows(out) + row * out.width + head * head_dim;
      ranges[n] = range_of(run, *item.sequence, row);
      if (masked) masks[n] = run.pass.visible[row];
    }
  }
  run.kernels.attend({.queries = queries,
                      .outputs = outputs,
                      .ranges = ranges,
                      .masks = masked ? masks : nullptr,
                      .count = count,
                      .kv = item.tiles,
                      .scale = scale,
                      .scratch = scratch.take<std::byte>(0)});
}

/// Rotates and stores every row of the pass, rows split over the threads.
void AttentionStep::store_rows(const Run& run, int thread) const {
  for (const SequenceRows& sequence : run.pass.sequences) {
    const Range mine = split(sequence.rows, thread, run.team.size());
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const int64_t row = sequence.first_row + i;
      rotate(run, run.rows(qkv) + row * qkv.width, run.pass.positions[row], 0, heads + kv_heads);
      for (int64_t h = 0; h < kv_heads; ++h) {
        store(run, row, h, sequence.cache->tiles(cache_layer, h));
      }
    }
  }
}

/// Sequences with a cache or a memory. Few new tokens need no barrier between storing and
/// attending, since whoever attends for a kv head has stored for it; many are stored first by all
/// threads together.
void AttentionStep::run_cached(const Run& run, int thread) const {
  const auto many = [](const SequenceRows& s) { return s.rows > kQueryRows; };
  const bool stored = !memory && std::ranges::any_of(run.pass.sequences, many);
  if (stored) {
    store_rows(run, thread);
    run.team.barrier(thread);
  }
  Item pending;  // one behind, so that what comes next can be asked for
  const auto finish = [&] {
    if (!pending.sequence) return;
    if (!memory && !stored) store_item(run, pending);
    attend(run, pending, ScratchSplitter(run.thread_scratch(thread)));
  };
  int64_t turn = 0;  // items are dealt out in turn, so that late rows, which see more, are shared
  for (const SequenceRows& sequence : run.pass.sequences) {
    const KvView& view = memory ? *sequence.memory : *sequence.cache;
    for (int64_t begin = 0; begin < sequence.rows; begin += kQueryRows) {
      for (int64_t h = 0; h < kv_heads; ++h, ++turn) {
        if (turn % run.team.size() != thread) continue;
        const Item next{.sequence = &sequence,
                        .kv_head = h,
                        .rows = {begin, std::min(begin + kQueryRows, sequence.rows)},
                        .tiles = view.tiles(cache_layer, h)};
        prefetch(next.tiles, range_of(run, sequence, sequence.first_row).end);
        finish();
        pending = next;
      }
    }
  }
  finish();
}

/// Sequences that live for this pass only: each head's keys and values lie in the thread's scratch.
void AttentionStep::run_uncached(const Run& run, int thread) const {
  int64_t turn = 0;
  for (const SequenceRows& sequence : run.pass.sequences) {
    for (int64_t h = 0; h < kv_heads; ++h, ++turn) {
      if (turn % run.team.size() != thread) continue;
      ScratchSplitter scratch(run.thread_scratch(thread));
      const int64_t tiles = tiles_for(sequence.rows);
      const int64_t tile_bytes = kv_tile_bytes(run.pass.kv_type, head_dim);
      Item item{.sequence = &sequence, .kv_head = h, .rows = {0, sequence.rows}};
      item.tiles = {.type = run.pass.kv_type,
                    .head_dim = head_dim,
                    .keys = scratch.take<std::byte>(tiles * tile_bytes),
                    .values = scratch.take<std::byte>(tiles * tile_bytes)};
      std::memset(item.tiles.keys + (tiles - 1) * tile_bytes, 0, tile_bytes);
      std::memset(item.tiles.values + (tiles - 1) * tile_bytes, 0, tile_bytes);
      store_item(run, item);
      for (int64_t begin = 0; begin < sequence.rows; begin += kQueryRows) {
        item.rows = {begin, std::min(begin + kQueryRows, sequence.rows)};
        attend(run, item, scratch);
      }
    }
  }
}

void AttentionStep::run(const Run& run, int thread) const {
  if (memory || run.pass.sequences.front().cache) {
    run_cached(run, thread);
  } else {
    run_uncached(run, thread);
  }
}

void MemoryStep::run(const Run& run, int thread) const {
  for (const SequenceRows& sequence : run.pass.sequences) {
    if (!sequence.memory) continue;
    const Range mine = split(sequence.rows, thread, run.team.size());
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const float* key = run.rows(kv) + (sequence.first_row + i) * kv.width;
      for (int64_t h = 0; h < kv_heads; ++h, key += head_dim) {
        run.kernels.store_kv(sequence.memory->tiles(cache_layer, h), i, key,
                             key + kv_heads * head_dim);
      }
    }
  }
}

int64_t AttentionStep::scratch_bytes(const Kernels& kernels, KvType type, int64_t rows) const {
  const int64_t count = heads / kv_heads * std::min(rows, kQueryRows);
  const int64_t tiles = ScratchSplitter::padded(tiles_for(rows) * kv_tile_bytes(type, head_dim));
  const int64_t pointer = static_cast<int64_t>(sizeof(void*));
  return 2 * tiles + 4 * ScratchSplitter::padded(count * pointer) +
         ScratchSplitter::padded(kernels.attend_scratch(type, head_dim, count));
}

}  // namespace heed
