// The limits of AMX: products of 16 x 64 byte tiles, four sums that do not wait for each other.
// Reference: Intel Architecture Instruction Set Extensions Programming Reference, chapter 3.
#include "engine/kernels/amx_tiles.h"
#include "engine/kernels/peaks.h"

namespace heed {
namespace {

constexpr int kChains = 4;

/// Tiles 0 to 3: sums; 4 to 7: factors.
void zero_tiles() noexcept {
  configure_tiles({});
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

void int8(int64_t steps) noexcept {
  zero_tiles();
  for (int64_t i = 0; i < steps; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}

void pairs(int64_t steps) noexcept {
  zero_tiles();
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
