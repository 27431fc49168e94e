// Computed positions: sines and cosines of angles that grow with the token's position, slower for
// later columns. Reference: Vaswani et al. 2017, section 3.5. Used by the embedding.
#pragma once

#include <cstdint>
#include <vector>

namespace heed {

/// Column order: sine and cosine of each angle side by side, as in the paper; or all sines, then
/// all cosines, as Marian and the authors' own tensor2tensor have them.
enum class Sinusoid { interleaved, halves };

/// [positions][width]: angle i of position p is p / 10000^(2 i / width). The last angle of an odd
/// width has a sine only.
std::vector<float> sinusoid_table(Sinusoid layout, int64_t positions, int64_t width);

}  // namespace heed
