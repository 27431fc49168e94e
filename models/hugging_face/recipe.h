// What makes a GGUF file of a Hugging Face checkpoint, as data: which number of config.json is
// which key, and which tensor is which. One recipe per model_type, each in the file of its name;
// used by engine/convert, which writes a config.json for CTranslate2's checkpoints
// (models/ctranslate2). Keys and tensor names are those of models/README.md.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/format/metadata.h"

namespace heed {

/// A number of config.json and the key it becomes, below the architecture's name where it begins
/// with "."; of two rules for a key the later one counts.
/// Where `from` has several names, "a|b", the first that config.json has counts; "a.b" lies within
/// the object a.
struct KeyRule {
  enum class Kind { count, real, root };  ///< written as u32, f32, or its square root as f32
  std::string_view from;
  std::string_view to;
  Kind kind = Kind::count;
  std::optional<double> fallback = {};  ///< transformers' own, where config.json says nothing
  std::string_view where = {};          ///< a flag of config.json; where it is not set: fallback
  double times = 1;                     ///< what the number is multiplied by
  bool may_be_absent = false;           ///< then there is no key either
};

/// A word of config.json and the key it becomes; names as in KeyRule.
struct WordRule {
  std::string_view from;
  std::string_view to;
  std::string_view fallback;
  std::vector<std::pair<std::string_view, std::string_view>> words;  ///< config.json's, the key's
};

/// What the graph takes for granted: config.json may be silent about `key` (names as in KeyRule) or
/// say `value` ("gelu", "false"); anything else is another model.
struct Assumption {
  std::string_view key;
  std::string_view value;
};

/// How the rows of a tensor lie in the checkpoint.
enum class RowOrder {
  same,
  transposed,  ///< [in, out]
  /// Rotary positions turn row i of the first half of a head with row i of the second; the graph
  /// wants the two next to each other. So many heads: attention.head_count, or head_count_kv.
  halves_of_heads,
  halves_of_kv_heads,
};

/// One tensor, or with "{}" in both names one of each block.
struct TensorRule {
  std::string_view from;
  std::string_view to;
  bool keep_f32 = false;  ///< whatever type is asked for; vectors are F32 in any case
  RowOrder order = RowOrder::same;
  bool may_be_absent = false;
  /// Which of several tensors of one shape it is that lie one below the other in the checkpoint's.
  struct Part {
    int64_t index = 0;
    int64_t of = 1;
  } part = {};
  bool adds_row = false;  ///< where the checkpoint has one row less, the last is one of zeros
};

/// Which files of the directory hold the tokenizer, and which kind it is.
enum class TokenizerFiles {
  word_piece,           ///< tokenizer.json or vocab.txt
  sentence_piece_pair,  ///< source.spm, target.spm and vocab.json
  subwords,             ///< tokenizer.json; vocab.json and merges.txt; or tokenizer.model
  /// source.spm and target.spm, or sentencepiece.model; shared_vocabulary.json or .txt, or one for
  /// each language: source_vocabulary and target_vocabulary
  sentence_piece_list,
};

struct Recipe {
  std::string_view model_type;    ///< of config.json
  Assumption where = {};          ///< of several for a model_type, the one that config.json says
  std::string_view architecture;  ///< of models/registry.h
  TokenizerFiles tokenizer = TokenizerFiles::word_piece;
  bool translates = false;  ///< its files have the generation.* keys
  std::vector<KeyRule> keys;
  std::vector<WordRule> words = {};
  std::vector<std::pair<std::string_view, Metadata::Value>> constants;  ///< of all its files
  std::vector<Assumption> assumptions;
  /// What checkpoints with a head put before the names of the model itself: "bert.".
  std::vector<std::string_view> prefixes;
  std::vector<TensorRule> tensors;
  /// Tensors that no graph uses; a "*" at the end stands for anything, "{}" for a number.
  std::vector<std::string_view> ignored;
  /// The target of the head's own matrix, if there may be one; tied_head: config.json's
  /// tie_word_embeddings where it does not say, and then there is none.
  std::string_view head = {};
  bool tied_head = false;
  /// The target of the encoder's own table, if there may be one: where config.json's
  /// share_encoder_decoder_embeddings is false.
  std::string_view encoder_table = {};
};

std::span<const Recipe> recipes();

Recipe ctranslate2_marian();
Recipe ctranslate2_opennmt();
Recipe hugging_face_bert();
Recipe hugging_face_gpt2();
Recipe hugging_face_llama();
Recipe hugging_face_marian();
Recipe hugging_face_qwen2();

}  // namespace heed
