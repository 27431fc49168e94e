// A value of a JSON document that knows its place there, for errors: "model.vocab: expected ...".
// Used by the readers of tokenizer.json.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/error.h"

namespace heed {

class JsonNode {
 public:
  using Json = nlohmann::json;

  /// `value` must outlive this object.
  JsonNode(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  /// A member of an object; nothing where it is missing or null. Throws Error(format) if this is no
  /// object.
  std::optional<JsonNode> find(std::string_view key) const;
  /// The same, but Error(format) where it is missing.
  JsonNode at(std::string_view key) const;
  /// The members of an array.
  std::vector<JsonNode> items() const;

  // The value as a type; Error(format) for another one.
  const std::string& text() const;
  bool flag() const;
  double number() const;
  int64_t integer(int64_t least, int64_t most) const;

  /// Throws Error(unsupported) that names a member which is none of `keys`: an option that would
  /// change the result must not go unnoticed.
  void allow(std::initializer_list<std::string_view> keys) const;

  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(Error::Code::format, path_, ": ", parts...);
  }
  template <typename... Parts>
  [[noreturn]] void refuse_unsupported(const Parts&... parts) const {
    fail(Error::Code::unsupported, path_, ": ", parts..., " is not something that Heed does");
  }

 private:
  [[noreturn]] void refuse_type(std::string_view expected) const;

  const Json* value_;
  std::string path_;
};

}  // namespace heed
