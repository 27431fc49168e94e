// What a CTranslate2 directory says of its model, as a recipe wants to read it: in the manner of a
// Hugging Face config.json. Used by the source of the converter.
#pragma once

#include <filesystem>

#include "engine/convert/json_file.h"
#include "engine/format/checkpoint.h"

namespace heed {

/// The keys of the directory's config.json, if it has one (before binary version 6 there is none);
/// "model_type", what model.bin calls its model; its numbers under their names and its tensors as
/// {"rows", "columns"}. And what is to be seen from these only:
/// "layers": {"encoder", "decoder"}: how many there are;
/// "embedding_scale": embeddings are multiplied by it, on both sides;
/// "positions": "sinusoids", if the tables of both sides are sinusoid_table(halves), else "others";
/// "same": {"embeddings", "activation", "embedding_scale"}: whether both sides (and the head) have
/// the same;
/// "vocab_size", "decoder_start_token_id", "bad_words_ids": texts begin with an embedding of zeros,
/// which is the row of a token behind the last one, and which is never the answer.
/// Throws Error(format) naming the file.
JsonFile read_ctranslate2_config(const std::filesystem::path& directory, const Checkpoint& weights);

}  // namespace heed
