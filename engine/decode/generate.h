// The generation loop: prefill, then sample and decode until the model, a stop text, the caller or
// the context ends it; a token at a time, or all at once. Used by heed::Session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/decode/decoder.h"
#include "engine/decode/sampler.h"
#include "engine/decode/stop_text.h"
#include "engine/text/tokenizer.h"
#include "heed_records.hpp"

namespace heed {

/// An answer in the making. The decoder and the tokenizer must outlive it, and nobody else may use
/// the decoder meanwhile.
class Generator {
 public:
  /// Reads `prompt`, the whole text so far. What the decoder's cache already holds of it is kept,
  /// the rest is forgotten. Throws, before any work: Error(argument) for an empty prompt or an id
  /// outside the vocabulary, Error(limit) if it leaves no room for a token.
  Generator(Decoder& decoder, const TextTokenizer& tokenizer, std::span<const Token> prompt,
            const GenerateOptions& options);

  /// Makes one token more, and returns the text that it completes, which may be empty and is valid
  /// until the next call; nothing once the answer has ended and all its text has been given.
  std::optional<std::string_view> next();

  /// The caller wants no more: next() returns nothing.
  void stop();

  /// The answer so far; `reason` is that of its end, once next() has returned nothing.
  const Generation& result() const { return result_; }

 private:
  void end(StopReason reason) { ended_ = result_.reason = reason; }
  std::string_view make_token();
  void finish();

  Decoder& decoder_;
  const TextTokenizer& tokenizer_;
  GenerateOptions options_;
  Generation result_;
  Sampler sampler_;
  StreamDecoder stream_;
  StopText stop_;
  std::vector<Token> history_;  // prompt and answer
  std::span<const float> logits_;
  std::string held_back_;  // given at the end
  std::optional<StopReason> ended_;
  bool finished_ = false;
};

/// The whole answer; `on_text` gets every piece that is not empty, and ends it by returning false.
Generation generate(Decoder& decoder, const TextTokenizer& tokenizer, std::span<const Token> prompt,
                    const GenerateOptions& options, const TextCallback& on_text);

}  // namespace heed
