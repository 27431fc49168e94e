// The numbers of config.json as keys of a GGUF file, after the recipe of its model_type. Used by
// the converter. Reference: transformers' configuration files.
#pragma once

#include "engine/convert/json_file.h"
#include "engine/format/metadata.h"
#include "models/hugging_face/recipe.h"

namespace heed {

/// The recipe for a config.json, or null.
const Recipe* find_known_recipe(const JsonFile& config);

/// The recipe for a config.json; a head that it ties to the table of embeddings is among the
/// ignored. Throws Error(unsupported) naming its model_type and those known.
Recipe find_recipe(const JsonFile& config);

/// Sets the keys of the recipe, but not those of the tokenizer and of generation. Throws Error that
/// lists every key that is missing, of another type or out of range, and every value that the graph
/// does not compute.
void set_config_keys(const Recipe& recipe, const JsonFile& config, Metadata& metadata);

}  // namespace heed
