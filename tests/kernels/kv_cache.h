// A cache of random keys and values, for the tests of attention and of what it is stored by.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/core/half.h"
#include "tests/support/kernel_tables.h"

namespace heed {

inline constexpr KvType kTypes[] = {KvType::f32, KvType::bf16, KvType::f16, KvType::q8};

/// Rounds the key or value of a token as the cache does.
inline void round(KvType type, std::span<float> row) {
  float largest = 0;
  for (const float x : row) largest = std::max(largest, std::abs(x));
  for (float& x : row) {
    switch (type) {
      case KvType::f32:
        break;
      case KvType::bf16:
        x = bf16_to_f32(f32_to_bf16(x));
        break;
      case KvType::f16:
        x = f16_to_f32(f32_to_f16(x));
        break;
      case KvType::q8:
        x = std::nearbyint(x * (127 / largest)) * (largest / 127);
    }
  }
}

/// Random keys and values, stored in tiles by the table under test; and the same as plain rows.
struct Cache {
  int64_t head_dim, tokens;
  std::vector<float> keys, values;  // [tokens, head_dim], as rounded by the cache
  Guarded<std::byte> key_tiles, value_tiles;
  KvTiles tiles;

  Cache(const Kernels& k, KvType type, int64_t dim, int64_t count, uint32_t seed)
      : head_dim(dim),
        tokens(count),
        keys(count * dim),
        values(count * dim),
        key_tiles(tile_count() * kv_tile_bytes(type, dim)),
        value_tiles(tile_count() * kv_tile_bytes(type, dim)),
        tiles{type, dim, key_tiles.data(), value_tiles.data()} {
    std::mt19937 bits(seed);
    std::normal_distribution<float> draw;
    for (float& x : keys) x = draw(bits);
    for (float& x : values) x = draw(bits);
    // What lies in the unused tokens of the last tile must not matter, as long as it is finite.
    const std::vector<float> junk(dim, 6e4f);
    for (int64_t t = tokens; t < tile_count() * kTileTokens; ++t) {
      k.store_kv(tiles, t, junk.data(), junk.data());
    }
    for (int64_t t = 0; t < tokens; ++t) k.store_kv(tiles, t, &keys[t * dim], &values[t * dim]);
    for (int64_t t = 0; t < tokens; ++t) {
      round(type, {&keys[t * dim], static_cast<size_t>(dim)});
      round(type, {&values[t * dim], static_cast<size_t>(dim)});
    }
  }
  int64_t tile_count() const { return (tokens + kTileTokens - 1) / kTileTokens; }
};

/// Rounded to bf16.
inline std::vector<uint16_t> halves_of(std::span<const float> values) {
  std::vector<uint16_t> halves;
  for (const float x : values) halves.push_back(f32_to_bf16(x));
  return halves;
}

inline std::string type_name(KvType type) {
  constexpr const char* kNames[] = {"f32", "bf16", "f16", "q8"};
  return kNames[static_cast<int>(type)];
}

}  // namespace heed
