// WordPiece, as BERT has it, as tokenizer.ggml.* keys, from vocab.txt or from a tokenizer.json.
// Used by the converter of tokenizers.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"
#include "engine/text/tokenizer_json.h"

namespace heed {

/// Sets the keys of a "bert" tokenizer from vocab.txt. Throws Error(unsupported) naming what they
/// cannot say, Error(format) for what is missing or contradictory.
void set_word_piece(const Source& source, Metadata& metadata);

/// The same from a tokenizer.json, whose model is WordPiece. False, with nothing set, for one that
/// these keys cannot say.
bool set_word_piece(const Source& source, const JsonNode& root, const TokenizerJson& json,
                    Metadata& metadata);

}  // namespace heed
