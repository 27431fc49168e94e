#include "engine/layers/rope.h"

#include <cmath>

namespace heed {

std::vector<float> rope_table(const Rope& rope, int64_t positions, std::span<const float> factors) {
  const int64_t pairs = rope.dims / 2;
  std::vector<double> frequencies(pairs);
  for (int64_t i = 0; i < pairs; ++i) {
    frequencies[i] = rope.scale * std::pow(double{rope.base}, -2.0 * i / rope.dims);
    if (!factors.empty()) frequencies[i] /= factors[i];
  }
  std::vector<float> table(positions * pairs * 2);
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(p) * frequencies[i];
      table[(p * pairs + i) * 2] = static_cast<float>(std::cos(angle));
      table[(p * pairs + i) * 2 + 1] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

}  // namespace heed
