#include "engine/layers/rope.h"

#include <cmath>

namespace heed {
namespace {

/// Positions whose angles are small steps from the first one's.
constexpr int64_t kSteps = 64;

struct Turn {
  double cos, sin;
};

/// By the angle of `position`, for each frequency.
std::vector<Turn> turns(const std::vector<double>& frequencies, int64_t position) {
  std::vector<Turn> result;
  result.reserve(frequencies.size());
  for (const double frequency : frequencies) {
    const double angle = static_cast<double>(position) * frequency;
    result.push_back({std::cos(angle), std::sin(angle)});
  }
  return result;
}

}  // namespace

// A sine takes ten times as long as the turn by a sum of two angles, whose error in doubles is
// nothing to a float.
std::vector<float> rope_table(const Rope& rope, int64_t positions, std::span<const float> factors) {
  const int64_t pairs = rope.dims / 2;
  std::vector<double> frequencies(pairs);
  for (int64_t i = 0; i < pairs; ++i) {
    frequencies[i] = rope.scale * std::pow(double{rope.base}, -2.0 * i / rope.dims);
    if (!factors.empty()) frequencies[i] /= factors[i];
  }
  std::vector<std::vector<Turn>> steps;
  for (int64_t step = 0; step < kSteps; ++step) steps.push_back(turns(frequencies, step));
  std::vector<float> table(positions * pairs * 2);
  std::vector<Turn> from;
  for (int64_t p = 0; p < positions; ++p) {
    if (p % kSteps == 0) from = turns(frequencies, p);
    const Turn* by = steps[p % kSteps].data();
    for (int64_t i = 0; i < pairs; ++i) {
      const Turn a = from[i], b = by[i];
      table[(p * pairs + i) * 2] = static_cast<float>(a.cos * b.cos - a.sin * b.sin);
      table[(p * pairs + i) * 2 + 1] = static_cast<float>(a.sin * b.cos + a.cos * b.sin);
    }
  }
  return table;
}

}  // namespace heed
