#include <doctest/doctest.h>

#include <algorithm>

#include "engine/api/library.h"

namespace heed {

TEST_CASE("the machine describes itself") {
  const MachineInfo info = machine_info();
  CHECK(info.threads >= 1);
  CHECK(info.memory_bytes > int64_t{64} << 20);
  REQUIRE(!info.isas.empty());
  CHECK(info.isas.front() == "scalar");
  CHECK(std::ranges::find(info.isas, info.isa) != info.isas.end());
  CHECK(info.features.front().first == "avx2");
}

}  // namespace heed
