// References: Hugging Face `tokenizers`, the layout of tokenizer.json; llama.cpp's converter for
// the vocabulary's form: a piece that starts a word is written "▁piece", one that continues a word
// "piece" instead of "##piece", and special tokens as they are.
#include "engine/convert/word_piece.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/convert/join.h"
#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"

namespace heed {
namespace {

constexpr std::string_view kContinuation = "##";

/// What BERT's normalizer does before pieces are looked up.
struct Normalizer {
  bool lowercase = true;
  std::optional<bool> strip_accents = {};  ///< nothing: if `lowercase`
};

/// BERT's normalizer as tokenizer.json has it; nothing for another one.
std::optional<Normalizer> read_bert_normalizer(const JsonNode& root) {
  const auto node = root.find("normalizer");
  if (!node || node->at("type").text() != "BertNormalizer") return std::nullopt;
  const auto flag = [&](std::string_view key) {
    const auto member = node->find(key);
    return member ? std::optional(member->flag()) : std::nullopt;
  };
  if (!flag("clean_text").value_or(true) || !flag("handle_chinese_chars").value_or(true)) {
    return std::nullopt;
  }
  return Normalizer{.lowercase = flag("lowercase").value_or(true),
                    .strip_accents = flag("strip_accents")};
}

/// tokenizer_config.json overrides `normalizer`, as in transformers; sentence-transformers may turn
/// texts into lower case before that.
void set_normalizer(const Source& source, Normalizer normalizer, TokenizerSpec& spec) {
  if (const auto config = source.json("tokenizer_config.json")) {
    if (!config->flag("tokenize_chinese_chars").value_or(true)) {
      fail(Error::Code::unsupported, config->name(),
           ": 'tokenize_chinese_chars' is false, which no key of a GGUF file says");
    }
    normalizer.lowercase = config->flag("do_lower_case").value_or(normalizer.lowercase);
    if (const auto strip = config->flag("strip_accents")) normalizer.strip_accents = strip;
  }
  spec.lowercase = normalizer.lowercase;
  spec.strip_accents = normalizer.strip_accents.value_or(normalizer.lowercase);
  if (const auto encoder = source.json("sentence_bert_config.json")) {
    if (encoder->flag("do_lower_case").value_or(false)) spec.lowercase = true;
  }
}

/// Sets the ids of the special tokens that are not set yet. Those that texts need must be in the
/// vocabulary, which is that of `file`.
void find_special_tokens(const Source& source, std::string_view file, TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  std::vector<std::string> missing;
  const auto find = [&](std::optional<Token>& id, std::string_view key, std::string_view usual,
                        bool needed) {
    if (id) return;
    const std::string name = names.of(key, usual);
    id = find_token(spec, name);
    if (!id && needed) missing.push_back(to_text(Json(name)));
  };
  find(spec.unk, "unk_token", "[UNK]", true);
  find(spec.cls, "cls_token", "[CLS]", *spec.add_bos);
  find(spec.sep, "sep_token", "[SEP]", *spec.add_eos);
  find(spec.pad, "pad_token", "[PAD]", false);
  find(spec.mask, "mask_token", "[MASK]", false);
  // llama.cpp looks for the class and separator tokens under these names.
  spec.bos = spec.cls;
  spec.eos = spec.sep;
  if (missing.empty()) return;
  fail(Error::Code::format, file, ": expected the special tokens ", join(missing, ", "),
       " in the vocabulary, found none of that name");
}

/// A token in the form GGUF has it.
std::string phantom_space(const std::string& token, TokenType type) {
  if (type == TokenType::control || type == TokenType::user_defined) return token;
  if (token.starts_with(kContinuation)) return token.substr(kContinuation.size());
  return "\u2581" + token;
}

/// Writes a spec whose tokens are those of `file`, as that has them.
void write_word_piece(const Source& source, std::string_view file, TokenizerSpec& spec,
                      Metadata& metadata) {
  spec.model = "bert";
  spec.pre = "default";
  fill_tokens(source, file, spec);
  find_special_tokens(source, file, spec);
  mark_special_tokens(spec);
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    spec.tokens[id] = phantom_space(spec.tokens[id], spec.types[id]);
  }
  write_tokenizer_spec(spec, metadata);
  // Between two texts there is one separator, the end of the first.
  metadata.set("tokenizer.ggml.add_sep_token", false);
}

}  // namespace

void set_word_piece(const Source& source, Metadata& metadata) {
  Vocabulary vocabulary = Vocabulary::read_lines(source);
  TokenizerSpec spec{.add_bos = true, .add_eos = true};
  vocabulary.move_to(spec);
  set_normalizer(source, {}, spec);
  write_word_piece(source, vocabulary.name(), spec, metadata);
}

bool set_word_piece(const Source& source, const JsonNode& root, const TokenizerJson& json,
                    Metadata& metadata) {
  const auto normalizer = read_bert_normalizer(root);
  const auto pre_tokenizer = root.find("pre_tokenizer");
  const auto continuation = root.at("model").find("continuing_subword_prefix");
  const std::vector<Token>& prefix = json.subwords.prefix;
  const std::vector<Token>& suffix = json.subwords.suffix;
  if (!normalizer || !pre_tokenizer || pre_tokenizer->at("type").text() != "BertPreTokenizer" ||
      (continuation && continuation->text() != kContinuation) || prefix.size() > 1 ||
      suffix.size() > 1) {
    return false;
  }
  TokenizerSpec spec = read_tokens(source, root, json);
  spec.add_bos = !prefix.empty();
  spec.add_eos = !suffix.empty();
  if (!prefix.empty()) spec.cls = prefix.front();
  if (!suffix.empty()) spec.sep = suffix.front();
  set_normalizer(source, *normalizer, spec);
  write_word_piece(source, root.path(), spec, metadata);
  return true;
}

}  // namespace heed
