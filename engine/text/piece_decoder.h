// How the tokens of a vocabulary become text again, as data: the steps that tokenizer.json calls
// decoders. Used by TextTokenizer. Reference: Hugging Face `tokenizers`, module decoders.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/text/text_pattern.h"

namespace heed {

namespace decoders {

struct ByteLevel {};     ///< printable characters are bytes: byte_alphabet.h
struct ByteFallback {};  ///< "<0x0A>" is a byte
struct Replace {
  TextPattern pattern;
  std::string by;
};
/// Takes up to so many times `content`, a character, from the ends.
struct Strip {
  std::string content;
  size_t start = 0;
  size_t stop = 0;
};
/// `blank` is a blank; in the first token of a text nothing, if `drops_first`.
struct Metaspace {
  std::string blank;
  bool drops_first = true;
};
/// Blanks before all tokens but the first one and those that begin with `prefix`, which goes away.
struct WordPiece {
  std::string prefix;
  bool cleanup = true;  ///< no blank before punctuation and contractions
};
/// `suffix` ends a word: a blank, but at the end of a text nothing.
struct WordSuffix {
  std::string suffix;
};
struct Spaced {};  ///< a blank between any two tokens

using Step =
    std::variant<ByteLevel, ByteFallback, Replace, Strip, Metaspace, WordPiece, WordSuffix, Spaced>;

}  // namespace decoders

class PieceDecoder {
 public:
  /// Pieces are joined as they are.
  PieceDecoder() = default;
  /// `steps` are for each token by itself, `edges` for the whole text.
  explicit PieceDecoder(std::vector<decoders::Step> steps, decoders::Strip edges = {});

  /// The text that a token stands for, as far as one can say that without its neighbours.
  std::string piece(std::string_view written) const;

  /// Whether what a token adds to a text depends on its place there. If so join() wants the token
  /// as the vocabulary writes it, if not its piece().
  bool needs_context() const { return needs_context_; }

  /// Where a text that is being decoded stands.
  struct State {
    bool first = true;   ///< no token was joined yet
    std::string held{};  ///< the end of the last token, if what it becomes is not known
  };

  /// Appends what a token adds to the text.
  void join(std::string_view token, State& state, std::string& out) const;
  /// Appends what was held back.
  void finish(State& state, std::string& out) const;

  const decoders::Strip& edges() const { return edges_; }

 private:
  std::vector<decoders::Step> steps_;
  decoders::Strip edges_;
  bool needs_context_ = false;
};

}  // namespace heed
