// A directory's chat template as a key of a GGUF file. Used by the converter.
// Reference: transformers, "Chat templates": where they are kept.
#pragma once

#include "engine/convert/source.h"
#include "engine/format/metadata.h"

namespace heed {

/// Sets tokenizer.chat_template if the directory has one, in chat_template.jinja,
/// chat_template.json or tokenizer_config.json; of several with names the default one, and
/// tokenizer.chat_template.NAME and tokenizer.chat_templates for the others. Throws Error(format).
void set_chat_template(const Source& source, Metadata& metadata);

}  // namespace heed
