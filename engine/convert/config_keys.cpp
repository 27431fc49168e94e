#include "engine/convert/config_keys.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/convert/join.h"
#include "engine/core/error.h"

namespace heed {
namespace {

/// Sets one key, or says what is wrong with it.
std::optional<std::string> set_key(const KeyRule& rule, const JsonFile& config,
                                   Metadata& metadata) {
  const bool stated = rule.where.empty() || config.flag(rule.where).value_or(false);
  const Json* found = stated ? config.find(rule.from) : nullptr;
  if (!found && !rule.fallback) return cat("'", rule.from, "' is missing");
  const Json value = found ? *found : Json(*rule.fallback);
  if (!value.is_number()) {
    return cat("'", rule.from, "': expected a number, found ", to_text(value));
  }
  const double number = value.get<double>();
  if (rule.kind == KeyRule::Kind::real) {
    metadata.set(rule.to, static_cast<float>(number));
  } else if (rule.kind == KeyRule::Kind::root && number > 0) {
    metadata.set(rule.to, static_cast<float>(std::sqrt(number)));
  } else if (number >= 1 && number <= std::numeric_limits<int32_t>::max() &&
             number == std::floor(number)) {
    metadata.set(rule.to, static_cast<uint32_t>(number));
  } else {
    return cat("'", rule.from, "': expected a whole number from 1 to ",
               std::numeric_limits<int32_t>::max(), ", found ", to_text(value));
  }
  return std::nullopt;
}

/// Sets one key, or says which words there are instead.
std::optional<std::string> set_word(const WordRule& rule, const Recipe& recipe,
                                    const JsonFile& config, Metadata& metadata) {
  const std::string found = config.text(rule.from).value_or(std::string(rule.fallback));
  std::vector<std::string> known;
  for (const auto& [theirs, ours] : rule.words) {
    if (theirs == found) {
      metadata.set(rule.to, std::string(ours));
      return std::nullopt;
    }
    known.emplace_back(theirs);
  }
  return cat("'", rule.from, "' is ", to_text(Json(found)), ", and Heed's ", recipe.architecture,
             " has ", join(known, ", "), " only");
}

bool holds(const Assumption& assumption, const Json& value) {
  return (value.is_string() ? value.get<std::string>() : value.dump()) == assumption.value;
}

}  // namespace

const Recipe* find_known_recipe(const JsonFile& config) {
  const std::optional<std::string> type = config.text("model_type");
  for (const Recipe& recipe : recipes()) {
    if (type == recipe.model_type) return &recipe;
  }
  return nullptr;
}

const Recipe& find_recipe(const JsonFile& config) {
  if (const Recipe* recipe = find_known_recipe(config)) return *recipe;
  const std::optional<std::string> type = config.text("model_type");
  std::vector<std::string> known;
  for (const Recipe& recipe : recipes()) known.emplace_back(recipe.model_type);
  if (!type) config.refuse("'model_type' is missing");
  fail(Error::Code::unsupported, config.name(), ": model_type ", to_text(Json(*type)),
       " is not one that Heed converts; known are: ", join(known, ", "));
}

void set_config_keys(const Recipe& recipe, const JsonFile& config, Metadata& metadata) {
  std::vector<std::string> problems;
  for (const KeyRule& rule : recipe.keys) {
    if (auto problem = set_key(rule, config, metadata)) problems.push_back(std::move(*problem));
  }
  for (const auto& [key, value] : recipe.constants) metadata.set(key, value);
  if (!problems.empty()) config.refuse(join(problems, "; "));
  for (const WordRule& rule : recipe.words) {
    if (auto problem = set_word(rule, recipe, config, metadata))
      problems.push_back(std::move(*problem));
  }
  for (const Assumption& assumption : recipe.assumptions) {
    const Json* value = JsonFile::find(config.root(), assumption.key);
    if (!value || holds(assumption, *value)) continue;
    problems.push_back(cat("'", assumption.key, "' is ", to_text(*value), ", and Heed's ",
                           recipe.architecture, " has ", assumption.value, " only"));
  }
  if (problems.empty()) return;
  fail(Error::Code::unsupported, config.name(), ": ", join(problems, "; "));
}

}  // namespace heed
