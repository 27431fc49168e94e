// Rotary positions: pairs of a head's dimensions are turned by an angle that grows with the token's
// position. Reference: Su et al. 2021 (RoFormer). Used by attention.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace heed {

struct Rope {
  float base = 10000;
  int64_t dims = 0;         ///< of a head that are turned; the rest is left as it is
  bool interleaved = true;  ///< pairs (2i, 2i+1); else (i, i + dims / 2)
  float scale = 1;          ///< positions are multiplied by it (linear scaling)
  std::string factors;      ///< name of an optional tensor [dims / 2] that divides the frequencies

  bool operator==(const Rope&) const = default;
};

/// cos and sin of every position's angles: [positions][dims / 2][2]. `factors` is empty or
/// [dims / 2].
std::vector<float> rope_table(const Rope& rope, int64_t positions, std::span<const float> factors);

}  // namespace heed
