#include "engine/kernels/dispatch.h"

#include <doctest/doctest.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

/// Runs `check` in a child process with HEED_ISA set: choose_isa caps oneDNN once for the life of
/// a process, and the other tests want it as it is.
bool in_child(const char* heed_isa, const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("HEED_ISA", heed_isa, 1);
    bool good = false;
    try {
      good = check();
    } catch (...) {
    }
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string sentence_of(const std::function<void()>& call, Error::Code code) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every instruction set of the machine has a table that says so") {
  const std::vector<Isa> isas = machine_isas();
  REQUIRE(isas.front() == Isa::scalar);
  for (const Isa isa : isas) {
    CHECK(machine_has(isa));
    CHECK(kernels(isa).isa == isa);
    CHECK(kernels(isa).name == to_string(isa));
    CHECK(&kernels(isa) == &kernels(isa));
    CHECK(isa_named(to_string(isa)) == isa);
  }
}

TEST_CASE("HEED_ISA forces a set, and oneDNN with it") {
  for (const Isa isa : machine_isas()) {
    const std::string name{to_string(isa)};
    CHECK(in_child(name.c_str(), [&] { return choose_isa() == isa && choose_isa() == isa; }));
  }
  CHECK(in_child("", [] { return choose_isa() == machine_isas().back(); }));
  CHECK(in_child("scalar", [] {
    choose_isa();
    return dnnl_get_effective_cpu_isa() <= dnnl_cpu_isa_sse41;
  }));
}

TEST_CASE("forcing a set after oneDNN took a wider one is an error") {
  if (!machine_has(Isa::avx2)) return;
  CHECK(in_child("scalar", [] {
    if (dnnl_get_effective_cpu_isa() <= dnnl_cpu_isa_sse41) return false;  // settles its choice
    return contains(sentence_of([] { choose_isa(); }, Error::Code::unsupported), "oneDNN");
  }));
}

TEST_CASE("an unknown or missing set is named in the error, with those there are") {
  const std::string unknown = sentence_of([] { isa_named("sse9"); }, Error::Code::argument);
  CHECK(contains(unknown, "HEED_ISA='sse9'"));
  CHECK(contains(unknown, "scalar, avx2, avx512, amx"));
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::amx}) {
    if (machine_has(isa)) continue;
    const std::string lacking =
        sentence_of([&] { isa_named(to_string(isa)); }, Error::Code::unsupported);
    CHECK(contains(lacking, to_string(isa)));
    CHECK(contains(lacking, "it has scalar"));
  }
  CHECK(in_child("AVX2", [] {
    try {
      choose_isa();
    } catch (const Error& e) {
      return e.code() == Error::Code::argument;
    }
    return false;
  }));
}

TEST_CASE("features agree with the sets they make up") {
  const std::vector<CpuFeature> features = cpu_features();
  const auto has = [&](std::string_view name) {
    const auto it = std::ranges::find(features, name, &CpuFeature::name);
    REQUIRE(it != features.end());
    return it->present;
  };
  CHECK(machine_has(Isa::avx2) == (has("avx2") && has("fma") && has("f16c") && has("bmi2")));
  if (machine_has(Isa::avx512)) CHECK(has("avx512_vnni"));
  if (machine_has(Isa::amx)) CHECK(has("amx_bf16"));
}

}  // namespace heed
