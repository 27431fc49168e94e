#include <doctest/doctest.h>

#include "engine/kernels/kernels.h"

namespace heed {

TEST_CASE("every instruction set of the machine has a table that says so") {
  for (const Isa isa : machine_isas()) {
    CHECK(kernels(isa).isa == isa);
    CHECK(kernels(isa).name == to_string(isa));
    CHECK(&kernels(isa) == &kernels(isa));
  }
}

}  // namespace heed
