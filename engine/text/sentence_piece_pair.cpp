// Two sentencepiece models, of a source and a target language, and one map of their pieces to ids,
// as translation models of the OPUS-MT kind have them, or a map for each language. A text may begin
// with the language that it is to become: ">>de<<". Reference: Tiedemann and Thottingal 2020,
// "OPUS-MT"; transformers' MarianTokenizer.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "engine/core/error.h"
#include "engine/text/sentence_piece_library.h"
#include "engine/text/sentence_piece_model.h"
#include "engine/text/subword.h"
#include "engine/text/token_index.h"

namespace heed {
namespace {

/// The tokens of a vocabulary: the ids of pieces.
class PieceMap {
 public:
  PieceMap(std::vector<std::string> pieces, Token unknown, Token eos)
      : pieces_(std::move(pieces)), ids_(pieces_), unknown_(unknown), eos_(eos) {
    for (size_t id = 0; id < pieces_.size(); ++id) ids_.add(static_cast<Token>(id));
  }
  PieceMap(const PieceMap&) = delete;  // ids_ looks into pieces_
  PieceMap& operator=(const PieceMap&) = delete;

  Token find(std::string_view piece) const { return ids_.find(piece).value_or(unknown_); }
  Token eos() const { return eos_; }

  /// The text of each token, as a language's model has it: some pieces are not what they look like.
  std::vector<std::string> texts(const SentencePieceLibrary& library) const {
    std::vector<std::string> texts;
    texts.reserve(pieces_.size());
    for (const std::string& piece : pieces_) texts.push_back(with_blanks(piece));
    for (int id = 0; id < library.size(); ++id) {
      const Token token = find(library.piece(id));
      if (token == unknown_ || token == eos_) continue;
      std::string& text = texts[static_cast<size_t>(token)];
      if (library.is_byte(id)) text = byte_of(library.piece(id));
      if (library.is_control(id)) text.clear();
    }
    return texts;
  }

 private:
  std::vector<std::string> pieces_;
  TokenIndex ids_;
  Token unknown_;
  Token eos_;
};

/// The size of the language code at the start of a text, 0 without one.
size_t language_code(std::string_view text) {
  if (!text.starts_with(">>")) return 0;
  const size_t end = text.find("<<");
  return end == text.npos ? 0 : end + 2;
}

/// One language's side.
class MappedSubwords final : public SubwordModel {
 public:
  MappedSubwords(SentencePieceLibrary library, std::shared_ptr<const PieceMap> map)
      : library_(std::move(library)), map_(std::move(map)) {
    for (int id = 0; id < library_.size(); ++id) tokens_.push_back(map_->find(library_.piece(id)));
  }

  /// What the model does not know, the map may: a character of the other language.
  void encode(const TextPart& part, TokenSink& sink) const override {
    const std::string_view text = part.text;
    const size_t start = language_code(text);
    if (start > 0) sink.add(map_->find(text.substr(0, start)), {0, start});
    library_.encode(text.substr(start), [&](int id, const std::string& piece, ByteRange range) {
      const Token token =
          library_.is_unknown(id) ? map_->find(piece) : tokens_[static_cast<size_t>(id)];
      sink.add(token, {range.begin + start, range.end + start});
    });
  }

 private:
  SentencePieceLibrary library_;
  std::shared_ptr<const PieceMap> map_;
  std::vector<Token> tokens_;  ///< of each of the library's pieces
};

SentencePieceLibrary load(const std::string& model, std::string_view key) {
  if (model.empty()) fail(Error::Code::format, key, " is missing");
  check_model(model, key);
  return {model, key};
}

/// Where the source's own tokens have one that is written as a token of the target's.
Token find_source_token(const TokenizerSpec& spec, Token token) {
  const std::string& text = spec.tokens[static_cast<size_t>(token)];
  const auto it = std::ranges::find(spec.source_tokens, text);
  if (it != spec.source_tokens.end()) return static_cast<Token>(it - spec.source_tokens.begin());
  fail(Error::Code::format, kSourceTokensKey, ": expected the token '", text, "', found none");
}

}  // namespace

Subwords make_sentence_piece_pair(TokenizerSpec& spec) {
  if (!spec.unk || !spec.eos) {
    fail(Error::Code::format, "tokenizer: expected an unknown token (<unk>) and one that ends a ",
         "text (</s>), found ",
         spec.unk   ? "no </s>"
         : spec.eos ? "no <unk>"
                    : "neither");
  }
  const bool separate = !spec.source_tokens.empty();
  SentencePieceLibrary source = load(spec.source_model, kSourceModelKey);
  std::optional<SentencePieceLibrary> target;  // nothing where both languages have one model
  if (separate || spec.target_model != spec.source_model) {
    target = load(spec.target_model, kTargetModelKey);
  }
  Subwords result{
      .target_suffix = std::vector{*spec.eos}, .replace_each_byte = true, .trims = true};
  std::shared_ptr<const PieceMap> source_map;
  if (separate) {
    result.added.emplace();  // none: a text is the source's, and their ids are the target's
    const Token unknown = find_source_token(spec, *spec.unk);
    const Token eos = find_source_token(spec, *spec.eos);
    source_map = std::make_shared<const PieceMap>(std::move(spec.source_tokens), unknown, eos);
    result.source_pieces = source_map->texts(source);
  }
  const auto map = std::make_shared<const PieceMap>(std::move(spec.tokens), *spec.unk, *spec.eos);
  if (!separate) source_map = map;
  result.pieces = map->texts(target ? *target : source);
  if (spec.add_eos.value_or(true)) result.suffix = {source_map->eos()};
  if (target) result.target = std::make_unique<MappedSubwords>(*std::move(target), map);
  result.model = std::make_unique<MappedSubwords>(std::move(source), source_map);
  return result;
}

}  // namespace heed
