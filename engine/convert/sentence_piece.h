// One sentencepiece model as keys of a GGUF file. Used by tokenizer.h.
// Reference: llama.cpp's converter, for which keys the result has.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// The sentencepiece model of a directory, if it has one under a name in use.
std::optional<std::filesystem::path> find_sentence_piece(const std::filesystem::path& directory);

/// Sets the tokenizer.* keys from that file. Throws Error(format) where it is no model or does not
/// fit the embedding, Error(unsupported) for one that Heed cannot execute.
void set_sentence_piece(const Source& source, const std::filesystem::path& path,
                        Metadata& metadata);

}  // namespace heed
