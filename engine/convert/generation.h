// How a directory's own files say that translations are to be searched, as the generation.* keys of
// a GGUF file (models/README.md). Used by the converter. Reference: transformers' GenerationConfig.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets the keys that generation_config.json, or else config.json, has something for, and
/// ARCHITECTURE.decoder_start_token_id; those of the tokenizer must be there. Throws Error(format)
/// that lists every value that is senseless, Error(unsupported) every one that Heed's search does
/// not know.
void set_generation_keys(const Source& source, std::string_view architecture, Metadata& metadata);

}  // namespace heed
