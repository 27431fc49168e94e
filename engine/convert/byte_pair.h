// The byte-level BPE of a model directory as tokenizer.ggml.* keys: tokenizer.json, or GPT-2's
// vocab.json and merges.txt. Used by the converter's tokenizer.h.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets all keys of a "gpt2" tokenizer and tokenizer.chat_template. Throws Error(unsupported)
/// naming a component that a GGUF file cannot say, Error(format) for what is missing or
/// contradictory.
void set_byte_pair(const Source& source, Metadata& metadata);

}  // namespace heed
