// The checks that the GGUF reader and writer share: see gguf_layout.h.
#include "engine/format/gguf_layout.h"

#include <algorithm>
#include <bit>

#include "engine/format/tensor_table.h"

namespace heed::gguf {

uint32_t alignment(const Metadata& metadata) {
  const Metadata::Value* value = metadata.find(kAlignmentKey);
  if (!value) return kAlignment;
  const auto* bytes = std::get_if<uint32_t>(value);
  if (bytes && std::has_single_bit(*bytes) && *bytes >= kMinAlignment && *bytes <= kMaxAlignment) {
    return *bytes;
  }
  fail(Error::Code::format, metadata.source(), ": key '", kAlignmentKey,
       "': expected a u32 power of two from ", kMinAlignment, " to ", kMaxAlignment, ", found ",
       type_name(*value), " ", to_text(*value));
}

std::optional<std::string> tensor_problem(DType type, const Shape& shape) {
  if (shape.size() > kMaxDimensions) {
    return cat("expected at most ", kMaxDimensions, " dimensions, found ", shape.size());
  }
  if (std::ranges::any_of(shape, [](int64_t size) { return size < 1; })) {
    return cat("expected dimensions from 1 to 2^63 - 1, found ", to_string(shape));
  }
  const DTypeInfo& t = info(type);
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (row % t.block != 0) {
    return cat("rows of ", row, " elements are not whole blocks of ", t.name, " (", t.block,
               " elements each)");
  }
  if (!checked_bytes(type, shape)) return cat("the shape ", to_string(shape), " exceeds 63 bits");
  return std::nullopt;
}

}  // namespace heed::gguf
