// Reads a tokenizer's description from a file's metadata, and writes it there.
#include "engine/text/tokenizer_spec.h"

#include <algorithm>
#include <utility>

#include "engine/core/error.h"
#include "engine/format/metadata.h"

namespace heed {
namespace {

template <typename T>
std::optional<T> get(const Metadata& metadata, std::string_view key) {
  if (!metadata.contains(key)) return std::nullopt;
  return metadata.require<T>(key);
}

std::vector<TokenType> read_types(const Metadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.ggml.token_type";
  std::vector<TokenType> types;
  for (const int32_t type : metadata.get_or<std::vector<int32_t>>(kKey, {})) {
    if (type < 0 || type > static_cast<int32_t>(TokenType::byte)) {
      fail(Error::Code::format, metadata.source(), ": ", kKey, ": expected types 0 to 6, found ",
           type);
    }
    types.push_back(static_cast<TokenType>(type));
  }
  return types;
}

/// -1, in whatever type, is how files say that there is no such token.
std::optional<Token> read_id(const Metadata& metadata, std::string_view key) {
  const std::optional<int64_t> id = get<int64_t>(metadata, key);
  if (!id || *id == -1 || *id == UINT32_MAX) return std::nullopt;
  if (!std::in_range<Token>(*id)) {
    fail(Error::Code::format, metadata.source(), ": ", key, ": expected the id of a token, found ",
         *id);
  }
  return static_cast<Token>(*id);
}

/// An array of bytes, signed or not: both are found.
std::string read_bytes(const Metadata& metadata, std::string_view key) {
  const Metadata::Value* value = metadata.find(key);
  if (!value) return {};
  if (const auto* bytes = std::get_if<std::vector<int8_t>>(value)) {
    return {bytes->begin(), bytes->end()};
  }
  const auto bytes = metadata.require<std::vector<uint8_t>>(key);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::optional<Token> find_token(const TokenizerSpec& spec, std::string_view token) {
  const auto it = std::ranges::find(spec.tokens, token);
  if (it == spec.tokens.end()) return std::nullopt;
  return static_cast<Token>(it - spec.tokens.begin());
}

TokenizerSpec read_tokenizer_spec(const Metadata& metadata) {
  // Files that no other engine can read have tokenizer.json alone.
  const bool has_json = metadata.contains(kHuggingFaceKey);
  const auto text = [&](std::string_view key) {
    return has_json ? metadata.get_or<std::string>(key, {}) : metadata.require<std::string>(key);
  };
  using Texts = std::vector<std::string>;
  constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
  TokenizerSpec spec{
      .huggingface_json = metadata.get_or<std::string>(kHuggingFaceKey, {}),
      .model = text("tokenizer.ggml.model"),
      .pre = metadata.get_or<std::string>("tokenizer.ggml.pre", {}),
      .tokens =
          has_json ? metadata.get_or<Texts>(kTokensKey, {}) : metadata.require<Texts>(kTokensKey),
      .types = read_types(metadata),
      .scores = metadata.get_or<std::vector<float>>("tokenizer.ggml.scores", {}),
      .merges = metadata.get_or<std::vector<std::string>>("tokenizer.ggml.merges", {}),
      .precompiled_charsmap = read_bytes(metadata, "tokenizer.ggml.precompiled_charsmap"),
      .source_model = read_bytes(metadata, kSourceModelKey),
      .target_model = read_bytes(metadata, kTargetModelKey),
      .source_tokens = metadata.get_or<Texts>(kSourceTokensKey, {}),
      .add_space_prefix = get<bool>(metadata, "tokenizer.ggml.add_space_prefix"),
      .remove_extra_whitespaces = get<bool>(metadata, "tokenizer.ggml.remove_extra_whitespaces"),
      .lowercase = get<bool>(metadata, "tokenizer.ggml.normalizer.lowercase"),
      .strip_accents = get<bool>(metadata, "tokenizer.ggml.normalizer.strip_accents"),
      .add_bos = get<bool>(metadata, "tokenizer.ggml.add_bos_token"),
      .add_eos = get<bool>(metadata, "tokenizer.ggml.add_eos_token"),
  };
  for (const SpecialId& special : kSpecialIds) spec.*special.id = read_id(metadata, special.key);
  return spec;
}

void write_tokenizer_spec(const TokenizerSpec& spec, Metadata& metadata) {
  const auto set_some = [&](std::string_view key, const auto& values) {
    if (!values.empty()) metadata.set(key, values);
  };
  const auto set_flag = [&](std::string_view key, std::optional<bool> flag) {
    if (flag) metadata.set(key, *flag);
  };
  set_some(kHuggingFaceKey, spec.huggingface_json);
  set_some("tokenizer.ggml.model", spec.model);
  set_some("tokenizer.ggml.pre", spec.pre);
  set_some("tokenizer.ggml.tokens", spec.tokens);
  std::vector<int32_t> types;
  types.reserve(spec.types.size());
  for (const TokenType type : spec.types) types.push_back(static_cast<int32_t>(type));
  set_some("tokenizer.ggml.token_type", types);
  set_some("tokenizer.ggml.scores", spec.scores);
  set_some("tokenizer.ggml.merges", spec.merges);
  const auto set_bytes = [&](std::string_view key, const std::string& bytes) {
    set_some(key, std::vector<uint8_t>(bytes.begin(), bytes.end()));
  };
  set_bytes("tokenizer.ggml.precompiled_charsmap", spec.precompiled_charsmap);
  set_bytes(kSourceModelKey, spec.source_model);
  set_bytes(kTargetModelKey, spec.target_model);
  set_some(kSourceTokensKey, spec.source_tokens);
  set_flag("tokenizer.ggml.add_space_prefix", spec.add_space_prefix);
  set_flag("tokenizer.ggml.remove_extra_whitespaces", spec.remove_extra_whitespaces);
  set_flag("tokenizer.ggml.normalizer.lowercase", spec.lowercase);
  set_flag("tokenizer.ggml.normalizer.strip_accents", spec.strip_accents);
  set_flag("tokenizer.ggml.add_bos_token", spec.add_bos);
  set_flag("tokenizer.ggml.add_eos_token", spec.add_eos);
  for (const SpecialId& special : kSpecialIds) {
    const std::optional<Token> id = spec.*special.id;
    if (id) metadata.set(special.key, static_cast<uint32_t>(*id));
  }
}

}  // namespace heed
