// A directory's tokenizer.json in a GGUF file: whole, as Heed executes it, and as far as they can
// say it in the keys that other engines read. Used by tokenizer.h.
// Reference: the GGUF specification, "tokenizer.huggingface.json".
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets the tokenizer.* keys from tokenizer.json, which the directory must have. Throws
/// Error(unsupported) naming a component that Heed does not have, Error(format) for what is
/// contradictory.
void set_hugging_face_tokenizer(const Source& source, Metadata& metadata);

}  // namespace heed
