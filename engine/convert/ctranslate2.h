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
/// "positions": "halves" or "interleaved", if the tables of both sides are such a sinusoid_table,
/// else "others";
/// "share_encoder_decoder_embeddings", "tie_word_embeddings": whether the encoder and the head have
/// the decoder's table;
/// "same": {"pre_norm", "activation", "embedding_scale"}: whether both sides have the same;
/// "vocab_size", and if texts begin with an embedding of zeros "decoder_start_token_id" and
/// "bad_words_ids": it is the row of a token behind the last one, which is never the answer.
/// Throws Error(format) naming the file.
JsonFile read_ctranslate2_config(const std::filesystem::path& directory, const Checkpoint& weights);

}  // namespace heed
