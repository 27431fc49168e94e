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
constexpr std::string_view kSharedList = "shared_vocabulary";

/// A sentencepiece model as it is, checked.
std::string read_model(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  std::string model(file.text());
  check_model(model, path.string());
  return model;
}

std::string read_model(const Source& source, std::string_view side) {
  if (source.has(side)) return read_model(source.path(side));
  const auto shared = find_shared_sentence_piece(source.directory());
  return read_model(shared ? *shared : source.path(side));  // whose absence is then named
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

/// The id of a special token, which gets its type.
Token require_special(const SpecialNames& names, std::string_view key, std::string_view usual,
                      TokenType type, Vocabulary& vocabulary) {
  const std::string name = names.of(key, usual);
  const std::optional<Token> id = vocabulary.find(name);
  if (!id) {
    fail(Error::Code::format, vocabulary.name(), ": expected the special token ",
         to_text(Json(name)), " in the vocabulary, found none of that name");
  }
  vocabulary.set_type(*id, type);
  return *id;
}

bool has_list(const Source& source, std::string_view name) {
  return source.has(cat(name, ".json")) || source.has(cat(name, ".txt"));
}

/// CTranslate2's lists of tokens. Translations begin with the row behind the last token, which is
/// called <pad> then, or with a token of the list.
Vocabulary read_lists(const Source& source, bool has_pad, TokenizerSpec& spec) {
  const JsonNode config(source.config().root(), source.config().name());
  const bool shared = has_list(source, kSharedList);
  if (!shared) {
    const JsonNode rows = config.at("encoder/embeddings_0/weight").at("rows");
    Vocabulary::read_list(source, "source_vocabulary",
                          static_cast<size_t>(rows.integer(1, kMaxVocabulary)), "")
        .move_to(spec);
    spec.source_tokens = std::move(spec.tokens);
  }
  const auto count = static_cast<size_t>(config.at("vocab_size").integer(1, kMaxVocabulary));
  Vocabulary vocabulary = Vocabulary::read_list(source, shared ? kSharedList : "target_vocabulary",
                                                count, has_pad ? kPad : "");
  if (has_pad) return vocabulary;
  spec.bos = vocabulary.find(SpecialNames::read(source).of("bos_token", "<s>"));
  spec.pad = vocabulary.find("<blank>");
  spec.add_eos = source.config().flag("add_source_eos").value_or(false);
  for (const auto& id : {spec.bos, spec.pad}) {
    if (id) vocabulary.set_type(*id, TokenType::control);
  }
  return vocabulary;
}

}  // namespace

std::optional<std::filesystem::path> find_shared_sentence_piece(
    const std::filesystem::path& directory) {
  constexpr const char* kName = "sentencepiece.model";
  std::error_code ignored;
  for (const auto& path : {directory / kName, directory / ".." / kName}) {
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return std::nullopt;
}

void set_sentence_piece_pair(const Source& source, Metadata& metadata) {
  TokenizerSpec spec{.model = "marian",
                     .source_model = read_model(source, "source.spm"),
                     .target_model = read_model(source, "target.spm")};
  const bool has_map = source.has("vocab.json");
  const bool has_pad = has_map || source.config().find("decoder_start_token_id");
  Vocabulary vocabulary =
      has_map ? Vocabulary::read_map(source, "vocab.json") : read_lists(source, has_pad, spec);
  if (const auto config = source.json("tokenizer_config.json")) {
    if (config->flag("separate_vocabs").value_or(false)) {
      fail(Error::Code::unsupported, config->name(),
           ": 'separate_vocabs' is true, and Heed has one vocabulary for both languages only");
    }
    mark_added_tokens(*config, vocabulary);
  }
  const SpecialNames names = SpecialNames::read(source);
  if (has_pad) {
    spec.pad = require_special(names, "pad_token", kPad, TokenType::control, vocabulary);
  }
  spec.eos = require_special(names, "eos_token", "</s>", TokenType::control, vocabulary);
  spec.unk = require_special(names, "unk_token", "<unk>", TokenType::unknown, vocabulary);
  vocabulary.move_to(spec);
  write_tokenizer_spec(spec, metadata);
  load_tokenizer(metadata);  // what else is wrong
}

}  // namespace heed
