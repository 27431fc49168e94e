#include "engine/kernels/machine.h"

#include <doctest/doctest.h>

#include "engine/core/aligned.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/peaks.h"

namespace heed {

TEST_CASE("limits are what a machine can do") {
  ThreadTeam team(default_threads());
  const MachineLimits limits = measure_limits(team);
  REQUIRE(!limits.read.empty());
  int64_t previous = 0;
  for (const MachineLimits::Bandwidth& read : limits.read) {
    CHECK(read.working_set > previous);
    previous = read.working_set;
    CHECK(read.one_thread > 0.1);
    CHECK(read.one_thread < 1000);
    CHECK(read.all_threads > 0.1);
    CHECK(read.all_threads < 10000);
  }
  CHECK(limits.f32_gflops > 0.1);
  CHECK(limits.f32_gflops < 1e5);
  CHECK((limits.int8_gops > 0) == machine_has(Isa::avx2));
}

TEST_CASE("the reading loops stay within their bytes") {
  // The last page of a buffer: reads beyond it would be beyond the mapping.
  AlignedBuffer page(4096);
  PeakLoops loops;
  scalar::set_peaks(loops);
  for (const int streams : {1, 4}) loops.read(page.data(), page.size(), streams);
  if (machine_has(Isa::avx2)) {
    avx2::set_peaks(loops);
    for (const int streams : {1, 4}) loops.read(page.data(), page.size(), streams);
  }
  if (machine_has(Isa::avx512)) {
    avx512::set_peaks(loops);
    for (const int streams : {1, 4}) loops.read(page.data(), page.size(), streams);
  }
}

}  // namespace heed
