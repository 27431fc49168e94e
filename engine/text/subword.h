// What the kinds of tokenizer (byte-pair encoding, WordPiece, SentencePiece ...) have to provide.
// The rest (special tokens, repair of bad UTF-8, normalisation, offsets, streaming) is
// TextTokenizer's and the same for all.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/edited_text.h"
#include "engine/text/normalizer.h"
#include "engine/text/piece_decoder.h"
#include "engine/text/tokenizer_spec.h"
#include "engine/text/word_splitter.h"

namespace heed {

/// Where a model puts its tokens, and their byte ranges if somebody wants them.
class TokenSink {
 public:
  TokenSink(std::vector<Token>& tokens, std::vector<ByteRange>* ranges)
      : tokens_(tokens), ranges_(ranges) {}

  size_t size() const { return tokens_.size(); }
  bool wants_ranges() const { return ranges_ != nullptr; }

  void add(Token token, ByteRange range) {
    tokens_.push_back(token);
    if (ranges_) ranges_->push_back(range);
  }

  /// Adds tokens [first, first + count) again, as they stand `shift` bytes further on.
  void repeat(size_t first, size_t count, size_t shift) {
    for (size_t i = first; i < first + count; ++i) {
      tokens_.push_back(tokens_[i]);
      if (ranges_) ranges_->push_back({(*ranges_)[i].begin + shift, (*ranges_)[i].end + shift});
    }
  }

  /// Replaces the ranges of all tokens from `first` on by map(range).
  void map_ranges(size_t first, const auto& map) {
    if (!ranges_) return;
    for (ByteRange& range : std::span(*ranges_).subspan(first)) range = map(range);
  }

 private:
  std::vector<Token>& tokens_;
  std::vector<ByteRange>* ranges_;
};

/// A part of a text that has no special tokens in it.
struct TextPart {
  std::string_view text;  ///< valid UTF-8 and not empty
  bool at_start = true;   ///< the whole text begins with it
  EditRules rules = {};   ///< of whatever changes it
};

/// Immutable once built: any number of threads may use one.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;

  /// Appends the tokens of a part of a text.
  virtual void encode(const TextPart& part, TokenSink& sink) const = 0;
};

/// What finds the tokens within words. Immutable once built.
class WordModel {
 public:
  virtual ~WordModel() = default;

  /// Appends the tokens of each of the `words`: bytes of `text`, in rising order, none empty.
  virtual void encode(std::string_view text, std::span<const ByteRange> words,
                      TokenSink& sink) const = 0;
};

/// A model that works word by word, after the steps that make words of a text.
std::unique_ptr<const SubwordModel> make_wordwise(std::vector<pre_tokenizers::Step> steps,
                                                  std::unique_ptr<const WordModel> model);

/// A token that a text may hold as it is, and how it is found there.
struct AddedToken {
  Token token = 0;
  std::string text;
  bool special = false;      ///< only where special tokens are asked for
  bool normalized = false;   ///< in the normalised text
  bool single_word = false;  ///< not within a word
  bool lstrip = false;       ///< with the white space before it
  bool rstrip = false;       ///< and behind it
};

struct Subwords {
  /// The text that each token stands for: bytes, which may be part of a character.
  std::vector<std::string> pieces;
  /// Of the language that texts are translated from, where its tokens are others; else empty.
  std::vector<std::string> source_pieces = {};
  /// The same as the vocabulary writes it, where the model or the decoder needs it and it is
  /// another; else empty.
  std::vector<std::string> written = {};
  std::vector<normalizers::Step> normalizers = {};
  std::unique_ptr<const SubwordModel> model = {};
  /// Of the language that texts are translated into, where that is another one; else null.
  std::unique_ptr<const SubwordModel> target = {};
  PieceDecoder decoder = {};
  /// Found in texts. Nothing: user-defined tokens, control tokens and the unknown token are.
  std::optional<std::vector<AddedToken>> added = {};
  std::vector<Token> prefix = {}, suffix = {};  ///< around a text (EncodeOptions::add_special)
  std::optional<std::vector<Token>> target_suffix = {};  ///< behind a translation, if another one
  /// In decoded text each bad byte becomes a U+FFFD, not each maximal subpart.
  bool replace_each_byte = false;
  /// Decoded text has no blanks at its ends, and one after each special token.
  bool trims = false;
};

/// Byte-level BPE ("gpt2"). Throws Error(unsupported) for an unknown pre-tokenizer, Error(format)
/// for merges that do not fit the tokens. The spec has a type for each token; its tokens may be
/// moved from.
Subwords make_byte_pair(TokenizerSpec& spec);

/// WordPiece ("bert"). Throws Error(format) if there is no unknown token.
Subwords make_word_piece(TokenizerSpec& spec);

/// SentencePiece: BPE ("llama") and Unigram ("t5"). Throws Error(format) if there is no unknown
/// token, if scores are missing, or if the library refuses the vocabulary.
Subwords make_sentence_piece_bpe(TokenizerSpec& spec);
Subwords make_sentence_piece_unigram(TokenizerSpec& spec);

/// Two SentencePiece models over one vocabulary, or one each ("marian"). Throws Error(format) if
/// there is no unknown or no last token, or if a model is missing or no model; Error(unsupported)
/// for a target model with rules for decoded text.
Subwords make_sentence_piece_pair(TokenizerSpec& spec);

/// As the spec's huggingface_json says, whose tokens and types become the spec's. Throws as
/// read_tokenizer_json does.
Subwords make_hugging_face(TokenizerSpec& spec);

}  // namespace heed
