// Storing a token's key and value in the tiles of a cache (KvTiles in kernels.h; specification:
// scalar_attention.cpp). Included after <isa>_vec.h by <isa>_attention.cpp.
#pragma once

#include "engine/kernels/generic/vec_math.inl"

namespace heed {
namespace {

/// Rounds a row of head_dim floats and hands it out piece by piece: put(d, halves, n).
template <KvType type, typename Put>
inline void round_row(const float* row, int64_t head_dim, Put put) {
  constexpr float kLargestF16 = 65504;
  for (int64_t d = 0; d < head_dim; d += kLanes) {
    const int64_t n = head_dim - d < kLanes ? head_dim - d : kLanes;
    const Vec x = load_first(row + d, n);
    uint16_t halves[kLanes];
    if constexpr (type == KvType::bf16) {
      store_bf16(x, halves);
    } else {
      store_f16(clamp(x, -kLargestF16, kLargestF16), halves);
    }
    put(d, halves, n);
  }
}

template <KvType type>
inline void store_halves(const KvTiles& kv, int64_t position, const float* key,
                         const float* value) {
  struct Pair {
    uint16_t halves[2];
  };
  const int64_t tile = position / kTileTokens, lane = position % kTileTokens;
  auto* keys = reinterpret_cast<Pair*>(kv.keys) + tile * (kv.head_dim / 2) * kTileTokens + lane;
  round_row<type>(key, kv.head_dim, [&](int64_t d, const uint16_t* halves, int64_t n) {
    for (int64_t i = 0; i < n; i += 2) {
      keys[(d + i) / 2 * kTileTokens] = {{halves[i], halves[i + 1]}};
    }
  });
  // Only this token's half of each pair: another thread may be storing the other.
  auto* values = reinterpret_cast<Pair*>(kv.values) + position / 2 * kv.head_dim;
  round_row<type>(value, kv.head_dim, [&](int64_t d, const uint16_t* halves, int64_t n) {
    for (int64_t i = 0; i < n; ++i) values[d + i].halves[position % 2] = halves[i];
  });
}

inline void store_floats(const KvTiles& kv, int64_t position, const float* key,
                         const float* value) {
  const int64_t tile = position / kTileTokens, lane = position % kTileTokens;
  float* keys = reinterpret_cast<float*>(kv.keys) + tile * kv.head_dim * kTileTokens + lane;
  float* values = reinterpret_cast<float*>(kv.values) + position * kv.head_dim;
  for (int64_t d = 0; d < kv.head_dim; ++d) {
    keys[d * kTileTokens] = key[d];
    values[d] = value[d];
  }
}

void store_kv(const KvTiles& kv, int64_t position, const float* key, const float* value) {
  switch (kv.type) {
    case KvType::f32:
      return store_floats(kv, position, key, value);
    case KvType::bf16:
      return store_halves<KvType::bf16>(kv, position, key, value);
    case KvType::f16:
      return store_halves<KvType::f16>(kv, position, key, value);
  }
}

}  // namespace
}  // namespace heed
