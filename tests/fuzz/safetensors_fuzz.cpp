// Any bytes at all: as safetensors they are refused with an Error, or every tensor can be found
// again and read, and has the bytes that its shape asks for.
#include <cstdint>
#include <cstdlib>

#include "engine/core/error.h"
#include "engine/format/checkpoint.h"

namespace heed {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void touch(const TensorView& tensor) {
  require(element_count(tensor.shape) * info(tensor.type).bytes ==
          static_cast<int64_t>(tensor.data.size()));
  unsigned sum = 0;
  for (const std::byte byte : tensor.data) sum += std::to_integer<unsigned>(byte);
  volatile unsigned keep = sum;
  (void)keep;
}

}  // namespace
}  // namespace heed

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace heed;
  try {
    const Checkpoint file =
        Checkpoint::parse(std::as_bytes(std::span(data, size)), "input.safetensors");
    for (const TensorView& tensor : file.tensors()) {
      require(file.find(tensor.name) == &tensor);
      touch(tensor);
    }
  } catch (const Error&) {
  }
  return 0;
}
