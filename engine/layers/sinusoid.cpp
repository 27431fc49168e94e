#include "engine/layers/sinusoid.h"

#include <cmath>

namespace heed {

std::vector<float> sinusoid_table(Sinusoid layout, int64_t positions, int64_t width) {
  const int64_t sines = (width + 1) / 2;
  const bool halves = layout == Sinusoid::halves;
  std::vector<float> table(positions * width);
  for (int64_t i = 0; i < sines; ++i) {
    const double divisor = std::pow(10000.0, 2.0 * static_cast<double>(i) / width);
    const int64_t sine = halves ? i : 2 * i;
    const int64_t cosine = halves ? sines + i : 2 * i + 1;
    for (int64_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) / divisor;
      table[p * width + sine] = static_cast<float>(std::sin(angle));
      if (cosine < width) table[p * width + cosine] = static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

}  // namespace heed
