// What the fuzz targets ask of the code under test. Used by all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/core/tensor.h"

namespace heed {

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

/// A checkpoint's tensor has the bytes that its shape asks for, and all of them can be read.
inline void check_plain(const TensorView& tensor) {
  require(element_count(tensor.shape) * info(tensor.type).bytes ==
          static_cast<int64_t>(tensor.data.size()));
  read_all(tensor.data);
}

}  // namespace heed
