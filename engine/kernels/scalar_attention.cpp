// Keys, values and attention, one number at a time: the specification of these entries.
// Online softmax: Milakov and Gimelshein, arXiv 1805.02867. Tiles: KvTiles in kernels.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/core/half.h"
#include "engine/kernels/each_head.h"
#include "engine/kernels/pack.h"
#include "engine/kernels/tables.h"

namespace heed {
namespace {

/// Where element `dim` of the key of token `token` lies, counted in elements.
int64_t key_index(const KvTiles& kv, int64_t token, int64_t dim) {
  const int64_t tile = token / kTileTokens, lane = token % kTileTokens;
  if (kv.type == KvType::f32) return (tile * kv.head_dim + dim) * kTileTokens + lane;
  return ((tile * (kv.head_dim / 2) + dim / 2) * kTileTokens + lane) * 2 + dim % 2;
}

int64_t value_index(const KvTiles& kv, int64_t token, int64_t dim) {
  if (kv.type == KvType::f32) return token * kv.head_dim + dim;
  return (token / 2 * kv.head_dim + dim) * 2 + token % 2;
}

/// Where the scale of a token's key or value lies (type q8).
float* scale_at(const KvTiles& kv, std::byte* tiles, int64_t token) {
  const int64_t tile = token / kTileTokens, lane = token % kTileTokens;
  std::byte* scales =
      tiles + tile * kv_tile_bytes(kv.type, kv.head_dim) + kTileTokens * kv.head_dim;
  return reinterpret_cast<float*>(scales) + lane;
}

/// The code `index` of token `token`, counted without scales.
int8_t* code_at(const KvTiles& kv, std::byte* tiles, int64_t token, int64_t index) {
  const auto scales = static_cast<int64_t>(sizeof(float)) * kTileTokens;
  return reinterpret_cast<int8_t*>(tiles + token / kTileTokens * scales + index);
}

/// Element `index` of token `token`, counted in elements without scales.
float read(const KvTiles& kv, std::byte* elements, int64_t token, int64_t index) {
  if (kv.type == KvType::f32) return reinterpret_cast<const float*>(elements)[index];
  if (kv.type == KvType::q8) {
    const float* scale = scale_at(kv, elements, token);
    return static_cast<float>(*code_at(kv, elements, token, index)) * *scale;
  }
  const uint16_t half = reinterpret_cast<const uint16_t*>(elements)[index];
  return kv.type == KvType::bf16 ? bf16_to_f32(half) : f16_to_f32(half);
}

float read_key(const KvTiles& kv, int64_t token, int64_t dim) {
  return read(kv, kv.keys, token, key_index(kv, token, dim));
}

float read_value(const KvTiles& kv, int64_t token, int64_t dim) {
  return read(kv, kv.values, token, value_index(kv, token, dim));
}

void write(KvType type, std::byte* elements, int64_t index, float x) {
  constexpr float kLargestF16 = 65504;
  if (type == KvType::f32) {
    reinterpret_cast<float*>(elements)[index] = x;
    return;
  }
  reinterpret_cast<uint16_t*>(elements)[index] =
      type == KvType::bf16 ? f32_to_bf16(x) : f32_to_f16(std::clamp(x, -kLargestF16, kLargestF16));
}

/// Writes the elements of one token's key or value at index(dim).
template <typename Index>
void write_row(const KvTiles& kv, std::byte* elements, int64_t token, const float* row,
               Index index) {
  if (kv.type != KvType::q8) {
    for (int64_t d = 0; d < kv.head_dim; ++d) write(kv.type, elements, index(d), row[d]);
    return;
  }
  const auto [factor, scale] = q8_scale(scalar::largest_magnitude(row, kv.head_dim));
  *scale_at(kv, elements, token) = scale;
  for (int64_t d = 0; d < kv.head_dim; ++d)
    *code_at(kv, elements, token, index(d)) = scalar::q8_code(row[d], factor);
}

void store_kv(const KvTiles& kv, int64_t position, const float* key, const float* value) {
  write_row(kv, kv.keys, position, key, [&](int64_t d) { return key_index(kv, position, d); });
  write_row(kv, kv.values, position, value,
            [&](int64_t d) { return value_index(kv, position, d); });
}

void store_kv_tile(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  const int64_t bytes = kv_tile_bytes(kv.type, kv.head_dim);
  std::fill_n(kv.keys + tile * bytes, bytes, std::byte{0});
  std::fill_n(kv.values + tile * bytes, bytes, std::byte{0});
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t at = i * rows.stride, position = tile * kTileTokens + i;
    if (!rows.bf16_keys) {
      store_kv(kv, position, rows.keys + at, rows.values + at);
      continue;
    }
    for (int64_t d = 0; d < kv.head_dim; ++d) {
      write(kv.type, kv.keys, key_index(kv, position, d), bf16_to_f32(rows.bf16_keys[at + d]));
      write(kv.type, kv.values, value_index(kv, position, d),
            bf16_to_f32(rows.bf16_values[at + d]));
    }
  }
}

int64_t attend_scratch(KvType /*type*/, int64_t /*head_dim*/, int64_t /*count*/) {
  return 0;
}

bool sees(const uint16_t* mask, int64_t token) {
  return !mask || (mask[token / kTileTokens] >> (token % kTileTokens) & 1);
}

/// Query i of a call; returns its logsumexp.
float attend_one(const AttendArgs& a, int64_t i) {
  const KvTiles& kv = a.kv;
  const float* query = a.queries[i];
  const KeyRange range = a.ranges[i];
  const uint16_t* mask = a.masks ? a.masks[i] : nullptr;
  float* out = a.outputs[i];
  float max = -std::numeric_limits<float>::infinity();
  double sum = 0;  // of exp(score - max) over the keys seen so far
  std::fill_n(out, kv.head_dim, 0.0f);
  for (int64_t token = range.begin; token < range.end; ++token) {
    if (!sees(mask, token)) continue;
    double score = 0;
    for (int64_t d = 0; d < kv.head_dim; ++d) {
      score += double{query[d]} * read_key(kv, token, d);
    }
    score *= a.scale;
    const float new_max = std::max(max, static_cast<float>(score));
    const float correction = std::exp(max - new_max);
    const float weight = std::exp(static_cast<float>(score - new_max));
    sum = sum * correction + weight;
    for (int64_t d = 0; d < kv.head_dim; ++d) {
      out[d] = out[d] * correction + weight * read_value(kv, token, d);
    }
    max = new_max;
  }
  if (sum == 0) return max;  // no keys
  for (int64_t d = 0; d < kv.head_dim; ++d) out[d] = static_cast<float>(out[d] / sum);
  return static_cast<float>(max + std::log(sum));
}

void attend(const AttendArgs& a) {
  for (int64_t i = 0; i < a.count; ++i) {
    const float lse = attend_one(a, i);
    if (a.logsumexp) a.logsumexp[i] = lse;
  }
}

}  // namespace

void scalar::set_attention(Kernels& t) {
  t.store_kv = store_kv;
  t.store_kv_tile = store_kv_tile;
  t.attend_scratch = attend_scratch;
  t.attend = attend;
  t.attend_heads = attend_each_head<attend>;
}

}  // namespace heed
