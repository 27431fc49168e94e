// Byte-level BPE as tokenizer.ggml.* keys, from GPT-2's vocab.json and merges.txt or from a
// tokenizer.json. Used by the converter of tokenizers.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"
#include "engine/text/tokenizer_json.h"

namespace heed {

/// Sets the keys of a "gpt2" tokenizer from vocab.json and merges.txt. Throws Error(format) for
/// what is missing or contradictory.
void set_byte_pair(const Source& source, Metadata& metadata);

/// The same from a tokenizer.json, whose model is BPE. False, with nothing set, for one that these
/// keys cannot say.
bool set_byte_pair(const Source& source, const JsonNode& root, const TokenizerJson& json,
                   Metadata& metadata);

}  // namespace heed
