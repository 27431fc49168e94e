#include "engine/convert/metadata_edit.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <variant>

#include "engine/core/error.h"

namespace heed {
namespace {

/// The whole of `text` as a T: a number is finite, a string anything.
template <typename T>
std::optional<T> parse_value(std::string_view text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(text);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (text == "true") return true;
    if (text == "false") return false;
  } else if constexpr (std::is_arithmetic_v<T>) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end) return std::nullopt;
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) return std::nullopt;
    }
    return value;
  }
  return std::nullopt;
}

/// The first of some types that holds `text`.
template <typename T, typename... Others>
Metadata::Value value_like(std::string_view text) {
  if (auto value = parse_value<T>(text)) return std::move(*value);
  if constexpr (sizeof...(Others) > 0) {
    return value_like<Others...>(text);
  } else {
    return std::string(text);
  }
}

/// `text` in the type that `old` has, or nothing.
std::optional<Metadata::Value> value_of_type(const Metadata::Value& old, std::string_view text) {
  return std::visit(
      [&](const auto& held) -> std::optional<Metadata::Value> {
        if (auto value = parse_value<std::decay_t<decltype(held)>>(text)) return std::move(*value);
        return std::nullopt;
      },
      old);
}

}  // namespace

void edit_metadata(const MetadataEdits& edits, Metadata& metadata) {
  for (const auto& [key, text] : edits) {
    const Metadata::Value* old = metadata.find(key);
    if (!old) {
      metadata.set(key, value_like<bool, uint32_t, int32_t, uint64_t, int64_t, float>(text));
      continue;
    }
    auto value = value_of_type(*old, text);
    if (!value) {
      fail(Error::Code::argument, "key '", key, "' is of type ", type_name(*old),
           ", which cannot be set to ", to_text(Metadata::Value(text)));
    }
    metadata.set(key, std::move(*value));
  }
}

}  // namespace heed
