// Element and block types of tensors, with the numbers and names GGUF gives them.
// Reference: the GGUF specification and ggml's type table. Used everywhere a tensor is described.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace heed {

/// The values are GGUF's own type numbers, so that a file's number is checked and cast, never
/// mapped.
enum class DType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  i8 = 24,
  i16 = 25,
  i32 = 26,
  i64 = 27,
  f64 = 28,
  bf16 = 30,
};

struct DTypeInfo {
  DType type;
  std::string_view name;  ///< lower case, as typed on the command line: "q4_k"
  int block;              ///< elements in a block; 1 for plain types
  int bytes;              ///< bytes in a block
};

/// All types Heed can hold, in the order of their GGUF numbers.
std::span<const DTypeInfo> all_dtypes();

const DTypeInfo& info(DType type);

/// The type with GGUF's number `id`, or nothing if Heed does not hold that type.
std::optional<DType> dtype_from_id(uint32_t id);

/// The type called `name` (any case), or nothing.
std::optional<DType> dtype_from_name(std::string_view name);

/// Bytes of one row of `elements` values; `elements` must be a multiple of the type's block.
inline int64_t row_bytes(DType type, int64_t elements) {
  const DTypeInfo& t = info(type);
  return elements / t.block * t.bytes;
}

}  // namespace heed
