#include "engine/layers/norm.h"

#include "tests/layers/step_bench.h"

namespace heed {

TEST_CASE("RMS norm divides by the root of the mean square") {
  const std::vector<float> weight = {1, 2};
  StepBench bench(3);
  const Buffer x = bench.buffer(2, {1, 7, 5, -5, 0, 0});
  const Buffer y = bench.buffer(2);
  const BoundNorm norm{.kind = Norm::Kind::rms, .weight = weight.data()};
  bench.run(NormStep{.norm = norm, .in = x, .out = y}, 0);
  const std::vector<float> found = bench.values(y, 2);  // the mean squares are 25 and 25
  const std::vector<float> expected = {0.2f, 2.8f, 1, -2};
  for (size_t i = 0; i < 4; ++i) CHECK(found[i] == doctest::Approx(expected[i]));
  CHECK(bench.values(x) == std::vector<float>{1, 7, 5, -5, 0, 0});
}

TEST_CASE("layer norm takes mean and variance away, in place too") {
  const std::vector<float> weight = {2, 3}, bias = {10, 20};
  const BoundNorm norm{
      .kind = Norm::Kind::layer, .epsilon = 3, .weight = weight.data(), .bias = bias.data()};
  StepBench bench(2);
  const Buffer x = bench.buffer(2, {1, 3, 4, 4});
  bench.run(NormStep{.norm = norm, .in = x, .out = x}, 0);
  CHECK(bench.values(x) ==
        std::vector<float>{9, 21.5f, 10, 20});  // deviations -1, 1 over sqrt(1+3)
}

TEST_CASE("a layer norm has a bias, an RMS norm has none") {
  const Dims dims{.width = 8};
  CHECK(params(Norm{.name = "n"}, dims).size() == 2);
  const Params rms = params(Norm{.name = "n", .kind = Norm::Kind::rms}, dims);
  REQUIRE(rms.size() == 1);
  CHECK(rms[0].name == "n.weight");
  CHECK(rms[0].shape == Shape{8});
}

}  // namespace heed
