#include "engine/layers/embedding.h"

#include "tests/layers/step_bench.h"

namespace heed {
namespace {

TensorView view(const std::vector<float>& values, int64_t width) {
  return {.name = "table",
          .type = DType::f32,
          .shape = {static_cast<int64_t>(values.size()) / width, width},
          .data = std::as_bytes(std::span(values))};
}

}  // namespace

TEST_CASE("a token's row, scaled, and those of its position and of the first segment") {
  const std::vector<float> words = {1, 2, 3, 4, 5, 6}, places = {100, 0, 200, 0, 300, 0},
                           segments = {0, 1000, 7, 7};
  const TensorView table = view(words, 2), positions = view(places, 2), types = view(segments, 2);
  StepBench bench(4);
  bench.set_tokens({2, 0, 1, 2});
  bench.set_sequences({3, 1});
  const Buffer out = bench.buffer(2);
  const int64_t scratch = EmbeddingStep::scratch_bytes(2);

  bench.run(EmbeddingStep{.table = &table, .out = out}, scratch);
  CHECK(bench.values(out) == std::vector<float>{5, 6, 1, 2, 3, 4, 5, 6});

  bench.run(
      EmbeddingStep{
          .table = &table, .positions = &positions, .segments = &types, .scale = 10, .out = out},
      scratch);
  CHECK(bench.values(out) == std::vector<float>{150, 1060, 210, 1020, 330, 1040, 150, 1060});
}

TEST_CASE("computed positions are added to the scaled row") {
  const std::vector<float> words = {1, 2, 3, 4, 5, 6};
  const TensorView table = view(words, 2);
  StepBench bench(4);
  bench.set_tokens({2, 0, 1, 2});
  bench.set_sequences({3, 1});
  const Buffer out = bench.buffer(2);
  const auto sinusoids =
      std::make_shared<const std::vector<float>>(std::vector<float>{0, 0, 100, 1000, 200, 2000});
  bench.run(EmbeddingStep{.table = &table, .sinusoids = sinusoids, .scale = 10, .out = out},
            EmbeddingStep::scratch_bytes(2));
  CHECK(bench.values(out) == std::vector<float>{50, 60, 110, 1020, 230, 2040, 50, 60});
}

TEST_CASE("tables are listed where the layer names them") {
  const Dims dims{.width = 8, .vocab = 50, .context = 20};
  CHECK(params(Embedding{}, dims).size() == 1);
  const Params all =
      params(Embedding{.name = "e", .positions = "p", .segments = "s", .segment_types = 3}, dims);
  REQUIRE(all.size() == 3);
  CHECK(all[Embedding::table].shape == Shape{50, 8});
  CHECK(all[Embedding::position_table].name == "p.weight");
  CHECK(all[Embedding::position_table].shape == Shape{20, 8});
  CHECK(all[Embedding::segment_table].shape == Shape{3, 8});
}

}  // namespace heed
