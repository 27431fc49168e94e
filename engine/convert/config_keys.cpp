#include "engine/convert/config_keys.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/convert/join.h"
#include "engine/core/error.h"

namespace heed {
namespace {

/// "llama" and ".block_count", or a key as it is.
std::string full_key(const Recipe& recipe, std::string_view key) {
  return key.starts_with('.') ? cat(recipe.architecture, key) : std::string(key);
}

/// Sets one key, or says what is wrong with it.
std::optional<std::string> set_key(const KeyRule& rule, const Recipe& recipe,
                                   const JsonFile& config, Metadata& metadata) {
  const bool stated = rule.where.empty() || config.flag(rule.where).value_or(false);
  const auto [name, found] = config.find_first(rule.from);
  if (!found && rule.may_be_absent) return std::nullopt;
  if (!found && !rule.fallback) return cat("'", name, "' is missing");
  const Json value = found && stated ? *found : Json(*rule.fallback);
  if (!value.is_number()) {
    return cat("'", name, "': expected a number, found ", to_text(value));
  }
  const std::string key = full_key(recipe, rule.to);
  const double number = value.get<double>() * rule.times;
  if (rule.kind == KeyRule::Kind::real) {
    metadata.set(key, static_cast<float>(number));
  } else if (rule.kind == KeyRule::Kind::root && number > 0) {
    metadata.set(key, static_cast<float>(std::sqrt(number)));
  } else if (number >= 1 && number <= std::numeric_limits<int32_t>::max() &&
             number == std::floor(number)) {
    metadata.set(key, static_cast<uint32_t>(number));
  } else {
    return cat("'", name, "': expected a whole number from 1 to ",
               std::numeric_limits<int32_t>::max(), ", found ", to_text(value));
  }
  return std::nullopt;
}

/// Sets one key, or says which words there are instead.
std::optional<std::string> set_word(const WordRule& rule, const Recipe& recipe,
                                    const JsonFile& config, Metadata& metadata) {
  const auto [name, value] = config.find_first(rule.from);
  const std::string found = value && value->is_string() ? value->get<std::string>()
                            : value                     ? to_text(*value)
                                                        : std::string(rule.fallback);
  std::vector<std::string> known;
  for (const auto& [theirs, ours] : rule.words) {
    if (theirs == found) {
      metadata.set(full_key(recipe, rule.to), std::string(ours));
      return std::nullopt;
    }
    known.emplace_back(theirs);
  }
  return cat("'", name, "' is ", to_text(Json(found)), ", and Heed's ", recipe.architecture,
             " has ", join(known, ", "), " only");
}

bool holds(const Assumption& assumption, const Json& value) {
  return (value.is_string() ? value.get<std::string>() : value.dump()) == assumption.value;
}

/// Leaves a tensor out: some checkpoints have a table twice.
void ignore(Recipe& recipe, std::string_view target) {
  const auto rule = std::ranges::find(recipe.tensors, target, &TensorRule::to);
  if (rule == recipe.tensors.end()) return;
  recipe.ignored.push_back(rule->from);
  recipe.tensors.erase(rule);
}

bool is_chosen(const Recipe& recipe, const JsonFile& config) {
  if (config.text("model_type") != recipe.model_type) return false;
  if (recipe.where.key.empty()) return true;
  const auto [name, value] = config.find_first(recipe.where.key);
  return value && holds(recipe.where, *value);
}

}  // namespace

const Recipe* find_known_recipe(const JsonFile& config) {
  for (const Recipe& recipe : recipes()) {
    if (is_chosen(recipe, config)) return &recipe;
  }
  return nullptr;
}

Recipe find_recipe(const JsonFile& config) {
  if (const Recipe* known = find_known_recipe(config)) {
    Recipe recipe = *known;
    if (config.flag("tie_word_embeddings").value_or(recipe.tied_head)) ignore(recipe, recipe.head);
    if (config.flag("share_encoder_decoder_embeddings").value_or(true)) {
      ignore(recipe, recipe.encoder_table);
    }
    return recipe;
  }
  const std::optional<std::string> type = config.text("model_type");
  std::vector<std::string> known;
  for (const Recipe& recipe : recipes()) {
    if (known.empty() || known.back() != recipe.model_type) known.emplace_back(recipe.model_type);
  }
  if (!type) config.refuse("'model_type' is missing");
  fail(Error::Code::unsupported, config.name(), ": model_type ", to_text(Json(*type)),
       " is not one that Heed converts; known are: ", join(known, ", "));
}

void set_config_keys(const Recipe& recipe, const JsonFile& config, Metadata& metadata) {
  std::vector<std::string> problems;
  for (const KeyRule& rule : recipe.keys) {
    if (auto problem = set_key(rule, recipe, config, metadata))
      problems.push_back(std::move(*problem));
  }
  for (const auto& [key, value] : recipe.constants) metadata.set(full_key(recipe, key), value);
  if (!problems.empty()) config.refuse(join(problems, "; "));
  for (const WordRule& rule : recipe.words) {
    if (auto problem = set_word(rule, recipe, config, metadata))
      problems.push_back(std::move(*problem));
  }
  for (const Assumption& assumption : recipe.assumptions) {
    const auto [name, value] = config.find_first(assumption.key);
    if (!value || holds(assumption, *value)) continue;
    problems.push_back(cat("'", name, "' is ", to_text(*value), ", and Heed's ",
                           recipe.architecture, " has ", assumption.value, " only"));
  }
  if (problems.empty()) return;
  fail(Error::Code::unsupported, config.name(), ": ", join(problems, "; "));
}

}  // namespace heed
