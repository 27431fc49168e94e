// WordPiece: the text is cleaned and cut into words at white space and punctuation, and each word
// into the longest pieces the vocabulary has, from its start on. In GGUF a piece that starts a word
// is written "▁piece"; all others continue one (elsewhere "##piece").
// Reference: Devlin et al. 2019 (arXiv 1810.04805), as Hugging Face `tokenizers` does it.
#include <algorithm>

#include "engine/core/error.h"
#include "engine/text/byte_trie.h"
#include "engine/text/subword.h"
#include "engine/text/utf8.h"
#include "engine/text/word_characters.h"

namespace heed {
namespace {

constexpr std::string_view kWordStart = "\xE2\x96\x81";  // ▁, U+2581
constexpr std::string_view kContinuation = "##";
constexpr size_t kMaxWordCharacters = 100;  // longer words are unknown

/// Decoding puts no blank before tokens that begin so.
constexpr std::array<std::string_view, 9> kAttached = {".",  "?",  "!",   ",",  "n't",
                                                       "'m", "'s", "'ve", "'re"};

// The one letter whose lower case is two characters: i and the dot above it.
constexpr char32_t kCapitalDottedI = 0x130;
constexpr char32_t kDotAbove = 0x307;

bool is_text(TokenType type) {
  return type == TokenType::normal || type == TokenType::undefined;
}

/// The characters of a word after normalisation, where each came from, and the word's tokens.
struct Word {
  struct Character {
    size_t begin;      ///< byte of `text`
    ByteRange source;  ///< bytes of the text being encoded
  };
  struct Piece {
    Token token;
    ByteRange range;  ///< bytes of `text`
  };
  std::string text;
  std::vector<Character> characters;
  std::vector<Piece> pieces;

  ByteRange in_source(ByteRange range) const {
    const auto at = [&](size_t byte) {
      return std::ranges::upper_bound(characters, byte, {}, &Character::begin) - 1;
    };
    return {at(range.begin)->source.begin, at(range.end - 1)->source.end};
  }
  void add(char32_t code, ByteRange source) {
    characters.push_back({text.size(), source});
    append_utf8(code, text);
  }
  void clear() {
    text.clear();
    characters.clear();
    pieces.clear();
  }
};

class WordPieceModel final : public SubwordModel {
 public:
  explicit WordPieceModel(const TokenizerSpec& spec);
  void encode(std::string_view text, TokenSink& sink) const override;
  void join(std::string_view piece, bool first, std::string& out) const override;

 private:
  void encode_word(Word& word, TokenSink& sink) const;
  void add_character(char32_t code, ByteRange source, Word& word, TokenSink& sink) const;

  ByteTrie starts_, continuations_;
  Token unknown_;
  bool lowercase_, strip_accents_;
};

WordPieceModel::WordPieceModel(const TokenizerSpec& spec)
    : unknown_(*spec.unk),
      lowercase_(spec.lowercase.value_or(true)),
      strip_accents_(spec.strip_accents.value_or(lowercase_)) {
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (!is_text(spec.types[id])) continue;
    const std::string_view token = spec.tokens[id];
    if (token.starts_with(kWordStart)) {
      starts_.add(token.substr(kWordStart.size()), static_cast<Token>(id));
    } else {
      continuations_.add(token, static_cast<Token>(id));
    }
  }
}

void WordPieceModel::encode(std::string_view text, TokenSink& sink) const {
  Word word;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = read_utf8(text, pos);
    const ByteRange source = {pos, pos + c.length};
    pos = source.end;
    if (is_dropped(c.code)) continue;
    if (is_white_space(c.code)) {
      encode_word(word, sink);
      continue;
    }
    const bool ideograph = is_ideograph(c.code);
    if (ideograph) encode_word(word, sink);
    if (!strip_accents_) {
      add_character(c.code, source, word, sink);
    } else {
      std::array<char32_t, 4> parts;
      for (const char32_t part : decompose(c.code, parts)) {
        if (!is_nonspacing_mark(part)) add_character(part, source, word, sink);
      }
    }
    if (ideograph) encode_word(word, sink);
  }
  encode_word(word, sink);
}

void WordPieceModel::add_character(char32_t code, ByteRange source, Word& word,
                                   TokenSink& sink) const {
  const bool punctuation = is_punctuation(code);
  if (punctuation) encode_word(word, sink);
  if (lowercase_) {
    word.add(to_lower(code), source);
    if (code == kCapitalDottedI) word.add(kDotAbove, source);
  } else {
    word.add(code, source);
  }
  if (punctuation) encode_word(word, sink);
}

/// Adds the tokens of `word` and empties it.
void WordPieceModel::encode_word(Word& word, TokenSink& sink) const {
  const std::string_view text = word.text;
  if (text.empty()) return;
  bool known = word.characters.size() <= kMaxWordCharacters;
  for (size_t pos = 0; known && pos < text.size();) {
    const ByteTrie& vocabulary = pos == 0 ? starts_ : continuations_;
    const auto piece = vocabulary.longest_prefix(text.substr(pos));
    known = piece.has_value();
    if (!known) break;
    word.pieces.push_back({piece->value, {pos, pos + piece->size}});
    pos += piece->size;
  }
  if (!known) word.pieces.assign(1, {unknown_, {0, text.size()}});
  for (const Word::Piece& piece : word.pieces) sink.add(piece.token, word.in_source(piece.range));
  word.clear();
}

void WordPieceModel::join(std::string_view piece, bool first, std::string& out) const {
  if (!first && piece.starts_with(kContinuation)) {
    piece.remove_prefix(kContinuation.size());
  } else if (!first &&
             !std::ranges::any_of(kAttached, [&](auto s) { return piece.starts_with(s); })) {
    out += ' ';
  }
  out += piece;
}

}  // namespace

Subwords make_word_piece(TokenizerSpec& spec) {
  if (!spec.unk)
    fail(Error::Code::format, "tokenizer: expected an unknown token ([UNK]), found none");
  Subwords result;
  result.model = std::make_unique<WordPieceModel>(spec);
  result.pieces = std::move(spec.tokens);
  for (size_t id = 0; id < result.pieces.size(); ++id) {
    if (!is_text(spec.types[id])) continue;
    std::string& piece = result.pieces[id];
    if (piece.starts_with(kWordStart)) {
      piece.erase(0, kWordStart.size());
    } else {
      piece.insert(0, kContinuation);
    }
  }
  if (spec.add_bos.value_or(true)) result.prefix = spec.cls ? spec.cls : spec.bos;
  if (spec.add_eos.value_or(true)) result.suffix = spec.sep ? spec.sep : spec.eos;
  return result;
}

}  // namespace heed
