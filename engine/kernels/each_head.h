// Attention of several heads, one after the other: what attend_heads is where nothing is won by
// taking them together. Included by *_attention.cpp.
#pragma once

#include "engine/kernels/kernels.h"

namespace heed {
namespace {

template <void (*attend)(const AttendArgs&)>
void attend_each_head(const AttendHeadsArgs& a) {
  const float* queries[kMostHeadsRows];
  const uint16_t* bf16_queries[kMostHeadsRows];
  float* outputs[kMostHeadsRows];
  uint16_t* bf16_outputs[kMostHeadsRows];
  KeyRange ranges[kMostHeadsRows];
  KvTiles kv = a.kv;
  for (int64_t h = 0; h < a.heads; ++h) {
    for (int64_t i = 0; i < a.count; ++i) {
      const int64_t column = h * kv.head_dim, query = i * a.query_stride + column;
      if (a.bf16_queries) {
        bf16_queries[i] = a.bf16_queries + query;
      } else {
        queries[i] = a.queries + query;
      }
      if (a.bf16_outputs) {
        bf16_outputs[i] = a.bf16_outputs[i] + column / kRecordColumns * a.bf16_stride;
      } else {
        outputs[i] = a.outputs + i * a.output_stride + column;
      }
      ranges[i] = {0, static_cast<int32_t>(a.keys)};
    }
    attend({.queries = queries,
            .bf16_queries = a.bf16_queries ? bf16_queries : nullptr,
            .outputs = outputs,
            .bf16_outputs = a.bf16_outputs ? bf16_outputs : nullptr,
            .bf16_stride = a.bf16_stride,
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
