#include "engine/convert/sentence_piece_pair.h"

#include <string>

#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"
#include "engine/core/mapped_file.h"
#include "engine/text/sentence_piece_model.h"
#include "engine/text/tokenizer.h"

namespace heed {
namespace {

constexpr const char* kPad = "<pad>";

/// A sentencepiece model as it is, checked.
std::string read_model(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  std::string model(file.text());
  check_model(model, path.string());
  return model;
}

std::string read_model(const Source& source, std::string_view side) {
  return read_model(source.path(source.has(side) ? side : "sentencepiece.model"));
}

/// Tokens that a text may hold as they are, beside the usual special ones.
void mark_added_tokens(const JsonFile& config, Vocabulary& vocabulary) {
  const Json* added = config.find("added_tokens_decoder");
  if (!added) return;
  for (const auto& [id, token] : added->items()) {
    const std::string text = config.text(token, "content").value_or("");
    const std::optional<Token> found = vocabulary.find(text);
    if (!found || std::to_string(*found) != id) {
      fail(Error::Code::unsupported, config.name(), ": adds the token ", to_text(Json(text)),
           " with the id ", id, ", which vocab.json does not have");
    }
    vocabulary.set_type(*found, config.flag(token, "special").value_or(false)
                                    ? TokenType::control
                                    : TokenType::user_defined);
  }
}

void set_special_tokens(const Source& source, Vocabulary& vocabulary, TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  const auto find = [&](std::string_view key, std::string_view usual, TokenType type) {
    const std::string name = names.of(key, usual);
    const std::optional<Token> id = vocabulary.find(name);
    if (!id) {
      fail(Error::Code::format, vocabulary.name(), ": expected the special token ",
           to_text(Json(name)), " in the vocabulary, found none of that name");
    }
    vocabulary.set_type(*id, type);
    return id;
  };
  spec.pad = find("pad_token", kPad, TokenType::control);
  spec.eos = find("eos_token", "</s>", TokenType::control);
  spec.unk = find("unk_token", "<unk>", TokenType::unknown);
}

}  // namespace

void set_sentence_piece_pair(const Source& source, Metadata& metadata) {
  Vocabulary vocabulary = source.has("vocab.json") ? Vocabulary::read_map(source, "vocab.json")
                                                   : Vocabulary::read_list(source, kPad);
  if (const auto config = source.json("tokenizer_config.json")) {
    if (config->flag("separate_vocabs").value_or(false)) {
      fail(Error::Code::unsupported, config->name(),
           ": 'separate_vocabs' is true, and Heed has one vocabulary for both languages only");
    }
    mark_added_tokens(*config, vocabulary);
  }
  TokenizerSpec spec{.model = "marian",
                     .source_model = read_model(source, "source.spm"),
                     .target_model = read_model(source, "target.spm")};
  set_special_tokens(source, vocabulary, spec);
  vocabulary.move_to(spec);
  write_tokenizer_spec(spec, metadata);
  load_tokenizer(metadata);  // what else is wrong
}

}  // namespace heed
