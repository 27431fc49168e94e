// Storing the keys and values of a token, or of a tile of them, in the tiles of a cache (KvTiles in
// kernels.h; specification: scalar_attention.cpp). Included after <isa>_vec.h and
// <isa>_bytes.h by <isa>_attention.cpp.
#pragma once

#include "engine/kernels/generic/vec_math.inl"
#include "engine/kernels/pack.h"

namespace heed {
namespace {

inline constexpr float kLargestF16 = 65504;

/// A number of a tile, rounded.
template <KvType type>
struct Rounded {
  using Number = uint16_t;
};
template <>
struct Rounded<KvType::q8> {
  using Number = int8_t;
};

/// Codes of 8 bits; a factor of 0 is kept from meeting an infinity.
inline Ints codes_of(Vec x, float factor) {
  return factor != 0 ? round_to_int(x * broadcast(factor)) : zero_ints();
}

/// Rounds a row of head_dim floats and hands it out piece by piece: put(d, numbers, n). Numbers of
/// 8 bits are codes with the scale that it returns.
template <KvType type, typename Put>
inline float round_row(const float* row, int64_t head_dim, Put put) {
  Q8Scale scale = {};
  if constexpr (type == KvType::q8) scale = q8_scale(largest_of(row, head_dim));
  for (int64_t d = 0; d < head_dim; d += kLanes) {
    const int64_t n = head_dim - d < kLanes ? head_dim - d : kLanes;
    const Vec x = load_first(row + d, n);
    typename Rounded<type>::Number numbers[kLanes];
    if constexpr (type == KvType::q8) {
      store_int8(codes_of(x, scale.factor), numbers);
    } else if constexpr (type == KvType::bf16) {
      store_bf16(x, numbers);
    } else {
      store_f16(clamp(x, -kLargestF16, kLargestF16), numbers);
    }
    put(d, numbers, n);
  }
  return scale.scale;
}

/// Puts n numbers into the first, or the second, places of pairs, and leaves the others alone.
/// (AVX-512 has its own for words.)
template <typename Number>
inline void store_in_pairs(const Number* numbers, int64_t place, int64_t n, Number* pairs) {
  for (int64_t i = 0; i < n; ++i) pairs[2 * i + place] = numbers[i];
}

template <KvType type>
inline void store_rounded(const KvTiles& kv, int64_t position, const float* key,
                          const float* value) {
  using Number = typename Rounded<type>::Number;
  struct Pair {
    Number of[2];
  };
  const int64_t lane = position % kTileTokens;
  const int64_t tile = position / kTileTokens * kv_tile_bytes(type, kv.head_dim);
  auto* keys = reinterpret_cast<Pair*>(kv.keys + tile);
  const float key_scale =
      round_row<type>(key, kv.head_dim, [&](int64_t d, const Number* numbers, int64_t n) {
        for (int64_t i = 0; i < n; i += 2)  // a store a pair
          __builtin_memcpy(keys + (d + i) / 2 * kTileTokens + lane, numbers + i, sizeof(Pair));
      });
  // Only this token's half of each pair: another thread may be storing the other.
  auto* values = reinterpret_cast<Pair*>(kv.values + tile);
  const float value_scale =
      round_row<type>(value, kv.head_dim, [&](int64_t d, const Number* numbers, int64_t n) {
        auto* pairs = reinterpret_cast<Number*>(values + lane / 2 * kv.head_dim + d);
        store_in_pairs(numbers, lane % 2, n, pairs);
      });
  if constexpr (type == KvType::q8) {
    reinterpret_cast<float*>(keys + kv.head_dim / 2 * kTileTokens)[lane] = key_scale;
    reinterpret_cast<float*>(values + kv.head_dim / 2 * kTileTokens)[lane] = value_scale;
  }
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
      return store_rounded<KvType::bf16>(kv, position, key, value);
    case KvType::f16:
      return store_rounded<KvType::f16>(kv, position, key, value);
    case KvType::q8:
      return store_rounded<KvType::q8>(kv, position, key, value);
  }
}

// ---- whole tiles --------------------------------------------------------------------------------

/// Makes rows of columns. Each round joins the first half of the vectors, lane by lane, with the
/// second half, which turns the lanes' numbers by one bit.
inline void transpose(Vec (&x)[kLanes]) {
  Vec y[kLanes];
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < kLanes / 2; ++i) {
      join_pairs(x[i], x[i + kLanes / 2], y[2 * i], y[2 * i + 1]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}

/// Lane i of both, rounded, as the pair that fills lane i.
template <KvType type>
inline Vec pairs_of(Vec first, Vec second) {
  if constexpr (type == KvType::bf16) return bf16_pairs(first, second);
  return f16_pairs(clamp(first, -kLargestF16, kLargestF16),
                   clamp(second, -kLargestF16, kLargestF16));
}

/// The first n numbers at p, zeros after them; n may be negative.
inline Vec load_up_to(const float* p, int64_t n) {
  return n >= kLanes ? load(p) : load_first(p, n > 0 ? n : 0);
}

/// Dwords [first, first + kLanes) of a row of keys.
template <KvType type>
inline Vec key_dwords(const float* row, int64_t first, int64_t head_dim) {
  if constexpr (type == KvType::f32) return load_up_to(row + first, head_dim - first);
  const int64_t dim = 2 * first;
  Vec even, odd;
  split_pairs(load_up_to(row + dim, head_dim - dim),
              load_up_to(row + dim + kLanes, head_dim - dim - kLanes), even, odd);
  return pairs_of<type>(even, odd);
}

template <KvType type>
void store_tile_as(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  constexpr int64_t kPack = type == KvType::f32 ? 1 : 2;
  const int64_t dwords = kv.head_dim / kPack, size = kv_tile_bytes(type, kv.head_dim);
  auto* keys = reinterpret_cast<float*>(kv.keys + tile * size);
  for (int64_t token = 0; token < kTileTokens; token += kLanes) {
    for (int64_t first = 0; first < dwords; first += kLanes) {
      Vec x[kLanes];
      for (int64_t t = 0; t < kLanes; ++t) {
        const bool there = token + t < rows.count;
        x[t] = there ? key_dwords<type>(rows.keys + (token + t) * rows.stride, first, kv.head_dim)
                     : zero();
      }
      transpose(x);
      const int64_t n = dwords - first < kLanes ? dwords - first : kLanes;
      for (int64_t i = 0; i < n; ++i) store(x[i], keys + (first + i) * kTileTokens + token);
    }
  }
  auto* values = reinterpret_cast<float*>(kv.values + tile * size);
  for (int64_t token = 0; token < kTileTokens; token += kPack, values += kv.head_dim) {
    const float* row = rows.values + token * rows.stride;
    for (int64_t d = 0; d < kv.head_dim; d += kLanes) {
      const int64_t n = kv.head_dim - d;
      Vec x = token < rows.count ? load_up_to(row + d, n) : zero();
      if constexpr (kPack == 2) {
        const bool both = token + 1 < rows.count;
        x = pairs_of<type>(x, both ? load_up_to(row + rows.stride + d, n) : zero());
      }
      n >= kLanes ? store(x, values + d) : store_first(x, values + d, n);
    }
  }
}

/// Dwords [first, first + kLanes) of as many rows as columns. (AVX-512 has its own.)
template <typename Dword>
inline void load_columns(const Dword* const* rows, int64_t first, Vec (&x)[kLanes]) {
  for (int64_t i = 0; i < kLanes; ++i) x[i] = load(rows[i] + first);
  transpose(x);
}

/// Numbers that are bf16 already, in rows of a multiple of 32.
void store_halves(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  alignas(64) static constexpr uint16_t kZeros[kRecordColumns] = {};
  const int64_t size = kv_tile_bytes(KvType::bf16, kv.head_dim);
  auto* keys = reinterpret_cast<float*>(kv.keys + tile * size);
  auto* values = reinterpret_cast<float*>(kv.values + tile * size);
  for (int64_t d = 0; d < kv.head_dim; d += kRecordColumns, values += kRecordColumns) {
    const float* row_keys[kTileTokens];
    const uint16_t* row_values[kTileTokens];
    for (int64_t t = 0; t < kTileTokens; ++t) {
      const int64_t at = t * rows.stride + d;
      const bool there = t < rows.count;
      row_keys[t] = reinterpret_cast<const float*>(there ? rows.bf16_keys + at : kZeros);
      row_values[t] = there ? rows.bf16_values + at : kZeros;
    }
    for (int64_t token = 0; token < kTileTokens; token += kLanes) {
      for (int64_t first = 0; first < kRecordColumns / 2; first += kLanes) {
        Vec x[kLanes];
        load_columns(row_keys + token, first, x);
        float* to = keys + (d / 2 + first) * kTileTokens + token;
        for (int64_t i = 0; i < kLanes; ++i) store(x[i], to + i * kTileTokens);
      }
    }
    for (int64_t t = 0; t < kTileTokens; t += 2) {
      for (int64_t i = 0; i < kRecordColumns; i += kLanes)
        store(bf16_pairs(row_values[t] + i, row_values[t + 1] + i),
              values + t / 2 * kv.head_dim + i);
    }
  }
}

/// Token by token: what there is to round costs more than where it goes.
inline void store_codes(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  const int64_t bytes = kv_tile_bytes(KvType::q8, kv.head_dim);
  if (rows.count < kTileTokens) {
    __builtin_memset(kv.keys + tile * bytes, 0, static_cast<size_t>(bytes));
    __builtin_memset(kv.values + tile * bytes, 0, static_cast<size_t>(bytes));
  }
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t at = i * rows.stride;
    store_rounded<KvType::q8>(kv, tile * kTileTokens + i, rows.keys + at, rows.values + at);
  }
}

void store_kv_tile(const KvTiles& kv, const KvRows& rows, int64_t tile) {
  switch (kv.type) {
    case KvType::f32:
      return store_tile_as<KvType::f32>(kv, rows, tile);
    case KvType::bf16:
      return rows.bf16_keys ? store_halves(kv, rows, tile)
                            : store_tile_as<KvType::bf16>(kv, rows, tile);
    case KvType::f16:
      return store_tile_as<KvType::f16>(kv, rows, tile);
    case KvType::q8:
      return store_codes(kv, rows, tile);
  }
}

}  // namespace
}  // namespace heed
