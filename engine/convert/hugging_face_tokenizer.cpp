#include "engine/convert/hugging_face_tokenizer.h"

#include <optional>
#include <string>
#include <unordered_map>
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

/// The tokens, their types as sentencepiece has them, and the ids of the special ones.
TokenizerSpec read_typed_tokens(const Source& source, const JsonNode& root,
                                const TokenizerJson& json) {
  TokenizerSpec spec = read_tokens(source, root, json);
  find_special_ids(source, spec);
  if (!spec.unk) spec.unk = json.unknown;
  if (spec.unk) spec.types[static_cast<size_t>(*spec.unk)] = TokenType::unknown;
  for (size_t id = 0; id < json.tokens.size(); ++id) {
    if (byte_of_token(spec.tokens[id])) spec.types[id] = TokenType::byte;
  }
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

/// The keys that both kinds of sentencepiece have.
TokenizerSpec read_sentence_pieces(const Source& source, const JsonNode& root,
                                   const TokenizerJson& json, std::string_view model) {
  TokenizerSpec spec = read_typed_tokens(source, root, json);
  const auto is_around = [](const std::vector<Token>& around, std::optional<Token> token) {
    return token && around == std::vector{*token};
  };
  spec.model = model;
  spec.pre = "default";
  spec.add_space_prefix = adds_blank(root);
  spec.add_bos = is_around(json.subwords.prefix, spec.bos);
  spec.add_eos = is_around(json.subwords.suffix, spec.eos);
  return spec;
}

/// "llama": the score of a piece says when it is merged, the earliest merge that makes it first.
void set_byte_fallback(const Source& source, const JsonNode& root, const TokenizerJson& json,
                       Metadata& metadata) {
  TokenizerSpec spec = read_sentence_pieces(source, root, json, "llama");
  std::unordered_map<std::string, float> scores;
  for (const auto& [left, right] : read_merges(root.at("model"))) {
    scores.try_emplace(cat(left, right), -static_cast<float>(scores.size()));
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
  TokenizerSpec spec = read_sentence_pieces(source, root, json, "t5");
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
  TokenizerSpec spec = read_typed_tokens(source, root, json);
  spec.types.clear();
  write_tokenizer_spec(spec, metadata);
}

/// The keys of other engines, for the kinds of tokenizer that they have.
void set_shared_keys(const Source& source, const JsonNode& root, const TokenizerJson& json,
                     Metadata& metadata) {
  const auto fallback = root.at("model").find("byte_fallback");
  if (json.model == "Unigram") return set_unigram(source, root, json, metadata);
  if (json.model == "BPE" && fallback && fallback->flag()) {
    return set_byte_fallback(source, root, json, metadata);
  }
  if (json.model == "BPE" && set_byte_pair(source, root, json, metadata)) return;
  if (json.model == "WordPiece" && set_word_piece(source, root, json, metadata)) return;
  set_ids_only(source, root, json, metadata);
}

/// transformers lets other files of the directory override BERT's normalizer; set_word_piece has
/// read what holds, and so shall tokenizer.json say it. Nothing if it does.
std::optional<std::string> override_normalizer(const Metadata& metadata, const JsonNode& root) {
  if (!metadata.contains(kLowercaseKey)) return std::nullopt;
  const bool lowercase = metadata.require<bool>(kLowercaseKey);
  const bool strip = metadata.require<bool>(kStripAccentsKey);
  const auto normalizers = read_normalizer(root.find("normalizer"));
  const auto& now = std::get<normalizers::Bert>(normalizers.front());
  if (now.lowercase == lowercase && now.strip_accents == strip) return std::nullopt;
  Json document = root.value();
  document["normalizer"]["lowercase"] = lowercase;
  document["normalizer"]["strip_accents"] = strip;
  return document.dump();
}

}  // namespace

void set_hugging_face_tokenizer(const Source& source, Metadata& metadata) {
  const std::filesystem::path path = source.path("tokenizer.json");
  const JsonFile file = JsonFile::read(path);
  const JsonNode root(file.root(), file.name());
  set_shared_keys(source, root, read_tokenizer_json(root), metadata);
  const auto edited = override_normalizer(metadata, root);
  metadata.set(kHuggingFaceKey, edited ? *edited : std::string(MappedFile::open(path).text()));
  load_tokenizer(metadata);  // what else is wrong
}

}  // namespace heed
