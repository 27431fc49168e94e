// heed::Tokenizer over engine/text/.
#include "engine/api/model_impl.h"

namespace heed {

std::vector<Token> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return impl_->tokenizer.encode(text, options);
}

std::vector<TokenSpan> Tokenizer::encode_spans(std::string_view text,
                                               const EncodeOptions& options) const {
  const Encoding encoding = impl_->tokenizer.encode_with_ranges(text, options);
  std::vector<TokenSpan> spans;
  spans.reserve(encoding.tokens.size());
  for (size_t i = 0; i < encoding.tokens.size(); ++i) {
    spans.push_back({.id = encoding.tokens[i],
                     .begin = static_cast<int64_t>(encoding.ranges[i].begin),
                     .end = static_cast<int64_t>(encoding.ranges[i].end)});
  }
  return spans;
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool skip_special) const {
  return impl_->tokenizer.decode(tokens, skip_special);
}

std::string Tokenizer::piece(Token id) const {
  return std::string(impl_->tokenizer.piece(id));
}

std::string Tokenizer::source_piece(Token id) const {
  return std::string(impl_->tokenizer.source_piece(id));
}

int64_t Tokenizer::size() const {
  return static_cast<int64_t>(impl_->tokenizer.size());
}

std::optional<Token> Tokenizer::bos() const {
  return impl_->tokenizer.bos();
}

std::optional<Token> Tokenizer::eos() const {
  return impl_->tokenizer.eos();
}

bool Tokenizer::ends_generation(Token id) const {
  return impl_->tokenizer.is_end_of_generation(id);
}

}  // namespace heed
