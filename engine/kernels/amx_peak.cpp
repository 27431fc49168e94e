// The limits of AMX: products of 16 x 64 byte tiles, four sums that do not wait for each other.
// Reference: Intel Architecture Instruction Set Extensions Programming Reference, chapter 3.
#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/peaks.h"

namespace heed {
namespace {

constexpr int kChains = 4;

/// Tiles 0 to 3: sums; 4 to 7: factors. These are as varied as real ones: with constants the cores
/// draw less power, and their clock and the limit are a tenth higher than any work can reach.
/// `random`: bits of each 16 that vary, `constant`: those that are set.
void fill_tiles(uint32_t random, uint32_t constant) noexcept {
  constexpr int kFactors = 4;
  alignas(64) uint16_t numbers[kFactors * kTileBytes / 2];
  uint32_t state = 1;
  for (uint16_t& number : numbers) {
    state = state * 1664525 + 1013904223;  // Knuth, The Art of Computer Programming 2, 3.3.4
    number = static_cast<uint16_t>((state >> 16 & random) | constant);
  }
  configure_tiles();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const auto* at = reinterpret_cast<const std::byte*>(numbers);
  finish_stores();
  _tile_loadd(4, at, kTileRowBytes);
  _tile_loadd(5, at + kTileBytes, kTileRowBytes);
  _tile_loadd(6, at + 2 * kTileBytes, kTileRowBytes);
  _tile_loadd(7, at + 3 * kTileBytes, kTileRowBytes);
}

void int8(int64_t steps) noexcept {
  fill_tiles(0xffff, 0);
  for (int64_t i = 0; i < steps; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}

void pairs(int64_t steps) noexcept {
  fill_tiles(0x807f, 0x3f80);  // 1 to 2 in bf16, either sign
  for (int64_t i = 0; i < steps; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

}  // namespace

void amx::set_peaks(PeakLoops& loops) {
  loops.int8 = {int8, 2 * 16 * 16 * 64 * kChains};
  loops.bf16 = {pairs, 2 * 16 * 16 * 32 * kChains};
}

}  // namespace heed
