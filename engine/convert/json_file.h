// A JSON file that remembers where it came from, for errors. Used by the converter for config.json
// and its kin. Reference: RFC 8259.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"

namespace heed {

using Json = nlohmann::json;

class JsonFile {
 public:
  /// `name` stands for the file in errors.
  JsonFile(std::string name, Json root) : name_(std::move(name)), root_(std::move(root)) {}

  /// Throws Error(io) if the file cannot be read, Error(format) if it is not JSON.
  static JsonFile read(const std::filesystem::path& path);

  const std::string& name() const { return name_; }
  const Json& root() const { return root_; }

  /// The value of a key of the outermost object; null where the key is missing or its value null.
  const Json* find(std::string_view key) const { return find(root_, key); }
  static const Json* find(const Json& object, std::string_view key);
  struct Found {
    std::string key;  ///< where there is no value: all of them, for an error
    const Json* value = nullptr;
  };
  /// The first of several keys, "a|b", that has a value; "a.b" is key b of the object at a.
  Found find_first(std::string_view keys) const;

  /// The same as a string or boolean: nothing where there is none, Error(format) for another type.
  std::optional<std::string> text(std::string_view key) const { return text(root_, key); }
  std::optional<std::string> text(const Json& object, std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const { return flag(root_, key); }
  std::optional<bool> flag(const Json& object, std::string_view key) const;

  /// Throws Error(format) that begins with the file's name.
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    heed::fail(Error::Code::format, name_, ": ", parts...);
  }

 private:
  std::string name_;
  Json root_;
};

/// A value for an error: a string or number as it is, of an object or array only that it is one.
std::string to_text(const Json& value);

}  // namespace heed
