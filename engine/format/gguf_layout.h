// Numbers, names and caps that the GGUF reader and writer share.
// Reference: the GGUF specification (github.com/ggml-org/ggml, docs/gguf.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/core/tensor.h"
#include "engine/format/metadata.h"

namespace heed::gguf {

inline constexpr std::string_view kMagic = "GGUF";
inline constexpr uint32_t kVersion = 3;     // version 3 is version 2 plus a big-endian variant
inline constexpr uint32_t kOldVersion = 2;  // version 1 has 32-bit counts and died within weeks

inline constexpr std::string_view kAlignmentKey = "general.alignment";
inline constexpr uint32_t kAlignment = 32;
inline constexpr uint32_t kMinAlignment = 8;        // the specification's, and what an f64 needs
inline constexpr uint32_t kMaxAlignment = 1 << 20;  // past any page or cache line that could gain

// Caps on what a header may claim. Every claim is also held against the bytes that are left in the
// file; these bound the memory that a huge but hollow file can ask for.
inline constexpr uint64_t kMaxKeys = 1 << 16;           // files have 20 to 60
inline constexpr uint64_t kMaxTensors = 1 << 18;        // unmerged mixtures of experts reach 90,000
inline constexpr uint64_t kMaxKeyBytes = 65535;         // the specification's
inline constexpr uint64_t kMaxNameBytes = 255;          // ggml's own limit is 63, forks double it
inline constexpr uint64_t kMaxWrittenNameBytes = 63;    // so that ggml reads what we write
inline constexpr uint64_t kMaxStringBytes = 1 << 26;    // a whole tokenizer.json takes up to 35 MB
inline constexpr uint64_t kMaxArrayElements = 1 << 26;  // vocabularies: 260,000; merges: 520,000
inline constexpr uint32_t kMaxDimensions = 4;           // the specification's

/// Type numbers of metadata values. Metadata::Value holds the scalars in this order, without array.
enum class ValueType : uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64,
};
inline constexpr uint32_t kValueTypes = 13;

/// Calls f.operator()<T>() with the C++ type of a scalar `type`.
template <typename F>
decltype(auto) with_type(ValueType type, F&& f) {
  switch (type) {
    case ValueType::u8:
      return f.template operator()<uint8_t>();
    case ValueType::i8:
      return f.template operator()<int8_t>();
    case ValueType::u16:
      return f.template operator()<uint16_t>();
    case ValueType::i16:
      return f.template operator()<int16_t>();
    case ValueType::u32:
      return f.template operator()<uint32_t>();
    case ValueType::i32:
      return f.template operator()<int32_t>();
    case ValueType::f32:
      return f.template operator()<float>();
    case ValueType::boolean:
      return f.template operator()<bool>();
    case ValueType::string:
      return f.template operator()<std::string>();
    case ValueType::u64:
      return f.template operator()<uint64_t>();
    case ValueType::i64:
      return f.template operator()<int64_t>();
    case ValueType::f64:
      return f.template operator()<double>();
    case ValueType::array:
      break;
  }
  fail(Error::Code::format, "value type ", static_cast<uint32_t>(type), " is not a scalar");
}

/// The value of general.alignment, or its default. Throws Error(format) if it cannot be one.
uint32_t alignment(const Metadata& metadata);

/// What is wrong with the description of a tensor, if anything.
std::optional<std::string> tensor_problem(DType type, const Shape& shape);

constexpr uint64_t align_up(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

}  // namespace heed::gguf
