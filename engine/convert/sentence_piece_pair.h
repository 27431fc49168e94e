// Two sentencepiece models and the map of their pieces as keys of a GGUF file. Used by tokenizer.h.
// Reference: transformers' MarianTokenizer.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets the tokenizer.* keys from source.spm, target.spm and vocab.json. Throws Error(format) where
/// vocab.json does not fit the embedding or a model is none, Error(unsupported) for vocabularies of
/// the two sides that differ.
void set_sentence_piece_pair(const Source& source, Metadata& metadata);

}  // namespace heed
