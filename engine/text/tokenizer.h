// Text to tokens and back, as the model's file says: in GGUF's own keys (byte-level BPE, WordPiece,
// SentencePiece), or in the tokenizer.json that it carries.
// Used by generation, embedding and every tool that takes or gives text.
// The ids are those of Hugging Face `tokenizers` and of sentencepiece for the same vocabulary.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/edited_text.h"
#include "engine/text/special_tokens.h"
#include "engine/text/subword.h"
#include "engine/text/tokenizer_spec.h"
#include "heed_types.hpp"

namespace heed {

/// Tokens, and for each the bytes [begin, end) of the text that it stands for; empty ranges for
/// those of add_special. A token may begin or end inside a character.
struct Encoding {
  std::vector<Token> tokens;
  std::vector<ByteRange> ranges;
};

/// Immutable: one may be used by any number of threads.
class TextTokenizer {
 public:
  /// Throws Error(unsupported) if the model or pre-tokenizer is not one we know, Error(format) if
  /// what the file says is contradictory.
  explicit TextTokenizer(TokenizerSpec spec);

  /// Any bytes are a text: ill-formed UTF-8 is read as U+FFFD, one for each maximal subpart, as
  /// Python's errors="replace" does. Throws Error(limit) for texts of more than 256 MiB.
  std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const;
  Encoding encode_with_ranges(std::string_view text, EncodeOptions options = {}) const;

  /// The same of a text in the language that the model translates into, which is what decode()
  /// gives; encode() if there is one language only.
  std::vector<Token> encode_target(std::string_view text, EncodeOptions options = {}) const;

  /// The text of `tokens`, always valid UTF-8: bytes that do not form characters become U+FFFD.
  /// `skip_special` leaves out control tokens and the unknown token. Throws Error(argument) for an
  /// id outside the vocabulary.
  std::string decode(std::span<const Token> tokens, bool skip_special = true) const;

  /// The bytes a token stands for, which may be part of a character. What continues a word for
  /// WordPiece has its "##".
  std::string_view piece(Token token) const { return subwords_.pieces[index(token)]; }

  /// The same of a token of encode(): another one where the language that the model translates from
  /// has a vocabulary of its own.
  std::string_view source_piece(Token token) const;

  TokenType type(Token token) const { return types_[index(token)]; }
  size_t size() const { return types_.size(); }

  /// The first token whose piece is `text`.
  std::optional<Token> find(std::string_view text) const;

  std::optional<Token> bos() const { return bos_; }
  std::optional<Token> eos() const { return eos_; }
  std::optional<Token> unk() const { return unk_; }
  std::optional<Token> pad() const { return pad_; }
  std::optional<Token> mask() const { return mask_; }

  /// Whether `token` is for the model, not for the reader: a control token or the unknown token.
  bool is_special(Token token) const;

  /// Whether generation stops at `token`: the end of a text, of a turn, or of a message.
  bool is_end_of_generation(Token token) const;

 private:
  friend class StreamDecoder;

  size_t index(Token token) const;
  /// A language: what finds its tokens, and what comes behind a text of it.
  struct Side {
    const SubwordModel& model;
    const std::vector<Token>& suffix;
  };
  Side source() const { return {*subwords_.model, subwords_.suffix}; }
  Side target() const;

  void encode_to(std::string_view given, const Side& side, EncodeOptions options,
                 TokenSink sink) const;
  void encode_part(const TextPart& part, const SubwordModel& model, bool parse_special,
                   TokenSink& sink) const;
  void add_special_tokens();

  /// Tokens that a text may hold as they are.
  struct Added {
    SpecialTokens user_defined;  ///< found in any text
    SpecialTokens all;           ///< found with parse_special
    const SpecialTokens& find_with(bool parse_special) const {
      return parse_special ? all : user_defined;
    }
  };

  Subwords subwords_;
  std::vector<TokenType> types_;
  Added added_, added_normalized_;  ///< looked for in the text as given, and in the normalised one
  std::optional<Token> bos_, eos_, unk_, pad_, mask_;
  std::vector<Token> end_of_generation_;
};

/// The tokenizer that a model file describes. Errors are those of the constructor and begin with
/// the name of the file.
TextTokenizer load_tokenizer(const Metadata& metadata);

/// Decodes tokens as they are generated. The pieces it yields are whole characters, and together
/// they are what TextTokenizer::decode makes of all the tokens.
class StreamDecoder {
 public:
  /// `tokenizer` must outlive this object.
  explicit StreamDecoder(const TextTokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  /// What `token` completes; may be empty. The view holds until the next call.
  std::string_view push(Token token);

  /// What was held back, at the end: U+FFFD for a character cut short. Then a new text may begin.
  std::string_view finish();

 private:
  void repair(bool at_end);
  bool is_blank(char32_t code, std::string_view character) const;
  void hold(std::string_view blank);
  void give(std::string_view character);

  const TextTokenizer* tokenizer_;
  bool skip_special_;
  PieceDecoder::State state_;
  size_t blanks_to_skip_ = 0;
  std::string blanks_;   ///< given out if more follows
  std::string pending_;  ///< the beginning of a character
  std::string ready_;
};

}  // namespace heed
