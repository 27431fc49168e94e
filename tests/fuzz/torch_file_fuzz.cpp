// Any bytes at all: as a file of torch.save they are refused with an Error, or every tensor can be
// found again and read, and has the bytes that its shape asks for. A byte in front says what the
// rest is: a pickle, which the fuzzer would seldom find behind the lengths of an archive, put into
// one beside a few storages; or the whole file.
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/format/checkpoint.h"
#include "tests/fuzz/checks.h"
#include "tests/support/zip_file.h"

namespace heed {
namespace {

void read(std::string_view file) {
  const Checkpoint checkpoint = Checkpoint::parse(std::as_bytes(std::span(file)), "input.bin");
  for (const TensorView& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    check_plain(tensor);
  }
}

}  // namespace
}  // namespace heed

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    if (data[0] % 2 == 0) {
      heed::read(input);
    } else {
      heed::read(heed::zip_file({{.name = "a/data.pkl", .data = std::string(input)},
                                 {.name = "a/data/0", .data = std::string(48, 'x')},
                                 {.name = "a/data/1", .data = std::string(12, 'y')},
                                 {.name = "a/data/2", .data = std::string(8, 'z')}}));
    }
  } catch (const heed::Error&) {
  }
  return 0;
}
