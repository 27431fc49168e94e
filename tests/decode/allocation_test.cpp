// After the first token nothing is allocated: not by steps, attention, the team or the sampler.
#include <doctest/doctest.h>

#include "engine/decode/decoder.h"
#include "engine/decode/sampler.h"
#include "engine/kernels/kernels.h"
#include "tests/support/allocations.h"
#include "tests/support/tiny_model.h"

namespace heed {

TEST_CASE("the counter counts") {
  CHECK(count_allocations([] {}) == 0);
  CHECK(count_allocations([] { std::vector<int>(100).at(3) = 1; }) >= 1);
}

TEST_CASE("from the second token to the twentieth nothing is allocated") {
  Sampling sampling{.temperature = 0.8f, .repeat_penalty = 1.1f, .seed = 3};
  for (const DType type : {DType::f32, DType::bf16, DType::q4_1, DType::q4_k}) {
    for (const int threads : {1, 2}) {
      CAPTURE(info(type).name);
      CAPTURE(threads);
      const TinyModel model(tiny_decoder(), type, kernels(preferred_isa()));
      Decoder decoder(model.graph(), model.weights(), {.context = 64, .threads = threads});
      Sampler sampler(sampling, 130, decoder.kernels());
      Token token = sampler.sample(decoder.eval(std::vector<Token>{1, 2, 3}), decoder.tokens());
      const auto decode = [&](int tokens) {
        for (int i = 0; i < tokens; ++i) {
          token = sampler.sample(decoder.eval({&token, 1}), decoder.tokens());
        }
      };
      decode(1);
      CHECK(count_allocations([&] { decode(19); }) == 0);
      CHECK(decoder.position() == 23);
    }
  }
}

}  // namespace heed
