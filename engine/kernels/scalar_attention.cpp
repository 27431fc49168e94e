// Keys, values and attention, one number at a time: the specification of these entries.
// Online softmax: Milakov and Gimelshein, arXiv 1805.02867. Tiles: KvTiles in kernels.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/core/half.h"
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

float read(KvType type, const std::byte* elements, int64_t index) {
  if (type == KvType::f32) return reinterpret_cast<const float*>(elements)[index];
  const uint16_t half = reinterpret_cast<const uint16_t*>(elements)[index];
  return type == KvType::bf16 ? bf16_to_f32(half) : f16_to_f32(half);
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

void store_kv(const KvTiles& kv, int64_t position, const float* key, const float* value) {
  for (int64_t d = 0; d < kv.head_dim; ++d) {
    write(kv.type, kv.keys, key_index(kv, position, d), key[d]);
    write(kv.type, kv.values, value_index(kv, position, d), value[d]);
  }
}

void store_kv_tile(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  for (int64_t i = 0; i < kTileTokens; ++i) {
    const int64_t token = tile * kTileTokens + i;
    for (int64_t d = 0; d < kv.head_dim; ++d) {
      const int64_t at = i * rows.stride + d;
      write(kv.type, kv.keys, key_index(kv, token, d), i < rows.count ? rows.keys[at] : 0);
      write(kv.type, kv.values, value_index(kv, token, d), i < rows.count ? rows.values[at] : 0);
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
      score += double{query[d]} * read(kv.type, kv.keys, key_index(kv, token, d));
    }
    score *= a.scale;
    const float new_max = std::max(max, static_cast<float>(score));
    const float correction = std::exp(max - new_max);
    const float weight = std::exp(static_cast<float>(score - new_max));
    sum = sum * correction + weight;
    for (int64_t d = 0; d < kv.head_dim; ++d) {
      out[d] = out[d] * correction + weight * read(kv.type, kv.values, value_index(kv, token, d));
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
}

}  // namespace heed
