// The tokens of a model directory by their ids, from tokenizer.json or from vocab.txt. Used by the
// converter of tokenizers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/convert/source.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {

class Vocabulary {
 public:
  struct Entry {
    std::string token;
    TokenType type = TokenType::undefined;  ///< no token yet
  };

  /// As many entries as config.json's vocab_size; ids without a token become "[PAD7]", unused.
  /// `tokenizer` is the directory's tokenizer.json, if it has one. Throws Error(format).
  static Vocabulary read(const Source& source, const std::optional<JsonFile>& tokenizer);

  /// From an object that maps tokens to ids. Throws Error(format) unless it has as many tokens as
  /// config.json's vocab_size, each with an id of its own.
  static Vocabulary read_map(const Source& source, std::string_view file);

  /// From shared_vocabulary.json, a list of tokens, or .txt, one token a line, in the order of
  /// their ids, and `last`, the token behind them. Throws Error(format) as above.
  static Vocabulary read_list(const Source& source, const std::string& last);

  /// The file it was read from.
  const std::string& name() const { return name_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::optional<Token> find(std::string_view token) const;
  void set_type(Token id, TokenType type) { entries_[static_cast<size_t>(id)].type = type; }

 private:
  Vocabulary(std::string name, size_t size) : name_(std::move(name)), entries_(size) {}
  void add(const std::string& token, int64_t id, TokenType type);
  int64_t add_lines(const std::string& path);
  int64_t add_list(const JsonFile& file);
  void add_map(const JsonFile& file, const Json* map, TokenType type);
  void add_tokens_with_flags(const JsonFile& file, const Json& added);
  void fill_gaps();

  std::string name_;
  std::vector<Entry> entries_;
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

}  // namespace heed
