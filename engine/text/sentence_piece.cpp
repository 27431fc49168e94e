// SentencePiece, by way of the sentencepiece library: byte-pair encoding by score with single bytes
// as the last resort, and the most probable segmentation under a unigram model.
// Reference: Kudo and Richardson 2018 (arXiv 1808.06226); Kudo 2018 (arXiv 1804.10959).
#include <cmath>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/text/sentence_piece_library.h"
#include "engine/text/sentence_piece_model.h"
#include "engine/text/subword.h"

namespace heed {
namespace {

class SentencePieceSubwords final : public SubwordModel {
 public:
  /// `model` in the library's own format; `tokens`: the token of each of its pieces.
  SentencePieceSubwords(const std::string& model, std::vector<Token> tokens)
      : library_(model, "tokenizer"), tokens_(std::move(tokens)) {}

  void encode(const TextPart& part, TokenSink& sink) const override {
    library_.encode(part.text, [&](int id, const std::string&, ByteRange range) {
      sink.add(tokens_[static_cast<size_t>(id)], range);
    });
  }

 private:
  SentencePieceLibrary library_;
  std::vector<Token> tokens_;
};

/// What a token stands for in a text.
std::string to_text(const std::string& token, TokenType type) {
  if (type == TokenType::byte) return {byte_of(token)};
  if (type == TokenType::control || type == TokenType::unknown) return token;
  return with_blanks(token);
}

/// Whether the library is told of a token. It finds neither control tokens in a text (nor do we ask
/// it for user-defined ones), nor what cannot be in valid UTF-8.
bool is_for_library(const std::string& token, TokenType type) {
  return type != TokenType::control && type != TokenType::unknown &&
         type != TokenType::user_defined && !token.empty() &&
         token.find('\0') == std::string::npos && !repair_utf8(token).changed();
}

Subwords make_sentence_piece(TokenizerSpec& spec, SentencePieceModel model) {
  if (!spec.unk) {
    fail(Error::Code::format, "tokenizer: expected an unknown token (<unk>), found none");
  }
  if (spec.scores.empty()) fail(Error::Code::format, "tokenizer: expected scores, found none");
  std::unordered_set<std::string_view> seen;
  std::vector<Token> tokens;
  Subwords result{.replace_each_byte = true};
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const auto token = static_cast<Token>(id);
    const bool unknown = token == spec.unk;
    const std::string& text = spec.tokens[id];
    const TokenType type = spec.types[id];
    result.pieces.push_back(to_text(text, type));
    if (!std::isfinite(spec.scores[id])) {
      fail(Error::Code::format, "tokenizer: the score of token ", id, " '", text,
           "' is not finite");
    }
    if (!(unknown || is_for_library(text, type)) || !seen.insert(text).second) continue;
    model.pieces.push_back({.text = text,
                            .score = spec.scores[id],
                            .type = unknown                        ? TokenType::unknown
                                    : type == TokenType::undefined ? TokenType::normal
                                                                   : type});
    tokens.push_back(token);
  }
  check_charsmap(spec.precompiled_charsmap);
  model.precompiled_charsmap = spec.precompiled_charsmap;
  result.model = std::make_unique<SentencePieceSubwords>(serialize(model), std::move(tokens));
  // A blank that is added before a text is taken away again in decoding.
  if (model.add_dummy_prefix) {
    result.decoder = PieceDecoder({}, decoders::Strip{.content = " ", .start = 1});
  }
  return result;
}

}  // namespace

Subwords make_sentence_piece_bpe(TokenizerSpec& spec) {
  Subwords result = make_sentence_piece(
      spec, {.algorithm = SentencePieceModel::Algorithm::bpe,
             .add_dummy_prefix = spec.add_space_prefix.value_or(true),
             .remove_extra_whitespaces = spec.remove_extra_whitespaces.value_or(false)});
  if (spec.add_bos.value_or(true) && spec.bos) result.prefix = {*spec.bos};
  if (spec.add_eos.value_or(false) && spec.eos) result.suffix = {*spec.eos};
  return result;
}

Subwords make_sentence_piece_unigram(TokenizerSpec& spec) {
  Subwords result = make_sentence_piece(
      spec, {.algorithm = SentencePieceModel::Algorithm::unigram,
             .add_dummy_prefix = spec.add_space_prefix.value_or(true),
             .remove_extra_whitespaces = spec.remove_extra_whitespaces.value_or(true)});
  if (spec.add_bos.value_or(false) && spec.bos) result.prefix = {*spec.bos};
  if (spec.add_eos.value_or(true) && spec.eos) result.suffix = {*spec.eos};
  return result;
}

}  // namespace heed
