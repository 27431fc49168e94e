// The table behind dtype.h.
#include "engine/core/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace heed {
namespace {

constexpr std::array kTypes = {
    DTypeInfo{DType::f32, "f32", 1, 4},         DTypeInfo{DType::f16, "f16", 1, 2},
    DTypeInfo{DType::q4_0, "q4_0", 32, 18},     DTypeInfo{DType::q4_1, "q4_1", 32, 20},
    DTypeInfo{DType::q5_0, "q5_0", 32, 22},     DTypeInfo{DType::q5_1, "q5_1", 32, 24},
    DTypeInfo{DType::q8_0, "q8_0", 32, 34},     DTypeInfo{DType::q2_k, "q2_k", 256, 84},
    DTypeInfo{DType::q3_k, "q3_k", 256, 110},   DTypeInfo{DType::q4_k, "q4_k", 256, 144},
    DTypeInfo{DType::q5_k, "q5_k", 256, 176},   DTypeInfo{DType::q6_k, "q6_k", 256, 210},
    DTypeInfo{DType::iq4_nl, "iq4_nl", 32, 18}, DTypeInfo{DType::i8, "i8", 1, 1},
    DTypeInfo{DType::i16, "i16", 1, 2},         DTypeInfo{DType::i32, "i32", 1, 4},
    DTypeInfo{DType::i64, "i64", 1, 8},         DTypeInfo{DType::f64, "f64", 1, 8},
    DTypeInfo{DType::bf16, "bf16", 1, 2},
};

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::span<const DTypeInfo> all_dtypes() {
  return kTypes;
}

const DTypeInfo& info(DType type) {
  return *std::ranges::find(kTypes, type, &DTypeInfo::type);
}

std::optional<DType> dtype_from_id(uint32_t id) {
  const auto it = std::ranges::find(kTypes, static_cast<DType>(id), &DTypeInfo::type);
  return it == kTypes.end() ? std::nullopt : std::optional(it->type);
}

std::optional<DType> dtype_from_name(std::string_view name) {
  const auto it = std::ranges::find_if(
      kTypes, [&](const DTypeInfo& t) { return same_ignoring_case(t.name, name); });
  return it == kTypes.end() ? std::nullopt : std::optional(it->type);
}

}  // namespace heed
