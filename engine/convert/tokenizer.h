// The tokenizer of a model directory as the keys of a GGUF file. Used by the converter; read back
// by engine/text/tokenizer_spec.h.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/convert/source.h"
#include "engine/format/metadata.h"
#include "models/hugging_face/recipe.h"

namespace heed {

/// Which of a tokenizer's files a directory must have and has not, in words.
std::vector<std::string> missing_tokenizer_files(TokenizerFiles files,
                                                 const std::filesystem::path& directory);

/// Sets all tokenizer.* keys but token_type_count. Throws Error(unsupported) naming what a GGUF
/// file cannot say, Error(format) for what is missing or contradictory.
void set_tokenizer(const Source& source, Metadata& metadata);

}  // namespace heed
