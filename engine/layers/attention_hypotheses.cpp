// Attention of hypotheses: a few rows for each of many sequences, which see some cells of its
// cache, or all of its memory. All heads that a thread has of a sequence go to the kernel together.
#include <algorithm>

#include "engine/layers/attention.h"

namespace heed {

/// Whether the rows of a pass are hypotheses of searches, whose heads can go together.
bool AttentionStep::takes_heads(const Run& run) const {
  return !run.pass.visible.empty() && heads == kv_heads && run.first_row(tail) == 0;
}

/// Asks for the cells of a sequence's first `count` heads.
void AttentionStep::prefetch_heads(const Run& run, const SequenceRows& sequence,
                                   int64_t count) const {
  const KvView& view = memory ? *sequence.memory : *sequence.cache;
  const int64_t keys = range_of(run, sequence, sequence.first_row).end;
  for (int64_t h = 0; h < count; ++h) prefetch(view.tiles(cache_layer, h), keys);
}

/// Attends for rows [rows.begin, rows.end) of a sequence, up to kTileQueries, and some of its
/// heads.
void AttentionStep::attend_heads(const Run& run, const SequenceRows& sequence, Range rows,
                                 Range some, ScratchSplitter scratch) const {
  const KvView& view = memory ? *sequence.memory : *sequence.cache;
  const int64_t first = sequence.first_row + rows.begin, count = rows.end - rows.begin;
  const int64_t column = some.begin * head_dim, width = (some.end - some.begin) * head_dim;
  const InputForm form = out_form(run);
  const bool direct = form == InputForm::f32;
  float* outputs =
      direct ? run.rows(out) + first * out.width + column : scratch.take<float>(count * width);
  run.kernels.attend_heads({.queries = run.rows(qkv) + first * qkv.width + column,
                            .query_stride = qkv.width,
                            .outputs = outputs,
                            .output_stride = direct ? out.width : width,
                            .count = count,
                            .heads = some.end - some.begin,
                            .keys = memory ? sequence.memory_tokens : sequence.used_cells,
                            .masks = memory ? nullptr : run.pass.visible.data() + first,
                            .kv = view.tiles(cache_layer, some.begin),
                            .head_stride = view.head_stride,
                            .scale = scale,
                            .scratch = scratch.take<std::byte>(0)});
  if (direct) return;
  for (int64_t i = 0; i < count; ++i) {
    put(run, form, first + i, some.begin, some.end - some.begin, outputs + i * width);
  }
}

/// A thread has a stretch of the heads of all sequences. The cells of the next sequence are asked
/// for once those of this one are filled, which would wait for them.
void AttentionStep::run_hypotheses(const Run& run, int thread) const {
  const std::span<const SequenceRows> sequences = run.pass.sequences;
  const Range mine = split(std::ssize(sequences) * kv_heads, thread, run.team.size());
  for (int64_t at = mine.begin; at < mine.end;) {
    const SequenceRows& sequence = sequences[static_cast<size_t>(at / kv_heads)];
    const int64_t first = at / kv_heads * kv_heads;
    const Range some = {at - first, std::min(mine.end - first, kv_heads)};
    for (int64_t h = some.begin; !memory && h < some.end; ++h) {
      store_item(run, {.sequence = &sequence,
                       .kv_head = h,
                       .rows = {0, sequence.rows},
                       .tiles = sequence.cache->tiles(cache_layer, h)});
    }
    at = first + some.end;
    if (at < mine.end) {
      const SequenceRows& next = sequences[static_cast<size_t>(at / kv_heads)];
      prefetch_heads(run, next, std::min(mine.end - at, kv_heads));
    }
    for (int64_t i = 0; i < sequence.rows; i += kTileQueries) {
      attend_heads(run, sequence, {i, std::min<int64_t>(i + kTileQueries, sequence.rows)}, some,
                   ScratchSplitter(run.thread_scratch(thread)));
    }
  }
}

}  // namespace heed
