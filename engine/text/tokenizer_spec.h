// What a model file says about its tokenizer, in the terms of GGUF's tokenizer.* keys.
// Filled from metadata (or by hand, in tests); a TextTokenizer is built from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "heed_types.hpp"

namespace heed {

class Metadata;

/// The values are those of tokenizer.ggml.token_type.
enum class TokenType : int32_t {
  undefined = 0,
  normal = 1,
  unknown = 2,       ///< stands for what the vocabulary cannot express
  control = 3,       ///< means something to the model; not part of a text
  user_defined = 4,  ///< a text that is always this one token
  unused = 5,
  byte = 6,  ///< "<0x0A>": one byte, where the text has no better token
};

struct TokenizerSpec {
  /// The model's tokenizer.json; where there is one it says all but the ids of special tokens.
  std::string huggingface_json = {};
  std::string model = {};                 ///< "gpt2", "llama", "t5", "bert" or "marian"
  std::string pre = {};                   ///< the pre-tokenizer of a "gpt2" model; empty: default
  std::vector<std::string> tokens = {};   ///< in the order of their ids
  std::vector<TokenType> types = {};      ///< one for each token, or none: all are normal
  std::vector<float> scores = {};         ///< one for each token, where the model has them
  std::vector<std::string> merges = {};   ///< "left right", the first merge first
  std::string precompiled_charsmap = {};  ///< SentencePiece's normalisation table; may be empty
  std::string source_model = {};          ///< of a "marian" model: sentencepiece's own files, whole
  std::string target_model = {};
  /// Of a "marian" model whose source language has tokens of its own, in the order of their ids;
  /// all else is about the target's then. Else empty.
  std::vector<std::string> source_tokens = {};
  std::optional<bool> add_space_prefix = {};  ///< these six: nothing means the model's usual rule
  std::optional<bool> remove_extra_whitespaces = {};
  std::optional<bool> lowercase = {};
  std::optional<bool> strip_accents = {};
  std::optional<bool> add_bos = {};
  std::optional<bool> add_eos = {};

  std::optional<Token> bos = {};  ///< begins a text
  std::optional<Token> eos = {};  ///< ends a text
  std::optional<Token> eot = {};  ///< ends a turn of a chat
  std::optional<Token> eom = {};  ///< ends a message that awaits a tool's answer
  std::optional<Token> unk = {};
  std::optional<Token> pad = {};
  std::optional<Token> cls = {};
  std::optional<Token> sep = {};
  std::optional<Token> mask = {};
};

inline constexpr std::string_view kHuggingFaceKey = "tokenizer.huggingface.json";
inline constexpr std::string_view kSourceModelKey = "tokenizer.heed.source_model";
inline constexpr std::string_view kTargetModelKey = "tokenizer.heed.target_model";
inline constexpr std::string_view kSourceTokensKey = "tokenizer.heed.source_tokens";

/// The ids above, the keys that hold them (one is misspelt in all files), and what Hugging Face's
/// files call them, if they do.
struct SpecialId {
  std::string_view key;
  std::string_view name;
  std::optional<Token> TokenizerSpec::*id;
};
inline constexpr std::array<SpecialId, 9> kSpecialIds = {{
    {"tokenizer.ggml.bos_token_id", "bos_token", &TokenizerSpec::bos},
    {"tokenizer.ggml.eos_token_id", "eos_token", &TokenizerSpec::eos},
    {"tokenizer.ggml.eot_token_id", "", &TokenizerSpec::eot},
    {"tokenizer.ggml.eom_token_id", "", &TokenizerSpec::eom},
    {"tokenizer.ggml.unknown_token_id", "unk_token", &TokenizerSpec::unk},
    {"tokenizer.ggml.padding_token_id", "pad_token", &TokenizerSpec::pad},
    {"tokenizer.ggml.cls_token_id", "cls_token", &TokenizerSpec::cls},
    {"tokenizer.ggml.seperator_token_id", "sep_token", &TokenizerSpec::sep},
    {"tokenizer.ggml.mask_token_id", "mask_token", &TokenizerSpec::mask},
}};

/// The first token that is written so.
std::optional<Token> find_token(const TokenizerSpec& spec, std::string_view token);

/// Reads the tokenizer.ggml.*, tokenizer.heed.* and tokenizer.huggingface.* keys. Throws
/// Error(format) naming the key that is missing or of a wrong type.
TokenizerSpec read_tokenizer_spec(const Metadata& metadata);

/// Sets the keys that read_tokenizer_spec reads, of all that the spec says.
void write_tokenizer_spec(const TokenizerSpec& spec, Metadata& metadata);

}  // namespace heed
