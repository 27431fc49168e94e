// SentencePiece, by way of the sentencepiece library: byte-pair encoding by score with single bytes
// as the last resort, and the most probable segmentation under a unigram model.
// Reference: Kudo and Richardson 2018 (arXiv 1808.06226); Kudo 2018 (arXiv 1804.10959).
#include <sentencepiece_processor.h>

#include <cmath>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/text/sentence_piece_model.h"
#include "engine/text/subword.h"

namespace heed {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";  // ▁, U+2581, stands for a blank in pieces

class SentencePieceSubwords final : public SubwordModel {
 public:
  /// `model` in the library's own format; `tokens`: the token of each of its pieces.
  SentencePieceSubwords(const std::string& model, std::vector<Token> tokens, bool adds_blank);
  void encode(std::string_view text, TokenSink& sink) const override;
  void join(std::string_view piece, bool first, std::string& out) const override;

 private:
  sentencepiece::SentencePieceProcessor library_;
  std::vector<Token> tokens_;
  bool adds_blank_;  ///< before a text; decoding takes it away again
};

SentencePieceSubwords::SentencePieceSubwords(const std::string& model, std::vector<Token> tokens,
                                             bool adds_blank)
    : tokens_(std::move(tokens)), adds_blank_(adds_blank) {
  const auto status = library_.LoadFromSerializedProto(model);
  if (!status.ok()) fail(Error::Code::format, "tokenizer: sentencepiece: ", status.error_message());
}

void SentencePieceSubwords::encode(std::string_view text, TokenSink& sink) const {
  sentencepiece::ImmutableSentencePieceText result;
  const auto status = library_.Encode(text, result.mutable_proto());
  if (!status.ok()) fail(Error::Code::argument, "sentencepiece: ", status.error_message());
  // Of a character in single bytes the library gives the range to the last byte only.
  const auto pieces = result.pieces();
  size_t waiting = 0;  // bytes before pieces[i] that shall have its range
  for (size_t i = 0; i < pieces.size(); ++i) {
    const ByteRange range = {pieces[i].begin(), pieces[i].end()};
    if (range.begin == range.end && library_.IsByte(static_cast<int>(pieces[i].id()))) {
      ++waiting;
      continue;
    }
    for (; waiting > 0; --waiting) sink.add(tokens_[pieces[i - waiting].id()], range);
    sink.add(tokens_[pieces[i].id()], range);
  }
}

void SentencePieceSubwords::join(std::string_view piece, bool first, std::string& out) const {
  if (first && adds_blank_ && piece.starts_with(' ')) piece.remove_prefix(1);
  out += piece;
}

/// What a token stands for in a text.
std::string to_text(const std::string& token, TokenType type) {
  if (type == TokenType::byte) {
    const auto digit = [&](size_t at) {
      const int c = token.size() == 6 ? token[at] : 0;
      return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    const int high = digit(3), low = digit(4);
    if (high < 0 || low < 0 || !token.starts_with("<0x") || !token.ends_with('>')) {
      fail(Error::Code::format, "tokenizer: expected a byte such as <0x0A>, found '", token, "'");
    }
    return {static_cast<char>(high << 4 | low)};
  }
  if (type == TokenType::control || type == TokenType::unknown) return token;
  std::string text;
  for (size_t pos = 0; pos < token.size();) {
    const size_t blank = std::min(token.find(kBlank, pos), token.size());
    text.append(token, pos, blank - pos);
    if (blank < token.size()) text += ' ';
    pos = blank + kBlank.size();
  }
  return text;
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
  result.model = std::make_unique<SentencePieceSubwords>(serialize(model), std::move(tokens),
                                                         model.add_dummy_prefix);
  return result;
}

}  // namespace

Subwords make_sentence_piece_bpe(TokenizerSpec& spec) {
  Subwords result = make_sentence_piece(
      spec, {.algorithm = SentencePieceModel::Algorithm::bpe,
             .add_dummy_prefix = spec.add_space_prefix.value_or(true),
             .remove_extra_whitespaces = spec.remove_extra_whitespaces.value_or(false)});
  if (spec.add_bos.value_or(true)) result.prefix = spec.bos;
  if (spec.add_eos.value_or(false)) result.suffix = spec.eos;
  return result;
}

Subwords make_sentence_piece_unigram(TokenizerSpec& spec) {
  Subwords result = make_sentence_piece(
      spec, {.algorithm = SentencePieceModel::Algorithm::unigram,
             .add_dummy_prefix = spec.add_space_prefix.value_or(true),
             .remove_extra_whitespaces = spec.remove_extra_whitespaces.value_or(true)});
  if (spec.add_bos.value_or(false)) result.prefix = spec.bos;
  if (spec.add_eos.value_or(true)) result.suffix = spec.eos;
  return result;
}

}  // namespace heed
