#include "engine/layers/attention.h"

#include <algorithm>

namespace heed {
namespace {

/// Queries that go to the kernel at once: enough to use a tile of keys many times, few enough that
/// threads find work to share.
constexpr int64_t kQueries = 96;

/// What a head of a short sequence costs beside its products, in rows.
constexpr int64_t kRowsOverhead = 64;

/// A pass of up to kSplitRows rows that look back on more keys than kSplitKeys is shared among
/// threads by keys as well as by heads, which may be fewer than threads or not a multiple of them.
/// Parts begin at multiples of kSplitKeys, so that bits depend on no number of threads.
constexpr int64_t kSplitRows = 4;
constexpr int64_t kSplitKeys = 512;

}  // namespace

void AttentionStep::prefetch(const KvTiles& kv, int64_t tokens) {
  constexpr int64_t kMostTiles = 4;
  const int64_t tiles = std::min(tiles_for(tokens), kMostTiles);
  const int64_t bytes = tiles * kv_tile_bytes(kv.type, kv.head_dim);
  for (int64_t at = 0; at < bytes; at += kPanelAlign) {
    __builtin_prefetch(kv.keys + at);
    __builtin_prefetch(kv.values + at);
  }
}

Params params(const Attention& a, const Dims& dims) {
  const int64_t q_width = a.heads * a.head_dim;
  const int64_t kv_width = a.kv_heads * a.head_dim;
  const Param output = {a.name + "_output.weight", {dims.width, q_width}};
  const Param output_bias = {a.name + "_output.bias", {dims.width}, a.bias};
  Params list;
  if (a.fused) {
    list = {{a.name + "_qkv.weight", {q_width + 2 * kv_width, dims.width}},
            output,
            {a.name + "_qkv.bias", {q_width + 2 * kv_width}, a.bias},
            output_bias};
  } else {
    list = {{a.name + "_q.weight", {q_width, dims.width}},
            {a.name + "_k.weight", {kv_width, dims.width}},
            {a.name + "_v.weight", {kv_width, dims.width}},
            output,
            {a.name + "_q.bias", {q_width}, a.bias},
            {a.name + "_k.bias", {kv_width}, a.bias},
            {a.name + "_v.bias", {kv_width}, a.bias},
            output_bias};
  }
  if (a.rope && !a.rope->factors.empty()) {
    list.push_back({a.rope->factors + ".weight", {a.rope->dims / 2}, Presence::optional, true});
  }
  return list;
}

/// Rows whose queries make a call.
int64_t AttentionStep::query_rows() const {
  return std::max<int64_t>(1, kQueries * kv_heads / heads);
}

/// What parts of a pass leave in the arena: part (c, h) is of keys from c * kSplitKeys on and of kv
/// head h.
struct AttentionStep::Parts {
  int64_t count;     ///< of parts of a head
  int64_t queries;   ///< of a part
  float* outputs;    ///< [count, kv_heads, queries, head_dim]
  float* logsumexp;  ///< [count, kv_heads, queries]
  float* weights;    ///< [rows, heads, count]: room for merge()
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

/// qkv as bf16, if that is what it holds.
const uint16_t* AttentionStep::rounded_rows(const Run& run) const {
  return rounded && !run.traced ? run.halves(qkv) : nullptr;
}

/// Puts keys and values of `count` rows and one kv head into a tile, and zeros behind them.
void AttentionStep::store_tile(const Run& run, int64_t row, int64_t count, int64_t kv_head,
                               const KvTiles& tiles, int64_t tile) const {
  const int64_t key = row * qkv.width + (heads + kv_head) * head_dim;
  const int64_t value = key + kv_heads * head_dim;
  KvRows rows{.stride = qkv.width, .count = count};
  if (const uint16_t* halves = rounded_rows(run)) {
    rows.bf16_keys = halves + key;
    rows.bf16_values = halves + value;
  } else {
    rows.keys = run.rows(qkv) + key;
    rows.values = run.rows(qkv) + value;
  }
  run.kernels.store_kv_tile(tiles, rows, tile);
}

/// Rotates an item's keys and its kv head's queries.
void AttentionStep::rotate_item(const Run& run, const Item& item) const {
  if (!rope) return;
  const int64_t group = heads / kv_heads;
  for (int64_t i = item.rows.begin; i < item.rows.end; ++i) {
    const int64_t row = item.sequence->first_row + i;
    float* at = run.rows(qkv) + row * qkv.width;
    rotate(run, at, run.pass.positions[row], item.kv_head * group, group);
    rotate(run, at, run.pass.positions[row], heads + item.kv_head, 1);
  }
}

/// The same, and puts keys and values into their cells.
void AttentionStep::store_item(const Run& run, const Item& item) const {
  rotate_item(run, item);
  for (int64_t i = item.rows.begin; i < item.rows.end; ++i) {
    store(run, item.sequence->first_row + i, item.kv_head, item.tiles);
  }
}

/// The keys among which those lie that a row sees.
KeyRange AttentionStep::range_of(const Run& run, const SequenceRows& sequence, int64_t row) const {
  if (memory) return {0, static_cast<int32_t>(sequence.memory_tokens)};
  if (!run.pass.visible.empty()) return {0, static_cast<int32_t>(sequence.used_cells)};
  if (mask == Mask::causal) return {0, run.pass.positions[row] + 1};
  return {0, run.pass.positions[sequence.first_row + sequence.rows - 1] + 1};
}

/// The form in which the heads' outputs are written.
InputForm AttentionStep::out_form(const Run& run) const {
  const int64_t rows = run.pass.rows() - run.first_row(tail);
  return reader ? form_for(run, *reader, out, rows) : InputForm::f32;
}

/// Where a row's outputs are written in a form of bf16: 32 numbers, and the next 32 of them
/// bf16_stride() on.
uint16_t* AttentionStep::bf16_row(const Run& run, InputForm form, int64_t row) const {
  const int64_t first = run.first_row(tail), i = row - first;
  uint16_t* halves = run.halves(out) + first * out.width;
  return halves + (form == InputForm::bf16 ? i * out.width : at_in_tiles(i, 0, out.width));
}

int64_t AttentionStep::bf16_stride(InputForm form) {
  return form == InputForm::bf16_tiles ? kInputTileRows * kRecordColumns : kRecordColumns;
}

/// Writes the outputs of `count` heads for a row.
void AttentionStep::put(const Run& run, InputForm form, int64_t row, int64_t head, int64_t count,
                        const float* x) const {
  const int64_t column = head * head_dim, width = count * head_dim;
  if (form == InputForm::f32) {
    std::copy_n(x, width, run.rows(out) + row * out.width + column);
    return;
  }
  uint16_t* place = bf16_row(run, form, row) + column / kRecordColumns * bf16_stride(form);
  write_row(run.kernels, form, x, width, 0, place);
}

void AttentionStep::attend(const Run& run, const Item& item, ScratchSplitter scratch) const {
  const int64_t group = heads / kv_heads;
  const int64_t count = group * (item.rows.end - item.rows.begin);
  const float** queries = scratch.take<const float*>(count);
  const uint16_t** bf16_queries = scratch.take<const uint16_t*>(count);
  const uint16_t* halves = rounded_rows(run);
  float** outputs = scratch.take<float*>(count);
  KeyRange* ranges = scratch.take<KeyRange>(count);
  const uint16_t** masks = scratch.take<const uint16_t*>(count);
  const InputForm form = item.part ? InputForm::f32 : out_form(run);
  uint16_t** bf16_outputs = form == InputForm::f32 ? nullptr : scratch.take<uint16_t*>(count);
  const int64_t stride = bf16_stride(form);
  const bool masked = !memory && !run.pass.visible.empty();
  const float* inputs = run.rows(qkv);
  float* floats = run.rows(out);
  int64_t n = 0;
  for (int64_t i = item.rows.begin; i < item.rows.end; ++i) {
    const int64_t row = item.sequence->first_row + i;
    KeyRange range = range_of(run, *item.sequence, row);
    if (item.part) range = {item.keys.begin, std::min(item.keys.end, range.end)};
    uint16_t* bf16_outputs_row = bf16_outputs ? bf16_row(run, form, row) : nullptr;
    for (int64_t g = 0; g < group; ++g, ++n) {
      const int64_t column = (item.kv_head * group + g) * head_dim;
      queries[n] = inputs + row * qkv.width + column;
      if (halves) bf16_queries[n] = halves + row * qkv.width + column;
      outputs[n] = item.part ? item.part + n * head_dim : floats + row * out.width + column;
      if (bf16_outputs) bf16_outputs[n] = bf16_outputs_row + column / kRecordColumns * stride;
      ranges[n] = range;
      if (masked) masks[n] = run.pass.visible[row];
    }
  }
  run.kernels.attend({.queries = queries,
                      .bf16_queries = halves ? bf16_queries : nullptr,
                      .outputs = outputs,
                      .bf16_outputs = bf16_outputs,
                      .bf16_stride = stride,
                      .ranges = ranges,
                      .masks = masked ? masks : nullptr,
                      .count = count,
                      .kv = item.tiles,
                      .more = item.more,
                      .scale = scale,
                      .logsumexp = item.logsumexp,
                      .scratch = scratch.take<std::byte>(0)});
}

/// Puts keys and values of some rows of a sequence and one kv head into its cache: whole tiles
/// where rows fill them.
void AttentionStep::store_head(const Run& run, const SequenceRows& sequence, Range rows,
                               int64_t kv_head) const {
  const KvTiles tiles = sequence.cache->tiles(cache_layer, kv_head);
  for (int64_t i = rows.begin; i < rows.end;) {
    const int64_t row = sequence.first_row + i, position = run.pass.positions[row];
    const bool whole = run.pass.cells.empty() && position % kTileTokens == 0;
    if (whole && i + kTileTokens <= rows.end) {
      store_tile(run, row, kTileTokens, kv_head, tiles, position / kTileTokens);
      i += kTileTokens;
    } else {
      store(run, row, kv_head, tiles);
      ++i;
    }
  }
}

/// Rotates and stores every row of the pass, rows split over the threads.
void AttentionStep::store_rows(const Run& run, int thread) const {
  for (const SequenceRows& sequence : run.pass.sequences) {
    const Range mine = split(sequence.rows, thread, run.team.size());
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const int64_t row = sequence.first_row + i;
      rotate(run, run.rows(qkv) + row * qkv.width, run.pass.positions[row], 0, heads + kv_heads);
    }
    for (int64_t h = 0; h < kv_heads; ++h) store_head(run, sequence, mine, h);
  }
}

/// Sequences with a cache or a memory. Few new tokens need no barrier between storing and
/// attending, since whoever attends for a kv head has stored for it; many are stored first by all
/// threads together.
void AttentionStep::run_cached(const Run& run, int thread) const {
  const int64_t some = query_rows(), first = run.first_row(tail);
  const auto many = [&](const SequenceRows& s) { return s.rows > some || s.first_row < first; };
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
  // The items of one sequence are dealt out in turn, so that late rows, which see more, are shared;
  // of several a thread has its stretch: about the rows that it has multiplied with the weights.
  const bool in_turn = run.pass.sequences.size() == 1;
  const auto begin_of = [=](const SequenceRows& s) {
    return std::max<int64_t>(0, first - s.first_row);
  };
  int64_t items = 0;
  for (const SequenceRows& s : run.pass.sequences) {
    items += (std::max<int64_t>(0, s.rows - begin_of(s)) + some - 1) / some * kv_heads;
  }
  const Range stretch = split(items, thread, run.team.size());
  int64_t turn = 0;
  for (const SequenceRows& sequence : run.pass.sequences) {
    const KvView& view = memory ? *sequence.memory : *sequence.cache;
    for (int64_t begin = begin_of(sequence); begin < sequence.rows; begin += some) {
      for (int64_t h = 0; h < kv_heads; ++h, ++turn) {
        const bool mine = in_turn ? turn % run.team.size() == thread
                                  : turn >= stretch.begin && turn < stretch.end;
        if (!mine) continue;
        const Item next{.sequence = &sequence,
                        .kv_head = h,
                        .rows = {begin, std::min(begin + some, sequence.rows)},
                        .tiles = view.tiles(cache_layer, h)};
        prefetch(next.tiles, range_of(run, sequence, sequence.first_row).end);
        finish();
        pending = next;
      }
    }
  }
  finish();
}

/// Sequence after sequence, so that a thread attends for about the rows that it has multiplied
/// with the weights, and its cache holds.
void AttentionStep::run_uncached(const Run& run, int thread) const {
  const auto cost = [](const SequenceRows& s) { return s.rows * (s.rows + kRowsOverhead); };
  int64_t total = 0;
  for (const SequenceRows& sequence : run.pass.sequences) total += cost(sequence) * kv_heads;
  const Range mine = split(total, thread, run.team.size());
  int64_t at = 0;
  for (const SequenceRows& sequence : run.pass.sequences) {
    int64_t first = 0;
    for (; first < kv_heads && at < mine.begin; ++first) at += cost(sequence);
    int64_t end = first;
    for (; end < kv_heads && at < mine.end; ++end) at += cost(sequence);
    at += (kv_heads - end) * cost(sequence);
    run_heads(run, sequence, {first, end}, thread);
  }
}

/// Keys and values of f32 are for the sake of exactness: there a row's bits do not depend on how
/// many rows come with it, here they do within rounding.
bool AttentionStep::can_split(const Run& run) const {
  const Pass& pass = run.pass;
  if (memory || pass.kv_type == KvType::f32 || mask != Mask::causal) return false;
  if (pass.rows() > kSplitRows || pass.sequences.size() != 1 || !pass.visible.empty()) return false;
  return pass.sequences[0].cache && pass.positions.back() >= kSplitKeys;
}

/// A pass that looks far back: parts first, then what they say together.
void AttentionStep::run_split(const Run& run, int thread) const {
  const SequenceRows& sequence = run.pass.sequences[0];
  store_rows(run, thread);
  run.team.barrier(thread);

  const int64_t keys = run.pass.positions.back() + 1;
  Parts of{.count = (keys + kSplitKeys - 1) / kSplitKeys,
           .queries = heads / kv_heads * sequence.rows,
           .outputs = reinterpret_cast<float*>(run.arena + parts)};
  const int64_t sums = of.count * kv_heads * of.queries;
  of.logsumexp = of.outputs + sums * head_dim;
  of.weights = of.logsumexp + sums;
  // Heads one after the other: a thread has a stretch of keys, which it reads in order; a part that
  // two stretches share is whose its middle is.
  const Range mine = split(keys * kv_heads, thread, run.team.size());
  const auto is_mine = [&](int64_t head, int64_t part) {
    const int64_t begin = part * kSplitKeys, end = std::min(begin + kSplitKeys, keys);
    const int64_t middle = head * keys + (begin + end) / 2;
    return middle >= mine.begin && middle < mine.end;
  };
  for (int64_t head = 0; head < kv_heads; ++head) {
    for (int64_t c = 0; c < of.count; ++c) {
      if (!is_mine(head, c)) continue;
      const int64_t begin = c * kSplitKeys;
      const int64_t part = c * kv_heads + head;
      attend(run,
             {.sequence = &sequence,
              .kv_head = head,
              .rows = {0, sequence.rows},
              .tiles = sequence.cache->tiles(cache_layer, head),
              .keys = {static_cast<int32_t>(begin), static_cast<int32_t>(begin + kSplitKeys)},
              .part = of.outputs + part * of.queries * head_dim,
              .logsumexp = of.logsumexp + part * of.queries,
              .more = c + 1 < of.count && is_mine(head, c + 1)},
             ScratchSplitter(run.thread_scratch(thread)));
    }
  }
  run.team.barrier(thread);

  const Range queries = split(sequence.rows * heads, thread, run.team.size());
  for (int64_t i = queries.begin; i < queries.end; ++i) {
    merge(run, of, i / heads, i % heads, of.weights + i * of.count);
  }
}

/// The mean of the parts' outputs, weighted by the sums of their keys' weights.
void AttentionStep::merge(const Run& run, const Parts& of, int64_t row, int64_t head,
                          float* weights) const {
  const int64_t group = heads / kv_heads;
  const int64_t query = row * group + head % group;
  const auto at = [&](int64_t part) {
    return (part * kv_heads + head / group) * of.queries + query;
  };
  for (int64_t c = 0; c < of.count; ++c) weights[c] = of.logsumexp[at(c)];
  run.kernels.softmax(of.count, weights);
  float* sum = of.outputs + at(0) * head_dim;
  for (int64_t c = 0; c < of.count; ++c) {
    float* part = of.outputs + at(c) * head_dim;
    run.kernels.scale(weights[c], head_dim, part);
    if (c > 0) run.kernels.add(part, head_dim, sum);
  }
  put(run, out_form(run), row, head, 1, sum);
}

void AttentionStep::run(const Run& run, int thread) const {
  if (can_split(run)) return run_split(run, thread);
  if (takes_heads(run)) return run_hypotheses(run, thread);
  if (memory || run.pass.sequences.front().cache) {
    run_cached(run, thread);
  } else {
    run_uncached(run, thread);
  }
}

void MemoryStep::run(const Run& run, int thread) const {
  for (const SequenceRows& sequence : run.pass.sequences) {
    if (!sequence.memory) continue;
    const Range mine = split(tiles_for(sequence.rows), thread, run.team.size());
    for (int64_t tile = mine.begin; tile < mine.end; ++tile) {
      const int64_t first = tile * kTileTokens;
      const float* keys = run.rows(kv) + (sequence.first_row + first) * kv.width;
      for (int64_t h = 0; h < kv_heads; ++h, keys += head_dim) {
        run.kernels.store_kv_tile(sequence.memory->tiles(cache_layer, h),
                                  {.keys = keys,
                                   .values = keys + kv_heads * head_dim,
                                   .stride = kv.width,
                                   .count = std::min<int64_t>(kTileTokens, sequence.rows - first)},
                                  tile);
      }
    }
  }
}

int64_t AttentionStep::part_bytes(int64_t positions) const {
  const int64_t count = (positions + kSplitKeys - 1) / kSplitKeys;
  return count * kSplitRows * heads * (head_dim + 2) * static_cast<int64_t>(sizeof(float));
}

int64_t AttentionStep::scratch_bytes(const Kernels& kernels, KvType type, int64_t rows) const {
  const int64_t count = heads / kv_heads * std::min(rows, query_rows());
  const int64_t tiles =
      std::max(kHeadsBytes, 2 * tiles_for(rows) * kv_tile_bytes(uncached_type(type), head_dim));
  const int64_t most = std::max(count, std::min(rows, kMostHeadsRows));
  const int64_t attend = std::max(kernels.attend_scratch(type, head_dim, most),
                                  kernels.attend_scratch(uncached_type(type), head_dim, most));
  const int64_t pointer = static_cast<int64_t>(sizeof(void*));
  return tiles + 6 * ScratchSplitter::padded(count * pointer) + ScratchSplitter::padded(attend);
}

}  // namespace heed
