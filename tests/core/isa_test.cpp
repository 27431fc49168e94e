#include "engine/core/isa.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "tests/support/sentence.h"

namespace heed {
namespace {

/// HEED_ISA as `value` while this lives.
class HeedIsa {
 public:
  explicit HeedIsa(const std::string& value) {
    if (const char* before = std::getenv("HEED_ISA")) before_ = before;
    setenv("HEED_ISA", value.c_str(), 1);
  }
  ~HeedIsa() { setenv("HEED_ISA", before_.c_str(), 1); }  // empty counts as unset

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("HEED_ISA names one of the machine's sets; without it the best is preferred") {
  const std::vector<Isa> isas = machine_isas();
  REQUIRE(isas.front() == Isa::scalar);
  CHECK(std::ranges::is_sorted(isas));
  for (const Isa isa : isas) {
    CHECK(machine_has(isa));
    const HeedIsa forced{std::string(to_string(isa))};
    CHECK(forced_isa() == isa);
    CHECK(preferred_isa() == isa);
  }
  const HeedIsa unset{""};
  CHECK(!forced_isa());
  CHECK(preferred_isa() == isas.back());
}

TEST_CASE("an unknown or missing set is named in the error, with those there are") {
  for (const std::string name : {"sse9", "AVX2"}) {
    const HeedIsa forced(name);
    const std::string unknown = sentence_of([] { preferred_isa(); }, Error::Code::argument);
    CHECK(contains(unknown, "HEED_ISA='" + name + "'"));
    CHECK(contains(unknown, "scalar, avx2, avx512, amx"));
  }
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::amx}) {
    if (machine_has(isa)) continue;
    const std::string lacking =
        sentence_of([&] { isa_named(to_string(isa)); }, Error::Code::unsupported);
    CHECK(contains(lacking, to_string(isa)));
    CHECK(contains(lacking, "it has scalar"));
  }
}

TEST_CASE("features agree with the sets they make up") {
  for (const CpuFeature& f : cpu_features()) CHECK(has_cpu_feature(f.name) == f.present);
  CHECK(!has_cpu_feature("avx1024"));
  const bool avx2 = has_cpu_feature("avx2") && has_cpu_feature("fma") && has_cpu_feature("f16c") &&
                    has_cpu_feature("bmi2");
  CHECK(machine_has(Isa::avx2) == avx2);
  if (machine_has(Isa::avx512)) CHECK(has_cpu_feature("avx512_vnni"));
  if (machine_has(Isa::amx)) CHECK(has_cpu_feature("amx_bf16"));
}

}  // namespace heed
