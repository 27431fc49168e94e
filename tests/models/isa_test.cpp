// Every test of models runs once per instruction set (tests/CMakeLists.txt): proves that the one
// asked for is the one at work.
#include <doctest/doctest.h>

#include <cstdlib>

#include "engine/api/library.h"
#include "engine/kernels/kernels.h"
#include "tests/support/paths.h"

namespace heed {

TEST_CASE("the kernels of a model are those HEED_ISA names, or the machine's best") {
  const char* forced = std::getenv("HEED_ISA");
  const Model model = Model::load((test_dir() / "models/goldens/tiny-llama.gguf").string());
  CHECK(model.info().isa == (forced ? forced : to_string(machine_isas().back())));
}

}  // namespace heed
