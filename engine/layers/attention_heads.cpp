// Attention for which all heads that a thread has of a sequence go to the kernel together: of short
// sequences that live for one pass, whose rows all see each other, and of hypotheses, a few rows
// for each of many sequences, which see some cells of its cache, or all of its memory.
#include <algorithm>

#include "engine/layers/attention.h"

namespace heed {

/// Whether the rows of a pass are hypotheses of searches, whose heads can go together.
bool AttentionStep::takes_heads(const Run& run) const {
  return !run.pass.visible.empty() && heads == kv_heads && run.first_row(tail) == 0;
}

/// Whether the heads of a sequence without a cache can.
bool AttentionStep::takes_heads(const SequenceRows& sequence) const {
  return mask == Mask::none && heads == kv_heads && sequence.rows <= kMostHeadsRows;
}

/// Asks for the cells of a sequence's first `count` heads.
void AttentionStep::prefetch_heads(const Run& run, const SequenceRows& sequence,
                                   int64_t count) const {
  const KvView& view = memory ? *sequence.memory : *sequence.cache;
  const int64_t keys = range_of(run, sequence, sequence.first_row).end;
  for (int64_t h = 0; h < count; ++h) prefetch(view.tiles(cache_layer, h), keys);
}

/// Attends for rows [rows.begin, rows.end) of a sequence, up to kMostHeadsRows, and some of its
/// heads, the first of which has keys and values `kv`.
void AttentionStep::attend_heads(const Run& run, const SequenceRows& sequence, Range rows,
                                 Range some, const KvTiles& kv, int64_t head_stride,
                                 ScratchSplitter scratch) const {
  const int64_t first = sequence.first_row + rows.begin, count = rows.end - rows.begin;
  const int64_t column = some.begin * head_dim, at = first * qkv.width + column;
  const bool masked = !memory && !run.pass.visible.empty();
  const uint16_t* halves = rounded_rows(run);
  const InputForm form = out_form(run);
  const int64_t stride = bf16_stride(form);
  uint16_t** bf16_outputs = form == InputForm::f32 ? nullptr : scratch.take<uint16_t*>(count);
  for (int64_t i = 0; bf16_outputs && i < count; ++i)
    bf16_outputs[i] = bf16_row(run, form, first + i) + column / kRecordColumns * stride;
  run.kernels.attend_heads({.queries = run.rows(qkv) + at,
                            .query_stride = qkv.width,
                            .bf16_queries = halves ? halves + at : nullptr,
                            .outputs = run.rows(out) + first * out.width + column,
                            .output_stride = out.width,
                            .bf16_outputs = bf16_outputs,
                            .bf16_stride = stride,
                            .count = count,
                            .heads = some.end - some.begin,
                            .keys = range_of(run, sequence, first).end,
                            .masks = masked ? run.pass.visible.data() + first : nullptr,
                            .kv = kv,
                            .head_stride = head_stride,
                            .scale = scale,
                            .scratch = scratch.take<std::byte>(0)});
}

/// Rotates keys and queries of an item, all rows of its sequence, and fills its tiles.
void AttentionStep::store_tiles(const Run& run, const Item& item) const {
  const SequenceRows& sequence = *item.sequence;
  rotate_item(run, item);
  for (int64_t i = 0; i < sequence.rows; i += kTileTokens) {
    const int64_t count = std::min<int64_t>(kTileTokens, sequence.rows - i);
    store_tile(run, sequence.first_row + i, count, item.kv_head, item.tiles, i / kTileTokens);
  }
}

/// Some heads of a sequence that lives for this pass only: keys and values lie in the thread's
/// scratch, those of several heads if the sequence is short.
void AttentionStep::run_heads(const Run& run, const SequenceRows& sequence, Range some,
                              int thread) const {
  ScratchSplitter scratch(run.thread_scratch(thread));
  const bool brief = takes_heads(sequence);
  const KvType type = uncached_type(run.pass.kv_type);
  const int64_t bytes = tiles_for(sequence.rows) * kv_tile_bytes(type, head_dim);
  const int64_t most = brief ? std::max<int64_t>(1, kHeadsBytes / (2 * bytes)) : 1;
  auto* tiles = scratch.take<std::byte>(2 * bytes * most);
  const auto tiles_of = [&](int64_t place) -> KvTiles {
    std::byte* keys = tiles + 2 * bytes * place;
    return {.type = type, .head_dim = head_dim, .keys = keys, .values = keys + bytes};
  };
  Item item{.sequence = &sequence, .rows = {0, sequence.rows}};
  for (int64_t first = some.begin; first < some.end; first += most) {
    const int64_t end = std::min(first + most, some.end);
    for (item.kv_head = first; item.kv_head < end; ++item.kv_head) {
      item.tiles = tiles_of(item.kv_head - first);
      store_tiles(run, item);
    }
    if (brief) {
      attend_heads(run, sequence, item.rows, {first, end}, tiles_of(0), 2 * bytes, scratch);
      continue;
    }
    item.kv_head = first;
    for (int64_t begin = 0; begin < sequence.rows; begin += query_rows()) {
      item.rows = {begin, std::min(begin + query_rows(), sequence.rows)};
      attend(run, item, scratch);
    }
  }
}

/// A thread has a stretch of the heads of all sequences. The cells of the next sequence are asked
/// for once those of this one are filled, which would wait for them.
void AttentionStep::run_hypotheses(const Run& run, int thread) const {
  const std::span<const SequenceRows> sequences = run.pass.sequences;
  const Range mine = split(std::ssize(sequences) * kv_heads, thread, run.team.size());
  for (int64_t at = mine.begin; at < mine.end;) {
    const SequenceRows& sequence = sequences[static_cast<size_t>(at / kv_heads)];
    const KvView& view = memory ? *sequence.memory : *sequence.cache;
    const int64_t first = at / kv_heads * kv_heads;
    const Range some = {at - first, std::min(mine.end - first, kv_heads)};
    for (int64_t h = some.begin; !memory && h < some.end; ++h) {
      store_item(run, {.sequence = &sequence,
                       .kv_head = h,
                       .rows = {0, sequence.rows},
                       .tiles = view.tiles(cache_layer, h)});
    }
    at = first + some.end;
    if (at < mine.end) {
      const SequenceRows& next = sequences[static_cast<size_t>(at / kv_heads)];
      prefetch_heads(run, next, std::min(mine.end - at, kv_heads));
    }
    for (int64_t i = 0; i < sequence.rows; i += kMostHeadsRows) {
      attend_heads(run, sequence, {i, std::min(i + kMostHeadsRows, sequence.rows)}, some,
                   view.tiles(cache_layer, some.begin), view.head_stride,
                   ScratchSplitter(run.thread_scratch(thread)));
    }
  }
}

}  // namespace heed
