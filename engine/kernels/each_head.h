// Attention of several heads, one after the other: what attend_heads is where nothing is won by
// taking them together. Included by *_attention.cpp.
#pragma once

#include "engine/kernels/kernels.h"

namespace heed {
namespace {

template <void (*attend)(const AttendArgs&)>
void attend_each_head(const AttendHeadsArgs& a) {
  const float* queries[kTileQueries];
  float* outputs[kTileQueries];
  KeyRange ranges[kTileQueries];
  KvTiles kv = a.kv;
  for (int64_t h = 0; h < a.heads; ++h) {
    for (int64_t i = 0; i < a.count; ++i) {
      queries[i] = a.queries + i * a.query_stride + h * kv.head_dim;
      outputs[i] = a.outputs + i * a.output_stride + h * kv.head_dim;
      ranges[i] = {0, static_cast<int32_t>(a.keys)};
    }
    attend({.queries = queries,
            .outputs = outputs,
            .ranges = ranges,
            .masks = a.masks,
            .count = a.count,
            .kv = kv,
            .scale = a.scale,
            .scratch = a.scratch});
    kv.keys += a.head_stride;
    kv.values += a.head_stride;
  }
}

}  // namespace
}  // namespace heed
