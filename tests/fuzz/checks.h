// What a fuzz target is, and what targets ask of the code under test. Used by all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "engine/core/tensor.h"
#include "engine/format/checkpoint.h"

namespace heed {

/// The target: tries an input, and aborts where a promise is broken. May throw Error.
void fuzz(std::string_view input);

inline void require(bool condition) {
  if (!condition) std::abort();
}

/// Every byte can be read.
inline void read_all(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  volatile unsigned keep = sum;
  (void)keep;
}

/// Every tensor of a checkpoint can be found again and read, and has the bytes that its shape asks
/// for.
inline void check_tensors(const Checkpoint& checkpoint) {
  for (const TensorView& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    require(element_count(tensor.shape) * info(tensor.type).bytes ==
            static_cast<int64_t>(tensor.data.size()));
    read_all(tensor.data);
  }
}

}  // namespace heed
