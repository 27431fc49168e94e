// The generation loop: prefill, then sample and decode until the model, a stop text, the caller or
// the context ends it. Used by heed::Session.
#pragma once

#include "engine/decode/decoder.h"
#include "engine/text/tokenizer.h"
#include "heed.hpp"

namespace heed {

/// Answers `prompt`, the whole text so far. What the decoder's cache already holds of it is kept,
/// the rest is forgotten. Throws, before any work: Error(argument) for an empty prompt or an id
/// outside the vocabulary, Error(limit) if it leaves no room for a token.
Generation generate(Decoder& decoder, const TextTokenizer& tokenizer, std::span<const Token> prompt,
                    const GenerateOptions& options, const TextCallback& on_text);

}  // namespace heed
