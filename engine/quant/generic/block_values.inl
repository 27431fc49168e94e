// A block of values on its way into a format: what a quantiser gets to see of a row.
// Used by the quantisers in this folder.
#pragma once

#include "engine/quant/generic/lanes.inl"

namespace heed {
namespace {

/// What a quantiser of blocks gets to see: `size` finite values, and how much the squared error of
/// each counts, from 2^-24 to 1.
template <int size>
struct BlockValues {
  float x[size];
  float weight[size];
  bool weighted;  ///< false: all weights are 1
};

/// The block at src. Values become numbers that no format reaches the end of: a NaN zero, what is
/// beyond +-2^30 that. Weights are taken relative to the block's largest; the least that one counts
/// lets values decide among themselves where all others have none. So no importance, or that of a
/// block of zeros, is plain squared error.
template <int size>
BlockValues<size> load_values(const float* src, const float* importance) noexcept {
  constexpr float kLargest = 0x1p30f;
  constexpr float kLeastWeight = 0x1p-24f;
  BlockValues<size> values;
  values.weighted = false;
  for (int i = 0; i < size; ++i) {
    const float number = src[i] == src[i] ? src[i] : 0.0f;
    values.x[i] = clamp(number, -kLargest, kLargest);
    values.weight[i] = 1.0f;
  }
  if (importance == nullptr) return values;
  float largest = importance[0];
  for (int i = 1; i < size; ++i) largest = greater(importance[i], largest);
  if (largest == 0.0f) return values;
  values.weighted = true;
  for (int i = 0; i < size; ++i) values.weight[i] = greater(importance[i] / largest, kLeastWeight);
  return values;
}

}  // namespace
}  // namespace heed
