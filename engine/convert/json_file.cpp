#include "engine/convert/json_file.h"

#include <ranges>
#include <utility>

#include "engine/core/mapped_file.h"
#include "engine/format/metadata.h"

namespace heed {

JsonFile JsonFile::read(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  try {
    return JsonFile(path.string(), Json::parse(file.text()));
  } catch (const Json::parse_error& error) {
    fail(Error::Code::format, path.string(), ": not valid JSON near byte ", error.byte);
  } catch (const Json::exception&) {  // a number beyond every type
    fail(Error::Code::format, path.string(), ": not valid JSON");
  }
}

const Json* JsonFile::find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

JsonFile::Found JsonFile::find_first(std::string_view keys) const {
  std::string all;
  for (const auto part : std::views::split(keys, '|')) {
    const std::string_view path(part.begin(), part.end());
    const Json* value = &root_;
    for (const auto key : std::views::split(path, '.')) {
      value = value ? find(*value, std::string_view(key.begin(), key.end())) : nullptr;
    }
    if (value) return {std::string(path), value};
    all += cat(all.empty() ? "" : "' or '", path);
  }
  return {all};
}

std::optional<std::string> JsonFile::text(const Json& object, std::string_view key) const {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  refuse("'", key, "': expected a string, found ", to_text(*value));
}

std::optional<bool> JsonFile::flag(const Json& object, std::string_view key) const {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  refuse("'", key, "': expected true or false, found ", to_text(*value));
}

std::string to_text(const Json& value) {
  if (value.is_string()) return to_text(Metadata::Value(value.get<std::string>()));
  return value.is_structured() ? cat("an ", value.type_name()) : value.dump();
}

}  // namespace heed
