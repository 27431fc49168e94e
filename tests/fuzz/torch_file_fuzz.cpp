// Any bytes at all: as a file of torch.save they are refused with an Error, or every tensor can be
// found again and read, and has the bytes that its shape asks for. A byte in front says what the
// rest is: a pickle, which the fuzzer would seldom find behind the lengths of an archive, put into
// one beside a few storages; or the whole file.
#include <string>
#include <string_view>

#include "engine/format/checkpoint.h"
#include "tests/fuzz/checks.h"
#include "tests/support/zip_file.h"

namespace heed {

void fuzz(std::string_view input) {
  if (input.empty()) return;
  std::string_view file = input.substr(1);
  std::string archive;
  if (input[0] % 2 != 0) {
    archive = zip_file({{.name = "a/data.pkl", .data = std::string(file)},
                        {.name = "a/data/0", .data = std::string(48, 'x')},
                        {.name = "a/data/1", .data = std::string(12, 'y')},
                        {.name = "a/data/2", .data = std::string(8, 'z')}});
    file = archive;
  }
  check_tensors(Checkpoint::parse(std::as_bytes(std::span(file)), "input.bin"));
}

}  // namespace heed
