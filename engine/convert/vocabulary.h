// The tokens of a model directory by their ids, and which of them are special. Used by the
// converter of tokenizers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/convert/source.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {

/// Far above any real vocabulary (256,000), far below what would exhaust memory.
inline constexpr int64_t kMaxVocabulary = int64_t{1} << 22;

/// Makes the tokens of `file` as many as config.json's vocab_size: what has no type yet becomes
/// "[PAD7]", unused. Throws Error(format) if there are more.
void fill_tokens(const Source& source, std::string_view file, TokenizerSpec& spec);

/// The tokens of a tokenizer.json, filled up. Throws Error(format).
TokenizerSpec read_tokens(const Source& source, const JsonNode& root, const TokenizerJson& json);

/// The tokens that a directory has without a tokenizer.json.
class Vocabulary {
 public:
  /// From vocab.txt, one token a line, and added_tokens.json; ids up to config.json's vocab_size
  /// need not have a token. Throws Error(format).
  static Vocabulary read_lines(const Source& source);

  /// From an object that maps tokens to ids. Throws Error(format) unless it has as many tokens as
  /// config.json's vocab_size, each with an id of its own.
  static Vocabulary read_map(const Source& source, std::string_view file);

  /// From NAME.json, a list of tokens, or NAME.txt, one token a line, in the order of their ids,
  /// and `last`, if it is not empty, behind them. Throws Error(format) unless they are so many
  /// different ones.
  static Vocabulary read_list(const Source& source, std::string_view name, size_t count,
                              const std::string& last);

  /// The file it was read from.
  const std::string& name() const { return name_; }
  std::optional<Token> find(std::string_view token) const;
  void set_type(Token id, TokenType type) { types_[static_cast<size_t>(id)] = type; }

  /// Gives the tokens and their types away.
  void move_to(TokenizerSpec& spec);

 private:
  Vocabulary(std::string name, size_t size)
      : name_(std::move(name)), tokens_(size), types_(size, TokenType::undefined) {}
  void add(const std::string& token, int64_t id, TokenType type);
  int64_t add_lines(const std::string& path);
  int64_t add_list(const JsonFile& file);
  void add_map(const JsonFile& file, const Json* map, TokenType type);

  std::string name_;
  std::vector<std::string> tokens_;
  std::vector<TokenType> types_;  ///< undefined: no token yet
  std::unordered_map<std::string, Token, StringHash, std::equal_to<>> ids_;
};

/// What tokenizer_config.json or else special_tokens_map.json calls the special tokens.
class SpecialNames {
 public:
  static SpecialNames read(const Source& source);

  /// The name under `key` ("cls_token"), or the usual one.
  std::string of(std::string_view key, std::string_view usual) const;

 private:
  std::vector<JsonFile> files_;
};

/// Sets the ids of the special tokens that the directory's files name ("bos_token") and that are
/// among the spec's tokens.
void find_special_ids(const Source& source, TokenizerSpec& spec);

/// The tokens of these ids are for the model, not for the reader.
void mark_special_tokens(TokenizerSpec& spec);

}  // namespace heed
