// Any bytes at all: GgufFile either refuses them with an Error, or everything it hands out can be
// found again, read, converted and printed.
#include <cstdint>
#include <string>

#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "tests/fuzz/checks.h"

namespace heed {
namespace {

template <typename T>
void read_as(const Metadata& metadata, const std::string& key) {
  try {
    metadata.require<T>(key);
  } catch (const Error&) {
  }
}

void touch(const Metadata& metadata) {
  for (const Metadata::Entry& entry : metadata.entries()) {
    require(metadata.find(entry.key) == &entry.value);
    require(!to_text(entry.value).empty() && !type_name(entry.value).empty());
    read_as<int32_t>(metadata, entry.key);
    read_as<float>(metadata, entry.key);
    read_as<std::string>(metadata, entry.key);
    read_as<std::vector<uint64_t>>(metadata, entry.key);
    read_as<std::vector<std::string>>(metadata, entry.key);
  }
}

void touch(const TensorView& tensor) {
  require(row_bytes(tensor.type, tensor.shape.empty() ? 1 : tensor.shape.back()) <=
          static_cast<int64_t>(tensor.data.size()));
  require(reinterpret_cast<uintptr_t>(tensor.data.data()) % 8 == 0);
  read_all(tensor.data);
}

}  // namespace

void fuzz(std::string_view input) {
  const GgufFile file = GgufFile::parse(std::as_bytes(std::span(input)), "input");
  touch(file.metadata());
  for (const TensorView& tensor : file.tensors()) {
    require(file.find(tensor.name) == &tensor);
    touch(tensor);
  }
}

}  // namespace heed
