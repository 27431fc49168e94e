// A model file's metadata: ordered keys with typed values. Filled by the GGUF reader, read by the
// models and tokenizers, written by the converter. Reference: the GGUF specification, "metadata".
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace heed {

/// Hash for lookup by string_view in maps of strings.
struct StringHash : std::hash<std::string_view> {
  using is_transparent = void;
};

/// T is one of the types of a variant.
template <typename T, typename Variant>
inline constexpr bool is_held_by = false;
template <typename T, typename... Types>
inline constexpr bool is_held_by<T, std::variant<Types...>> = (std::same_as<T, Types> || ...);
template <typename T, typename Variant>
concept HeldBy = is_held_by<T, Variant>;

class Metadata {
 public:
  template <typename... T>
  using ScalarsAndArrays = std::variant<T..., std::vector<T>...>;
  /// In the order of GGUF's type numbers: first the scalars, then an array of each.
  using Value = ScalarsAndArrays<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                                 std::string, uint64_t, int64_t, double>;
  struct Entry {
    std::string key;
    Value value;
  };

  /// Strings and arrays of strings are lent, everything else is copied (and converted).
  template <typename T>
  using Result =
      std::conditional_t<std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>>,
                         const T&, T>;

  /// `source` names the file in errors.
  explicit Metadata(std::string source = "metadata") : source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  /// In the order of the file, or of the first set().
  std::span<const Entry> entries() const { return entries_; }
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  /// Replaces the value of `key`, or appends it. The type of `value` is the type in the file: most
  /// GGUF conventions want uint32_t and float.
  void set(std::string_view key, Value value);

  /// Forgets `key`, if it is there.
  void remove(std::string_view key);

  /// The value of `key` as a T: any type Value holds. Numbers convert where nothing is lost but
  /// floating-point precision, so that a key written as i32, u32 or u64 reads the same; arrays of
  /// numbers likewise. Throws Error(format) naming file and key if it is missing or does not fit.
  template <HeldBy<Value> T>
  Result<T> require(std::string_view key) const;

  /// The same, but `fallback` if the key is missing. A value that does not fit is still an error.
  template <HeldBy<Value> T>
  T get_or(std::string_view key, T fallback) const {
    return contains(key) ? require<T>(key) : std::move(fallback);
  }

 private:
  const Value& at(std::string_view key) const;
  [[noreturn]] void fail_type(std::string_view key, const Value& found, const Value& wanted) const;

  std::string source_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> index_;
};

/// "u32", "string", "array of f32"
std::string type_name(const Metadata::Value& value);

/// The value on one line, with control characters escaped and cut off after about `limit`
/// characters: 30, "SmolLM2", [1, 2, 3, ... 49152 in all].
std::string to_text(const Metadata::Value& value, size_t limit = 60);

}  // namespace heed
