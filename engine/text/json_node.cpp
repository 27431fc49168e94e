#include "engine/text/json_node.h"

#include <algorithm>

namespace heed {

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  if (!value_->is_object()) refuse_type("an object");
  const auto it = value_->find(key);
  if (it == value_->end() || it->is_null()) return std::nullopt;
  return JsonNode(*it, cat(path_, ".", key));
}

JsonNode JsonNode::at(std::string_view key) const {
  auto member = find(key);
  if (!member) refuse("'", key, "' is missing");
  return *std::move(member);
}

std::vector<JsonNode> JsonNode::items() const {
  if (!value_->is_array()) refuse_type("an array");
  std::vector<JsonNode> items;
  items.reserve(value_->size());
  for (const Json& item : *value_) items.emplace_back(item, cat(path_, "[", items.size(), "]"));
  return items;
}

const std::string& JsonNode::text() const {
  if (!value_->is_string()) refuse_type("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonNode::flag() const {
  if (!value_->is_boolean()) refuse_type("true or false");
  return value_->get<bool>();
}

double JsonNode::number() const {
  if (!value_->is_number()) refuse_type("a number");
  return value_->get<double>();
}

int64_t JsonNode::integer(int64_t least, int64_t most) const {
  const std::string expected = cat("a whole number from ", least, " to ", most);
  if (!value_->is_number_integer()) refuse_type(expected);
  const bool beyond = value_->is_number_unsigned() && value_->get<uint64_t>() > INT64_MAX;
  const int64_t number = beyond ? INT64_MAX : value_->get<int64_t>();
  if (number < least || number > most) refuse("expected ", expected, ", found ", value_->dump());
  return number;
}

void JsonNode::allow(std::initializer_list<std::string_view> keys) const {
  if (!value_->is_object()) refuse_type("an object");
  for (const auto& [key, member] : value_->items()) {
    if (std::ranges::find(keys, key) == keys.end()) refuse_unsupported("'", key, "'");
  }
}

void JsonNode::refuse_type(std::string_view expected) const {
  refuse("expected ", expected, ", found ",
         value_->is_structured() ? cat("an ", value_->type_name()) : value_->dump());
}

}  // namespace heed
