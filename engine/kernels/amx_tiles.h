// What the files of AMX share: shapes of tiles, and when memory is what tiles read.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include <cstddef>

#include "engine/kernels/avx512_vec.h"
#include "engine/kernels/kernels.h"

namespace heed {
namespace {

inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileRowBytes = 64;
inline constexpr int64_t kTileBytes = kTileRows * kTileRowBytes;

/// What ldtilecfg reads: palette 1, eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64);

/// Puts 32 numbers side by side, rounded to nearest even: a row of a tile. Subnormals become 0.
inline void store_bf16(Vec first, Vec second, void* out) {
  _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v));
}

/// Rounds `n` numbers into a row of tiles that lie one after another; `row`: that of the first.
inline void store_tile_row(const float* x, int64_t n, std::byte* row) {
  for (int64_t i = 0; i < n; i += 2 * kLanes, row += kTileBytes)
    store_bf16(load(x + i), load(x + i + kLanes), row);
}

/// The same for numbers that are bf16 already.
inline void copy_tile_row(const uint16_t* x, int64_t n, std::byte* row) {
  for (int64_t i = 0; i < n; i += 2 * kLanes, row += kTileBytes)
    _mm512_store_si512(row, _mm512_loadu_si512(x + i));
}

/// Of what is left of x, the part that is a bf16 number, to nearest and ties away from zero. After
/// kF32Parts parts nothing is left of 24 bits.
inline Vec take_part(Vec& x) {
  const __m512i rounded = _mm512_add_epi32(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x8000));
  const Vec part = {_mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(-0x10000)))};
  x = x - part;
  return part;
}

/// Splits `n` numbers into parts: a row of tiles of which kF32Parts lie one after another for the
/// same columns.
inline void store_parts_row(const float* x, int64_t n, std::byte* row) {
  for (int64_t i = 0; i < n; i += 2 * kLanes) {
    Vec first = load(x + i), second = load(x + i + kLanes);
    for (int part = 0; part < kF32Parts; ++part, row += kTileBytes)
      store_bf16(take_part(first), take_part(second), row);
  }
}

/// Tiles are loaded and stored behind the compiler's back: GCC 12 does not know that a tile load
/// reads memory, and takes ldtilecfg to read 8 bytes.
inline void finish_stores() {
  asm volatile("" : : : "memory");
}

/// Gives this thread eight tiles, whole if nothing else is said, all zero, until _tile_release.
inline void configure_tiles(const TileShapes& shapes = {}) {
  finish_stores();
  _tile_loadconfig(&shapes);
}

}  // namespace
}  // namespace heed
