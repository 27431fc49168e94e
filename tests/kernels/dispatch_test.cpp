#include "engine/kernels/dispatch.h"

#include <doctest/doctest.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "tests/support/sentence.h"

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

}  // namespace

TEST_CASE("every instruction set of the machine has a table that says so") {
  for (const Isa isa : machine_isas()) {
    CHECK(kernels(isa).isa == isa);
    CHECK(kernels(isa).name == to_string(isa));
    CHECK(&kernels(isa) == &kernels(isa));
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

}  // namespace heed
