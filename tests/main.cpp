// The test binary's entry point; every *_test.cpp below tests/ is linked into it (see
// CMakeLists.txt). Run under HEED_ISA for a set this machine lacks, it says so and runs nothing.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>

#include "engine/kernels/kernels.h"
#include "heed_error.hpp"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt
  const char* isa = std::getenv("HEED_ISA");
  try {
    if (isa) heed::isa_named(isa);
  } catch (const heed::Error& e) {
    const bool lacks = e.code() == heed::Error::Code::unsupported;
    std::cout << (lacks ? "skipped: " : "") << e.what() << "\n";
    return lacks ? kSkipped : 1;
  }
  return doctest::Context(argc, argv).run();
}
