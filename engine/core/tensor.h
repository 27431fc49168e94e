// A tensor as a view: a type, a shape and where its bytes lie. Used by format, graph and convert.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/core/dtype.h"

namespace heed {

/// Row-major, outermost dimension first (as NumPy and PyTorch print it; the reverse of GGUF's
/// order).
using Shape = std::vector<int64_t>;

inline int64_t element_count(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

/// "[49152, 576]"
inline std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// A named tensor in somebody else's memory. Its last dimension is a whole number of blocks.
struct TensorView {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  std::span<const std::byte> data;
};

}  // namespace heed
