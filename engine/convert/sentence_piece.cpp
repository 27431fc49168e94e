#include "engine/convert/sentence_piece.h"

#include <algorithm>
#include <string>

#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"
#include "engine/core/mapped_file.h"
#include "engine/text/json_node.h"
#include "engine/text/sentence_piece_model.h"
#include "engine/text/tokenizer.h"

namespace heed {
namespace {

constexpr float kUnusedScore = -1000;  // llama.cpp's

/// Tokens that other files of the directory add, where the model has none.
void add_tokens(const Source& source, TokenizerSpec& spec) {
  const auto add = [&](const JsonFile& file, std::string_view token, int64_t id, TokenType type) {
    if (id < 0 || id >= static_cast<int64_t>(spec.tokens.size())) {
      file.refuse("token ", to_text(Json(std::string(token))), " has the id ", id,
                  ", and config.json says 'vocab_size' is ", spec.tokens.size());
    }
    spec.tokens[static_cast<size_t>(id)] = token;
    spec.types[static_cast<size_t>(id)] = type;
  };
  if (const auto added = source.json("added_tokens.json")) {
    for (const auto& [token, id] : added->root().items()) {
      if (!id.is_number_integer()) added->refuse("expected an object that maps tokens to ids");
      add(*added, token, id.get<int64_t>(), TokenType::user_defined);
    }
  }
  const auto config = source.json("tokenizer_config.json");
  const Json* decoder = config ? config->find("added_tokens_decoder") : nullptr;
  if (!decoder) return;
  for (const auto& [id, token] : decoder->items()) {
    const bool is_number =
        !id.empty() && id.size() < 10 && id.find_first_not_of("0123456789") == std::string::npos;
    const auto text = config->text(token, "content");
    if (!is_number || !text) {
      config->refuse("'added_tokens_decoder': expected an id and a 'content' of each");
    }
    const auto index = std::stoull(id);
    const bool unknown = index < spec.types.size() && spec.types[index] == TokenType::unknown;
    const bool special = config->flag(token, "special").value_or(false);
    add(*config, *text, static_cast<int64_t>(index),
        unknown   ? TokenType::unknown
        : special ? TokenType::control
                  : TokenType::user_defined);
  }
}

void find_special_tokens(const Source& source, TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  spec.bos = find_token(spec, names.of("bos_token", "<s>"));
  spec.eos = find_token(spec, names.of("eos_token", "</s>"));
  spec.unk = find_token(spec, names.of("unk_token", "<unk>"));
  spec.pad = find_token(spec, names.of("pad_token", "<pad>"));
}

}  // namespace

std::optional<std::filesystem::path> find_sentence_piece(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const char* name : {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"}) {
    if (std::filesystem::is_regular_file(directory / name, ignored)) return directory / name;
  }
  return std::nullopt;
}

void set_sentence_piece(const Source& source, const std::filesystem::path& path,
                        Metadata& metadata) {
  const MappedFile file = MappedFile::open(path);
  const std::string_view bytes = file.text();
  const SentencePieceModel model = read_sentence_piece_model(bytes, path.string());
  const bool bpe = model.algorithm == SentencePieceModel::Algorithm::bpe;
  TokenizerSpec spec{.model = bpe ? "llama" : "t5",
                     .pre = "default",
                     .precompiled_charsmap = std::string(model.precompiled_charsmap),
                     .add_space_prefix = model.add_dummy_prefix,
                     .remove_extra_whitespaces = model.remove_extra_whitespaces};
  for (const SentencePieceModel::Piece& piece : model.pieces) {
    spec.tokens.emplace_back(piece.text);
    spec.types.push_back(piece.type);
    spec.scores.push_back(piece.score);
  }
  fill_tokens(source, path.string(), spec);
  spec.scores.resize(spec.tokens.size(), kUnusedScore);
  add_tokens(source, spec);
  find_special_tokens(source, spec);
  const auto settings = source.json("tokenizer_config.json");
  const auto flag = [&](std::string_view key, bool usual) {
    return settings ? settings->flag(key).value_or(usual) : usual;
  };
  spec.add_bos = flag("add_bos_token", bpe);
  spec.add_eos = flag("add_eos_token", !bpe);
  write_tokenizer_spec(spec, metadata);
  load_tokenizer(metadata);  // what else is wrong
}

}  // namespace heed
