#include "engine/layers/sinusoid.h"

#include <doctest/doctest.h>

namespace heed {
namespace {

void check_row(const std::vector<float>& table, int64_t position, const std::vector<float>& row) {
  CAPTURE(position);
  const auto width = static_cast<int64_t>(row.size());
  for (int64_t i = 0; i < width; ++i) {
    CAPTURE(i);
    CHECK(table[position * width + i] == row[i]);
  }
}

}  // namespace

TEST_CASE("halves are the table of transformers' MarianSinusoidalPositionalEmbedding") {
  const std::vector<float> even = sinusoid_table(Sinusoid::halves, 40, 6);
  REQUIRE(even.size() == 40 * 6);
  check_row(even, 0, {0, 0, 0, 1, 1, 1});
  check_row(even, 1,
            {0.8414709568023682f, 0.04639922454953194f, 0.002154432935640216f, 0.5403022766113281f,
             0.9989230036735535f, 0.9999976754188538f});
  check_row(even, 39,
            {0.9637953639030457f, 0.9714748859405518f, 0.08392412215471268f, 0.2666429281234741f,
             -0.2371424287557602f, 0.9964721202850342f});
  const std::vector<float> odd = sinusoid_table(Sinusoid::halves, 40, 5);
  check_row(odd, 0, {0, 0, 0, 1, 1});
  check_row(odd, 1,
            {0.8414709568023682f, 0.025116221979260445f, 0.0006309573072940111f,
             0.5403022766113281f, 0.9996845126152039f});
  check_row(odd, 39,
            {0.9637953639030457f, 0.8302943706512451f, 0.024604853242635727f, 0.2666429281234741f,
             0.5573250651359558f});
}

TEST_CASE("interleaved: each sine beside its cosine, the last of an odd width alone") {
  const std::vector<float> table = sinusoid_table(Sinusoid::interleaved, 40, 5);
  check_row(table, 0, {0, 1, 0, 1, 0});
  check_row(table, 39,
            {0.9637953639030457f, 0.2666429281234741f, 0.8302943706512451f, 0.5573250651359558f,
             0.024604853242635727f});
  check_row(sinusoid_table(Sinusoid::interleaved, 2, 1), 1, {0.8414709568023682f});
}

}  // namespace heed
