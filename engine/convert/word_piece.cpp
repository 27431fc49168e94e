// WordPiece, as BERT has it. References: Hugging Face `tokenizers`, the layout of tokenizer.json;
// llama.cpp's converter for the vocabulary's form: a piece that starts a word is written "▁piece",
// one that continues a word "piece" instead of "##piece", and special tokens as they are.
#include "engine/convert/word_piece.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/convert/join.h"
#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {
namespace {

/// What BERT's normalizer does before pieces are looked up.
struct Normalizer {
  bool lowercase = true;
  bool strip_accents = true;
};

/// The special tokens that a text gets around it, and their names where the file has them.
struct Frame {
  bool begin = true;
  bool end = true;
  std::optional<std::string> begin_name = {};
  std::optional<std::string> end_name = {};
};

/// Refuses `file` unless `object` has the type `wanted`.
void require_type(const JsonFile& file, std::string_view what, const Json* object,
                  std::string_view wanted) {
  const auto type = object ? file.text(*object, "type") : std::nullopt;
  if (type == wanted) return;
  fail(Error::Code::unsupported, file.name(), ": '", what, "': expected the type ", wanted,
       ", found ", type ? to_text(Json(*type)) : "none");
}

void require_flag(const JsonFile& file, const Json& object, std::string_view key, bool wanted) {
  if (file.flag(object, key).value_or(wanted) == wanted) return;
  fail(Error::Code::unsupported, file.name(), ": '", key, "' is ", wanted ? "false" : "true",
       ", which no key of a GGUF file says");
}

/// tokenizer_config.json overrides tokenizer.json, as in transformers; sentence-transformers may
/// turn texts into lower case before that.
Normalizer read_normalizer(const Source& source, const std::optional<JsonFile>& tokenizer) {
  Normalizer normalizer;
  std::optional<bool> accents;
  if (tokenizer) {
    const Json* object = tokenizer->find("normalizer");
    require_type(*tokenizer, "normalizer", object, "BertNormalizer");
    require_flag(*tokenizer, *object, "clean_text", true);
    require_flag(*tokenizer, *object, "handle_chinese_chars", true);
    normalizer.lowercase = tokenizer->flag(*object, "lowercase").value_or(true);
    accents = tokenizer->flag(*object, "strip_accents");
  }
  if (const auto config = source.json("tokenizer_config.json")) {
    require_flag(*config, config->root(), "tokenize_chinese_chars", true);
    normalizer.lowercase = config->flag("do_lower_case").value_or(normalizer.lowercase);
    if (const auto strip = config->flag("strip_accents")) accents = strip;
  }
  normalizer.strip_accents = accents.value_or(normalizer.lowercase);
  if (const auto encoder = source.json("sentence_bert_config.json")) {
    if (encoder->flag("do_lower_case").value_or(false)) normalizer.lowercase = true;
  }
  return normalizer;
}

/// The name of the special token that a part of a template is, or nothing.
std::optional<std::string> special_name(const JsonFile& file, const Json& part) {
  const Json* special = JsonFile::find(part, "SpecialToken");
  return special ? file.text(*special, "id") : std::nullopt;
}

/// What a post_processor puts around a single text: [CLS] before it, [SEP] after it, or either.
Frame read_frame(const JsonFile& tokenizer) {
  const Json* processor = tokenizer.find("post_processor");
  if (!processor) return {.begin = false, .end = false};
  if (tokenizer.text(*processor, "type") == "BertProcessing") return {};
  require_type(tokenizer, "post_processor", processor, "TemplateProcessing");
  const Json* single = JsonFile::find(*processor, "single");
  if (!single || !single->is_array() || single->empty()) {
    tokenizer.refuse("'post_processor': expected an array 'single'");
  }
  Frame frame = {.begin_name = special_name(tokenizer, single->front()),
                 .end_name = special_name(tokenizer, single->back())};
  frame.begin = frame.begin_name.has_value();
  frame.end = frame.end_name.has_value();
  const size_t specials = size_t{frame.begin} + size_t{frame.end};
  const bool one_text = single->size() == 1 + specials &&
                        JsonFile::find((*single)[size_t{frame.begin}], "Sequence") != nullptr;
  if (one_text) return frame;
  fail(Error::Code::unsupported, tokenizer.name(),
       ": 'post_processor': expected a template of one text with at most one token on either side");
}

/// Sets the ids of the special tokens. Those that texts need must be in the vocabulary.
void find_special_tokens(const Source& source, const Vocabulary& vocabulary, const Frame& frame,
                         TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  std::vector<std::string> missing;
  const auto find = [&](const std::string& name, bool needed) {
    const std::optional<Token> id = vocabulary.find(name);
    if (!id && needed) missing.push_back(to_text(Json(name)));
    return id;
  };
  spec.unk = find(names.of("unk_token", "[UNK]"), true);
  spec.cls = find(frame.begin_name.value_or(names.of("cls_token", "[CLS]")), frame.begin);
  spec.sep = find(frame.end_name.value_or(names.of("sep_token", "[SEP]")), frame.end);
  spec.pad = find(names.of("pad_token", "[PAD]"), false);
  spec.mask = find(names.of("mask_token", "[MASK]"), false);
  // llama.cpp looks for the class and separator tokens under these names.
  spec.bos = spec.cls;
  spec.eos = spec.sep;
  if (missing.empty()) return;
  fail(Error::Code::format, vocabulary.name(), ": expected the special tokens ",
       join(missing, ", "), " in the vocabulary, found none of that name");
}

/// A token in the form GGUF has it.
std::string phantom_space(const std::string& token, TokenType type) {
  constexpr std::string_view kContinuation = "##";
  if (type == TokenType::control || type == TokenType::user_defined) return token;
  if (token.starts_with(kContinuation)) return token.substr(kContinuation.size());
  return "\u2581" + token;
}

}  // namespace

void set_word_piece(const Source& source, Metadata& metadata) {
  const std::optional<JsonFile> tokenizer = source.json("tokenizer.json");
  if (tokenizer) {
    const Json* model = tokenizer->find("model");
    require_type(*tokenizer, "model", model, "WordPiece");
    require_type(*tokenizer, "pre_tokenizer", tokenizer->find("pre_tokenizer"), "BertPreTokenizer");
    const std::string prefix = tokenizer->text(*model, "continuing_subword_prefix").value_or("##");
    if (prefix != "##") {
      fail(Error::Code::unsupported, tokenizer->name(),
           ": 'continuing_subword_prefix': expected \"##\", found ", to_text(Json(prefix)));
    }
  }
  Vocabulary vocabulary = Vocabulary::read(source, tokenizer);
  const Normalizer normalizer = read_normalizer(source, tokenizer);
  const Frame frame = tokenizer ? read_frame(*tokenizer) : Frame{};
  TokenizerSpec spec{.model = "bert",
                     .pre = "default",
                     .lowercase = normalizer.lowercase,
                     .strip_accents = normalizer.strip_accents,
                     .add_bos = frame.begin,
                     .add_eos = frame.end};
  find_special_tokens(source, vocabulary, frame, spec);
  for (const SpecialId& special : kSpecialIds) {
    if (const auto id = spec.*special.id) vocabulary.set_type(*id, TokenType::control);
  }
  for (const auto& [token, type] : vocabulary.entries()) {
    spec.tokens.push_back(phantom_space(token, type));
    spec.types.push_back(type);
  }
  write_tokenizer_spec(spec, metadata);
  // Between two texts there is one separator, the end of the first.
  metadata.set("tokenizer.ggml.add_sep_token", false);
}

}  // namespace heed
