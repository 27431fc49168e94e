// Any bytes at all: as safetensors they are refused with an Error, or every tensor can be found
// again and read, and has the bytes that its shape asks for.
#include "engine/format/checkpoint.h"
#include "tests/fuzz/checks.h"

namespace heed {

void fuzz(std::string_view input) {
  check_tensors(Checkpoint::parse(std::as_bytes(std::span(input)), "input.safetensors"));
}

}  // namespace heed
