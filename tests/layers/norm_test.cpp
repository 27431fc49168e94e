#include "engine/layers/norm.h"

#include "tests/layers/step_bench.h"
#include "tests/support/kernel_tables.h"

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

TEST_CASE("a product reads what a norm has rounded for it as what it would round itself") {
  constexpr int64_t kWidth = 64, kOut = 48;
  const std::vector<float> weight = random_values(kWidth, 1), bias = random_values(kWidth, 2);
  const BoundNorm norm{.kind = Norm::Kind::layer, .weight = weight.data(), .bias = bias.data()};
  for (const NamedTable& isa : machine_tables()) {
    for (const DType type : {DType::f32, DType::bf16, DType::q8_0}) {
      const Matrix matrix(isa.table, type, kOut, kWidth, 3);
      for (const int64_t rows : {1, 3, 17, 40, 110}) {
        INFO(isa.name, " ", info(type).name, ", rows ", rows);
        const LinearPart part{.panels = matrix.panels};
        LinearStep product{.parts = {part}};
        StepBench bench(rows, isa.table);
        product.in = bench.buffer(kWidth, random_values(rows * kWidth, 4));
        const Buffer rounded{.offset = bench.take(product.input_bytes(rows)), .width = kWidth};
        bench.run(NormStep{.norm = norm,
                           .in = product.in,
                           .out = product.in,
                           .reader = part,
                           .rounded = rounded},
                  0);
        const int64_t scratch = product.scratch_bytes(isa.table, rows);
        product.shared_input = bench.take(product.input_bytes(rows));
        product.out = bench.buffer(kOut);
        bench.run(product, scratch);
        const std::vector<float> expected = bench.values(product.out);
        product.rounded_in = rounded;
        product.out = bench.buffer(kOut);
        bench.run(product, scratch);
        CHECK(bench.values(product.out) == expected);
      }
    }
  }
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
