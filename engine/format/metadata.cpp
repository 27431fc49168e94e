// Lookup, errors and printing of metadata.h.
#include "engine/format/metadata.h"

#include <array>
#include <optional>

#include "engine/core/error.h"

namespace heed {
namespace {

constexpr std::array<std::string_view, 12> kScalarNames = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "u64", "i64", "f64"};
static_assert(std::variant_size_v<Metadata::Value> == 2 * kScalarNames.size());

template <typename T>
constexpr bool is_number = std::is_arithmetic_v<T> && !std::same_as<T, bool>;

template <typename T>
constexpr bool is_array = false;
template <typename T>
constexpr bool is_array<std::vector<T>> = true;

template <typename T>
constexpr bool is_number_array = false;
template <typename T>
constexpr bool is_number_array<std::vector<T>> = is_number<T>;

/// `from` as a To if no more than precision is lost. Booleans and strings are not numbers.
template <typename To, typename From>
std::optional<To> convert(const From& from) {
  if constexpr (std::same_as<To, From>) {
    return from;
  } else if constexpr (is_number_array<To> && is_number_array<From>) {
    To result;
    result.reserve(from.size());
    for (const auto element : from) {
      const auto converted = convert<typename To::value_type>(element);
      if (!converted) return std::nullopt;
      result.push_back(*converted);
    }
    return result;
  } else if constexpr (is_number<To> && is_number<From>) {
    if constexpr (std::integral<To> && std::integral<From>) {
      if (std::in_range<To>(from)) return static_cast<To>(from);
    } else if constexpr (std::floating_point<To>) {
      return static_cast<To>(from);
    }
  }
  return std::nullopt;
}

void append_text(std::string& out, const std::string& text, size_t limit) {
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    // Cut only where a UTF-8 character begins.
    if (i >= limit && (text[i] & 0xC0) != 0x80) {
      out += cat("\"... ", text.size(), " bytes in all");
      return;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += {'\\', text[i]};
    } else if (c < 0x20 || c == 0x7F) {
      out += {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    } else {
      out += text[i];
    }
  }
  out += '"';
}

template <typename T>
void append_text(std::string& out, const T& value, size_t limit) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (is_array<T>) {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      if (out.size() >= limit) {
        out += cat("... ", value.size(), " in all");
        break;
      }
      append_text(out, value[i], limit);
    }
    out += ']';
  } else {
    out += cat(+value);  // + prints the 8-bit types as numbers
  }
}

}  // namespace

const Metadata::Value* Metadata::find(std::string_view key) const {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &entries_[it->second].value;
}

void Metadata::set(std::string_view key, Value value) {
  const auto [it, is_new] = index_.try_emplace(std::string(key), entries_.size());
  if (is_new) {
    entries_.push_back({std::string(key), std::move(value)});
  } else {
    entries_[it->second].value = std::move(value);
  }
}

void Metadata::remove(std::string_view key) {
  const auto it = index_.find(key);
  if (it == index_.end()) return;
  const size_t place = it->second;
  index_.erase(it);
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(place));
  for (auto& [other, at] : index_) at -= at > place;
}

const Metadata::Value& Metadata::at(std::string_view key) const {
  if (const Value* value = find(key)) return *value;
  fail(Error::Code::format, source_, ": key '", key, "' is missing");
}

template <HeldBy<Metadata::Value> T>
Metadata::Result<T> Metadata::require(std::string_view key) const {
  const Value& value = at(key);
  if constexpr (std::is_reference_v<Result<T>>) {
    if (const T* held = std::get_if<T>(&value)) return *held;
  } else {
    const auto as_wanted = [](const auto& held) { return convert<T>(held); };
    if (const std::optional<T> converted = std::visit(as_wanted, value)) return *converted;
  }
  fail_type(key, value, T());
}

// Instantiated here for every T there is, to keep the conversions out of everybody's headers.
template uint8_t Metadata::require<uint8_t>(std::string_view) const;
template int8_t Metadata::require<int8_t>(std::string_view) const;
template uint16_t Metadata::require<uint16_t>(std::string_view) const;
template int16_t Metadata::require<int16_t>(std::string_view) const;
template uint32_t Metadata::require<uint32_t>(std::string_view) const;
template int32_t Metadata::require<int32_t>(std::string_view) const;
template float Metadata::require<float>(std::string_view) const;
template bool Metadata::require<bool>(std::string_view) const;
template const std::string& Metadata::require<std::string>(std::string_view) const;
template uint64_t Metadata::require<uint64_t>(std::string_view) const;
template int64_t Metadata::require<int64_t>(std::string_view) const;
template double Metadata::require<double>(std::string_view) const;
template std::vector<uint8_t> Metadata::require<std::vector<uint8_t>>(std::string_view) const;
template std::vector<int8_t> Metadata::require<std::vector<int8_t>>(std::string_view) const;
template std::vector<uint16_t> Metadata::require<std::vector<uint16_t>>(std::string_view) const;
template std::vector<int16_t> Metadata::require<std::vector<int16_t>>(std::string_view) const;
template std::vector<uint32_t> Metadata::require<std::vector<uint32_t>>(std::string_view) const;
template std::vector<int32_t> Metadata::require<std::vector<int32_t>>(std::string_view) const;
template std::vector<float> Metadata::require<std::vector<float>>(std::string_view) const;
template std::vector<bool> Metadata::require<std::vector<bool>>(std::string_view) const;
template const std::vector<std::string>& Metadata::require<std::vector<std::string>>(
    std::string_view) const;
template std::vector<uint64_t> Metadata::require<std::vector<uint64_t>>(std::string_view) const;
template std::vector<int64_t> Metadata::require<std::vector<int64_t>>(std::string_view) const;
template std::vector<double> Metadata::require<std::vector<double>>(std::string_view) const;

void Metadata::fail_type(std::string_view key, const Value& found, const Value& wanted) const {
  fail(Error::Code::format, source_, ": key '", key, "': expected ", type_name(wanted), ", found ",
       type_name(found), " ", to_text(found));
}

std::string type_name(const Metadata::Value& value) {
  const size_t index = value.index();
  const size_t scalars = kScalarNames.size();
  return index < scalars ? std::string(kScalarNames[index])
                         : cat("array of ", kScalarNames[index - scalars]);
}

std::string to_text(const Metadata::Value& value, size_t limit) {
  std::string out;
  std::visit([&](const auto& held) { append_text(out, held, limit); }, value);
  return out;
}

}  // namespace heed
