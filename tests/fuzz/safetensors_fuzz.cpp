// Any bytes at all: as safetensors they are refused with an Error, or every tensor can be found
// again and read, and has the bytes that its shape asks for.
#include <cstdint>

#include "engine/core/error.h"
#include "engine/format/checkpoint.h"
#include "tests/fuzz/checks.h"

namespace heed {}  // namespace heed

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace heed;
  try {
    const Checkpoint file =
        Checkpoint::parse(std::as_bytes(std::span(data, size)), "input.safetensors");
    for (const TensorView& tensor : file.tensors()) {
      require(file.find(tensor.name) == &tensor);
      check_plain(tensor);
    }
  } catch (const Error&) {
  }
  return 0;
}
