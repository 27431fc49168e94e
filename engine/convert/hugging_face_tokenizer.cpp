#include "engine/convert/hugging_face_tokenizer.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/convert/byte_pair.h"
#include "engine/convert/vocabulary.h"
#include "engine/convert/word_piece.h"
#include "engine/core/mapped_file.h"
#include "engine/text/base64.h"
#include "engine/text/byte_token.h"
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_json.h"

namespace heed {
namespace {

constexpr std::string_view kLowercaseKey = "tokenizer.ggml.normalizer.lowercase";
constexpr std::string_view kStripAccentsKey = "tokenizer.ggml.normalizer.strip_accents";

/// The steps of a component of that type; empty if it has none.
std::vector<JsonNode> steps_of_type(const JsonNode& root, std::string_view component,
                                    std::string_view members, std::string_view type) {
  const auto node = root.find(component);
  auto steps = node ? flatten_sequence(*node, members) : std::vector<JsonNode>();
  std::erase_if(steps, [&](const JsonNode& step) { return step.at("type").text() != type; });
  return steps;
}

/// The ids of special tokens by the names that the directory's other files give them.
void find_special_ids(const Source& source, TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  const auto find = [&](std::string_view key, std::optional<Token>& id) {
    const std::string name = names.of(key, "");
    const auto it = std::ranges::find(spec.tokens, name);
    if (!name.empty() && it != spec.tokens.end()) id = static_cast<Token>(it - spec.tokens.begin());
  };
  find("bos_token", spec.bos);
  find("eos_token", spec.eos);
  find("unk_token", spec.unk);
  find("pad_token", spec.pad);
  find("cls_token", spec.cls);
  find("sep_token", spec.sep);
  find("mask_token", spec.mask);
}

/// The tokens that every kind has, as many as the embedding has rows.
TokenizerSpec read_tokens(const Source& source, const JsonNode& root, const TokenizerJson& json) {
  TokenizerSpec spec{.tokens = json.tokens, .types = json.types};
  const auto rows = static_cast<size_t>(JsonNode(source.config().root(), source.config().name())
                                            .at("vocab_size")
                                            .integer(1, 1 << 22));
  if (spec.tokens.size() > rows) {
    root.refuse(spec.tokens.size(), " tokens, and the embedding has ", rows,
                " rows (config.json's 'vocab_size')");
  }
  spec.types.resize(rows, TokenType::unused);
  spec.tokens.resize(rows);
  for (size_t id = 0; id < rows; ++id) {
    if (spec.types[id] == TokenType::unused) spec.tokens[id] = cat("[PAD", id, "]");
  }
  find_special_ids(source, spec);
  if (!spec.unk) spec.unk = json.unknown;
  if (spec.unk) spec.types[static_cast<size_t>(*spec.unk)] = TokenType::unknown;
  for (size_t id = 0; id < json.tokens.size(); ++id) {
    if (byte_of_token(spec.tokens[id])) spec.types[id] = TokenType::byte;
  }
  const auto is_around = [](const std::vector<Token>& around, std::optional<Token> token) {
    return token && around == std::vector{*token};
  };
  spec.add_bos = is_around(json.subwords.prefix, spec.bos);
  spec.add_eos = is_around(json.subwords.suffix, spec.eos);
  return spec;
}

/// Whether a text gets a blank before it, which is written ▁.
bool adds_blank(const JsonNode& root) {
  if (!steps_of_type(root, "normalizer", "normalizers", "Prepend").empty()) return true;
  for (const JsonNode& step : steps_of_type(root, "pre_tokenizer", "pretokenizers", "Metaspace")) {
    const auto scheme = step.find("prepend_scheme");
    const auto prefix = step.find("add_prefix_space");
    return !(scheme && scheme->text() == "never") && !(prefix && !prefix->flag());
  }
  return false;
}

/// "llama": the score of a piece says when it is merged, the earliest merge that makes it first.
void set_byte_fallback(const Source& source, const JsonNode& root, const TokenizerJson& json,
                       Metadata& metadata) {
  TokenizerSpec spec = read_tokens(source, root, json);
  spec.model = "llama";
  spec.pre = "default";
  spec.add_space_prefix = adds_blank(root);
  std::unordered_map<std::string, float> scores;
  for (const auto& merge : root.at("model").at("merges").value()) {
    std::string piece = merge.is_string()
                            ? merge.get<std::string>()
                            : cat(merge[0].get<std::string>(), merge[1].get<std::string>());
    if (merge.is_string()) piece.erase(piece.find(' '), 1);
    scores.try_emplace(std::move(piece), -static_cast<float>(scores.size()));
  }
  const auto least = -static_cast<float>(scores.size());
  for (const std::string& token : spec.tokens) {
    const auto it = scores.find(token);
    spec.scores.push_back(it == scores.end() ? least : it->second);
  }
  write_tokenizer_spec(spec, metadata);
}

/// "t5"
void set_unigram(const Source& source, const JsonNode& root, const TokenizerJson& json,
                 Metadata& metadata) {
  TokenizerSpec spec = read_tokens(source, root, json);
  spec.model = "t5";
  spec.pre = "default";
  spec.add_space_prefix = adds_blank(root);
  spec.remove_extra_whitespaces =
      !steps_of_type(root, "normalizer", "normalizers", "Replace").empty() ||
      !steps_of_type(root, "pre_tokenizer", "pretokenizers", "WhitespaceSplit").empty();
  for (const JsonNode& step : steps_of_type(root, "normalizer", "normalizers", "Precompiled")) {
    const auto charsmap = step.find("precompiled_charsmap");
    spec.precompiled_charsmap = charsmap ? from_base64(charsmap->text()).value_or("") : "";
  }
  for (const auto& piece : root.at("model").at("vocab").value()) {
    spec.scores.push_back(piece[1].get<float>());
  }
  spec.scores.resize(spec.tokens.size());
  write_tokenizer_spec(spec, metadata);
}

/// Heed alone reads this file's tokens; the ids are what tokenizer.json does not say.
void set_ids_only(const Source& source, const JsonNode& root, const TokenizerJson& json,
                  Metadata& metadata) {
  TokenizerSpec spec = read_tokens(source, root, json);
  spec.types.clear();
  spec.add_bos.reset();
  spec.add_eos.reset();
  write_tokenizer_spec(spec, metadata);
}

/// The keys of other engines, for the kinds of tokenizer that they have.
void set_shared_keys(const Source& source, const JsonNode& root, const TokenizerJson& json,
                     Metadata& metadata) {
  const JsonNode model = root.at("model");
  if (model.at("vocab").value().is_array()) return set_unigram(source, root, json, metadata);
  const auto fallback = model.find("byte_fallback");
  if (fallback && fallback->flag()) return set_byte_fallback(source, root, json, metadata);
  try {
    if (model.find("merges")) return set_byte_pair(source, metadata);
    if (model.find("max_input_chars_per_word")) return set_word_piece(source, metadata);
  } catch (const Error& error) {
    if (error.code() != Error::Code::unsupported) throw;
  }
  set_ids_only(source, root, json, metadata);
}

/// transformers lets other files of the directory override BERT's normalizer; set_word_piece has
/// read what holds, and so shall tokenizer.json say it. True if it did not.
bool override_normalizer(const Metadata& metadata, Json& document) {
  if (!metadata.contains(kLowercaseKey)) return false;
  Json& normalizer = document["normalizer"];
  const auto text = [&](const char* key, bool fallback) {
    return normalizer.contains(key) && normalizer[key].is_boolean() ? normalizer[key].get<bool>()
                                                                    : fallback;
  };
  const bool lowercase = metadata.require<bool>(kLowercaseKey);
  const bool strip = metadata.require<bool>(kStripAccentsKey);
  const bool was_lowercase = text("lowercase", true);
  if (was_lowercase == lowercase && text("strip_accents", was_lowercase) == strip) return false;
  normalizer["lowercase"] = lowercase;
  normalizer["strip_accents"] = strip;
  return true;
}

}  // namespace

void set_hugging_face_tokenizer(const Source& source, Metadata& metadata) {
  const std::string path = source.path("tokenizer.json").string();
  std::string text(MappedFile::open(path).text());
  Json document = source.json("tokenizer.json")->root();
  const JsonNode root(document, path);
  const TokenizerJson json = read_tokenizer_json(text, path);
  set_shared_keys(source, root, json, metadata);
  if (override_normalizer(metadata, document)) text = document.dump();
  metadata.set(kHuggingFaceKey, std::move(text));
  load_tokenizer(metadata);  // what else is wrong
}

}  // namespace heed
