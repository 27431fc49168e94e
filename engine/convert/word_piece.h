// WordPiece vocabularies of a model directory as the tokenizer.ggml.* keys of a GGUF file. Used by
// tokenizer.h.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets all tokenizer.ggml.* keys but token_type_count, from tokenizer.json or else vocab.txt.
/// Throws Error(unsupported) naming a component that a GGUF file cannot say, Error(format) for what
/// is missing or contradictory.
void set_word_piece(const Source& source, Metadata& metadata);

}  // namespace heed
