// A model's tokenizer.json read into what runs it: normalizer, pre_tokenizer, model, post_processor
// and decoder become the steps of normalizer.h, word_splitter.h and piece_decoder.h. GGUF files
// hold its text under the key tokenizer.huggingface.json.
// Reference: Hugging Face `tokenizers`, the serialisation of each component.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/json_node.h"
#include "engine/text/subword.h"

namespace heed {

/// What a tokenizer.json says.
struct TokenizerJson {
  std::string model;  ///< "BPE", "Unigram", "WordPiece" or "WordLevel"
  Subwords subwords;
  std::vector<std::string> tokens;  ///< by id, as they are written; empty where there is none
  std::vector<TokenType> types;
  std::optional<Token> unknown;  ///< of the model
};

/// Throws Error(format) for what is contradictory, Error(unsupported) that names a component or an
/// option which Heed does not have; each begins with the place in the document.
TokenizerJson read_tokenizer_json(const JsonNode& root);

/// The same of a text, which errors call `name`; Error(format) for what is no JSON as well.
TokenizerJson read_tokenizer_json(std::string_view text, std::string_view name = kHuggingFaceKey);

/// The parts, each by itself; nothing stands for one that the document does not have.
std::vector<normalizers::Step> read_normalizer(const std::optional<JsonNode>& node);
std::vector<pre_tokenizers::Step> read_pre_tokenizer(const std::optional<JsonNode>& node);
PieceDecoder read_decoder(const std::optional<JsonNode>& node);

/// The two tokens of each merge of a BPE model, the first merge first. They are the document's own.
std::vector<std::pair<std::string_view, std::string_view>> read_merges(const JsonNode& model);

/// The members of a Sequence, and of those in it, in one list; any other component by itself.
/// `members` is the key that the Sequence has them under.
std::vector<JsonNode> flatten_sequence(const JsonNode& node, std::string_view members);

/// A pattern: {"String": ...} or {"Regex": ...}.
TextPattern read_pattern(const JsonNode& node);

}  // namespace heed
