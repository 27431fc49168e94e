#include "engine/layers/pool.h"

#include "tests/layers/step_bench.h"

namespace heed {

TEST_CASE("a sequence becomes the mean, the first or the last of its rows") {
  StepBench bench(4);
  bench.set_sequences({3, 1});
  const Buffer x = bench.buffer(2, {1, 10, 2, 20, 6, 60, 7, 8});
  std::vector<float> out(4);
  bench.pass.out = out.data();
  const Buffer pooled{.offset = -1, .width = 2};
  const auto run = [&](Pooling model, Pooling asked) {
    bench.pass.pooling = asked;
    bench.run(PoolStep{.kind = model, .in = x, .out = pooled}, 0);
    return out;
  };
  CHECK(run(Pooling::mean, Pooling::model) == std::vector<float>{3, 30, 7, 8});
  CHECK(run(Pooling::cls, Pooling::model) == std::vector<float>{1, 10, 7, 8});
  CHECK(run(Pooling::last, Pooling::model) == std::vector<float>{6, 60, 7, 8});
  CHECK(run(Pooling::last, Pooling::mean) == std::vector<float>{3, 30, 7, 8});  // the pass may say
}

}  // namespace heed
