// libFuzzer's entry, the same for all targets: an input may be refused with an Error, nothing else.
#include <cstddef>
#include <cstdint>

#include "engine/core/error.h"
#include "tests/fuzz/checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    heed::fuzz({reinterpret_cast<const char*>(data), size});
  } catch (const heed::Error&) {
  }
  return 0;
}
