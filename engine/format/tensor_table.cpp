// The checks of names and sizes of tensor_table.h.
#include "engine/format/tensor_table.h"

#include <algorithm>

namespace heed {

std::optional<std::string> name_problem(std::string_view name) {
  if (name.empty()) return "has an empty name";
  if (std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return cat("the name holds a control character: ", to_text(std::string(name)));
  }
  return std::nullopt;
}

std::optional<int64_t> checked_bytes(DType type, const Shape& shape) {
  const DTypeInfo& t = info(type);
  int64_t blocks = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t factor = i + 1 < shape.size() ? shape[i] : shape[i] / t.block;
    if (__builtin_mul_overflow(blocks, factor, &blocks)) return std::nullopt;
  }
  // The number of elements is to fit as well, for those who count them.
  int64_t elements = 0;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(blocks, int64_t{t.block}, &elements)) return std::nullopt;
  if (__builtin_mul_overflow(blocks, int64_t{t.bytes}, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace heed
