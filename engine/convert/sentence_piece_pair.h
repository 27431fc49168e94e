// Two sentencepiece models and the map of their pieces as keys of a GGUF file. Used by tokenizer.h.
// Reference: transformers' MarianTokenizer.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// The sentencepiece model of both languages: in the directory, or beside it, as Argos's packages
/// have it. Nothing if there is none.
std::optional<std::filesystem::path> find_shared_sentence_piece(
    const std::filesystem::path& directory);

/// Sets the tokenizer.* keys from source.spm and target.spm, or sentencepiece.model for both, and
/// vocab.json or, where there is none, CTranslate2's list. Throws Error(format) where the
/// vocabulary does not fit the embedding or a model is none, Error(unsupported) for vocabularies of
/// the two sides that differ.
void set_sentence_piece_pair(const Source& source, Metadata& metadata);

}  // namespace heed
