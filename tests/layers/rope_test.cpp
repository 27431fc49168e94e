#include "engine/layers/rope.h"

#include <doctest/doctest.h>

#include <cmath>

namespace heed {

TEST_CASE("angles grow with the position, slower for later pairs") {
  const std::vector<float> table = rope_table({.base = 100, .dims = 4}, 3, {});
  REQUIRE(table.size() == 3 * 2 * 2);
  for (int p = 0; p < 3; ++p) {
    const double angles[] = {1.0 * p, 0.1 * p};  // base^(-2i / dims)
    for (int i = 0; i < 2; ++i) {
      CHECK(table[(p * 2 + i) * 2] == doctest::Approx(std::cos(angles[i])));
      CHECK(table[(p * 2 + i) * 2 + 1] == doctest::Approx(std::sin(angles[i])));
    }
  }
}

TEST_CASE("linear scaling stretches positions, factors slow pairs down") {
  const float factors[] = {1, 4};
  const std::vector<float> table = rope_table({.base = 1, .dims = 4, .scale = 0.5f}, 3, factors);
  CHECK(table[(2 * 2 + 0) * 2 + 1] == doctest::Approx(std::sin(1.0)));
  CHECK(table[(2 * 2 + 1) * 2 + 1] == doctest::Approx(std::sin(0.25)));
}

TEST_CASE("far positions are as exact as a float") {
  const std::vector<float> table = rope_table({.base = 10000, .dims = 8}, 5000, {});
  for (int p = 4900; p < 5000; ++p) {
    for (int i = 0; i < 4; ++i) {
      const double angle = p * std::pow(10.0, -i);
      CHECK(std::abs(table[(p * 4 + i) * 2] - std::cos(angle)) < 1e-7);
      CHECK(std::abs(table[(p * 4 + i) * 2 + 1] - std::sin(angle)) < 1e-7);
    }
  }
}

}  // namespace heed
