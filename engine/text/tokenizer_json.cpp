// The document, its model, its added tokens and its post-processor.
#include "engine/text/tokenizer_json.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/format/metadata.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/byte_pair.h"
#include "engine/text/word_models.h"

namespace heed {
namespace {

/// Far above any real vocabulary (256,000), far below what would exhaust memory.
constexpr int64_t kMaxTokens = int64_t{1} << 22;
/// Some ids have no token, but not most: a short file must not ask for a long table.
constexpr int64_t kIdsPerToken = 4;
constexpr int64_t kSpareIds = 1024;

std::optional<std::string> text_of(const JsonNode& node, std::string_view key) {
  const auto member = node.find(key);
  return member ? std::optional(member->text()) : std::nullopt;
}

bool flag_of(const JsonNode& node, std::string_view key) {
  const auto member = node.find(key);
  return member && member->flag();
}

/// Reads the document in the order in which its parts need one another.
class Reader {
 public:
  explicit Reader(const JsonNode& root)
      : root_(root),
        model_(root.at("model")),
        max_id_(std::min(kMaxTokens, kIdsPerToken * count_tokens() + kSpareIds)) {}

  TokenizerJson run();

 private:
  int64_t count_tokens() const;
  void add_token(const JsonNode& place, const std::string& token, int64_t id);
  void read_vocabulary_map(const JsonNode& vocabulary);
  std::optional<Token> find(std::string_view token) const;
  Token require(const JsonNode& place, const std::string& token) const;

  void read_vocabulary();
  void read_added_tokens();
  void read_pieces();
  std::string model_type() const;

  std::unique_ptr<const WordModel> read_model();
  BytePairRules read_byte_pair_rules();
  std::unique_ptr<const WordModel> read_byte_pair();
  std::unique_ptr<const WordModel> read_word_piece();
  std::unique_ptr<const WordModel> read_word_level();
  std::unique_ptr<const WordModel> read_unigram();

  void read_post_processor();
  void add_template(const JsonNode& processor);
  std::vector<Token> template_tokens(const JsonNode& processor, const JsonNode& part) const;
  Token special_pair(const JsonNode& pair) const;

  JsonNode root_, model_;
  int64_t max_id_;
  TokenizerJson result_;
  std::vector<Token> model_tokens_;  ///< of the model, without those added to it
  std::unordered_map<std::string, Token, StringHash, std::equal_to<>> ids_;
  std::vector<pre_tokenizers::Step> steps_;
};

int64_t Reader::count_tokens() const {
  const auto added = root_.find("added_tokens");
  return static_cast<int64_t>(model_.at("vocab").value().size() +
                              (added ? added->value().size() : 0));
}

void Reader::add_token(const JsonNode& place, const std::string& token, int64_t id) {
  if (id < 0 || id > max_id_) {
    place.refuse("token '", token, "': expected an id from 0 to ", max_id_, ", found ", id);
  }
  const auto [it, is_new] = ids_.try_emplace(token, static_cast<Token>(id));
  if (!is_new && it->second != id) {
    place.refuse("token '", token, "' has the ids ", it->second, " and ", id);
  }
  const auto index = static_cast<size_t>(id);
  if (index >= result_.tokens.size()) result_.tokens.resize(index + 1);
  if (is_new && !result_.tokens[index].empty()) {
    place.refuse("tokens '", result_.tokens[index], "' and '", token, "' have the same id ", id);
  }
  result_.tokens[index] = token;
}

void Reader::read_vocabulary_map(const JsonNode& vocabulary) {
  if (!vocabulary.value().is_object()) vocabulary.refuse("expected an object");
  for (const auto& [token, id] : vocabulary.value().items()) {
    if (!id.is_number_integer()) vocabulary.refuse("token '", token, "': expected an id");
    const bool beyond = id.is_number_unsigned() && id.get<uint64_t>() > INT64_MAX;
    add_token(vocabulary, token, beyond ? INT64_MAX : id.get<int64_t>());
    model_tokens_.push_back(ids_.find(token)->second);
  }
}

std::optional<Token> Reader::find(std::string_view token) const {
  const auto it = ids_.find(token);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

Token Reader::require(const JsonNode& place, const std::string& token) const {
  const auto id = find(token);
  if (!id) place.refuse("token '", token, "' is not in the vocabulary");
  return *id;
}

/// Files of old have no type; each model has a member of its own.
std::string Reader::model_type() const {
  if (const auto type = model_.find("type")) return type->text();
  if (model_.find("merges")) return "BPE";
  if (model_.at("vocab").value().is_array()) return "Unigram";
  return model_.find("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

/// Unigram's ids are places in a list, the others' are given.
void Reader::read_vocabulary() {
  const JsonNode vocabulary = model_.at("vocab");
  if (!vocabulary.value().is_array()) return read_vocabulary_map(vocabulary);
  int64_t id = 0;
  for (const auto& piece : vocabulary.value()) {
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number() ||
        !std::isfinite(piece[1].get<double>())) {
      vocabulary.refuse("expected a piece and its score at ", id);
    }
    const auto& text = piece[0].get_ref<const std::string&>();
    if (ids_.contains(text)) vocabulary.refuse("token '", text, "' is there twice");
    add_token(vocabulary, text, id++);
  }
}

void Reader::read_added_tokens() {
  result_.types.assign(result_.tokens.size(), TokenType::normal);
  result_.subwords.added.emplace();
  const auto list = root_.find("added_tokens");
  if (!list) return;
  for (const JsonNode& node : list->items()) {
    AddedToken token{.text = node.at("content").text(),
                     .special = flag_of(node, "special"),
                     .normalized = flag_of(node, "normalized"),
                     .single_word = flag_of(node, "single_word"),
                     .lstrip = flag_of(node, "lstrip"),
                     .rstrip = flag_of(node, "rstrip")};
    node.allow({"id", "content", "special", "normalized", "single_word", "lstrip", "rstrip"});
    add_token(node, token.text, node.at("id").integer(0, max_id_));
    token.token = *find(token.text);
    result_.types.resize(result_.tokens.size(), TokenType::normal);
    result_.types[static_cast<size_t>(token.token)] =
        token.special ? TokenType::control : TokenType::user_defined;
    result_.subwords.added->push_back(std::move(token));
  }
}

void Reader::read_pieces() {
  Subwords& subwords = result_.subwords;
  subwords.decoder = read_decoder(root_.find("decoder"));
  subwords.replace_each_byte = true;
  for (const std::string& token : result_.tokens) {
    subwords.pieces.push_back(subwords.decoder.piece(token));
  }
  for (size_t id = 0; id < result_.tokens.size(); ++id) {
    if (result_.tokens[id].empty()) result_.types[id] = TokenType::unused;
  }
}

BytePairRules Reader::read_byte_pair_rules() {
  model_.allow({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (const auto dropout = model_.find("dropout"); dropout && dropout->number() != 0) {
    dropout->refuse_unsupported("other than 0");
  }
  BytePairRules rules{
      .ignore_merges = flag_of(model_, "ignore_merges"),
      .byte_fallback = flag_of(model_, "byte_fallback"),
      .fuse_unknown = flag_of(model_, "fuse_unk"),
      .continuing_prefix = text_of(model_, "continuing_subword_prefix").value_or(""),
      .word_suffix = text_of(model_, "end_of_word_suffix").value_or("")};
  if (const auto unknown = text_of(model_, "unk_token"); unknown && !unknown->empty()) {
    rules.unknown = result_.unknown = require(model_, *unknown);
  }
  // Bytes need not be written as characters if the tokens are read as bytes.
  rules.bytes =
      !steps_.empty() && std::holds_alternative<pre_tokenizers::ByteCharacters>(steps_.back()) &&
      !rules.byte_fallback && rules.continuing_prefix.empty() && rules.word_suffix.empty();
  if (rules.bytes) steps_.pop_back();
  return rules;
}

/// "left right", or of late ["left", "right"].
std::pair<std::string_view, std::string_view> read_merge(const JsonNode& merges,
                                                         const JsonNode::Json& merge,
                                                         size_t number) {
  if (merge.is_string()) {
    const std::string_view text = merge.get_ref<const std::string&>();
    const size_t blank = text.find(' ');
    if (blank != text.npos) return {text.substr(0, blank), text.substr(blank + 1)};
  } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
             merge[1].is_string()) {
    return {merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>()};
  }
  merges.refuse("expected two tokens at ", number);
}

std::unique_ptr<const WordModel> Reader::read_byte_pair() {
  BytePairRules rules = read_byte_pair_rules();
  std::vector<std::string> bytes;
  for (size_t id = 0; rules.bytes && id < result_.tokens.size(); ++id) {
    bytes.push_back(alphabet_to_bytes(result_.tokens[id]).value_or(""));
  }
  BytePairVocabulary vocabulary{.written = result_.tokens,
                                .texts = rules.bytes ? bytes : result_.tokens,
                                .tokens = model_tokens_,
                                .merges = read_merges(model_)};
  return make_byte_pair_model(vocabulary, std::move(rules));
}

std::unique_ptr<const WordModel> Reader::read_word_piece() {
  model_.allow(
      {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  const std::string prefix = text_of(model_, "continuing_subword_prefix").value_or("##");
  const auto longest = model_.find("max_input_chars_per_word");
  WordPieceVocabulary vocabulary{.unknown = require(model_, model_.at("unk_token").text())};
  if (longest) vocabulary.max_characters = static_cast<size_t>(longest->integer(0, INT32_MAX));
  result_.unknown = vocabulary.unknown;
  for (const Token token : model_tokens_) {
    const std::string_view text = result_.tokens[static_cast<size_t>(token)];
    if (text.empty()) continue;
    vocabulary.starts.add(text, token);
    if (text.size() > prefix.size() && text.starts_with(prefix)) {
      vocabulary.continuations.add(text.substr(prefix.size()), token);
    }
  }
  return make_word_piece_model(std::move(vocabulary));
}

std::unique_ptr<const WordModel> Reader::read_word_level() {
  model_.allow({"type", "unk_token", "vocab"});
  WordLevelVocabulary vocabulary;
  vocabulary.unknown = result_.unknown = require(model_, model_.at("unk_token").text());
  for (const Token token : model_tokens_) {
    const std::string_view text = result_.tokens[static_cast<size_t>(token)];
    if (!text.empty()) vocabulary.words.add(text, token);
  }
  return make_word_level_model(std::move(vocabulary));
}

std::unique_ptr<const WordModel> Reader::read_unigram() {
  model_.allow({"type", "unk_id", "vocab", "byte_fallback"});
  UnigramVocabulary vocabulary{.byte_fallback = flag_of(model_, "byte_fallback")};
  for (const auto& piece : model_.at("vocab").value()) {
    vocabulary.pieces.emplace_back(piece[0].get<std::string>(), piece[1].get<double>());
  }
  if (const auto unknown = model_.find("unk_id")) {
    const auto last = static_cast<int64_t>(vocabulary.pieces.size()) - 1;
    vocabulary.unknown = result_.unknown = static_cast<Token>(unknown->integer(0, last));
  }
  return make_unigram_model(vocabulary);
}

std::unique_ptr<const WordModel> Reader::read_model() {
  const std::string& type = result_.model = model_type();
  if ((type == "Unigram") != model_.at("vocab").value().is_array()) {
    model_.at("vocab").refuse("is not that of the type '", type, "'");
  }
  if (type == "BPE") return read_byte_pair();
  if (type == "WordPiece") return read_word_piece();
  if (type == "WordLevel") return read_word_level();
  if (type == "Unigram") return read_unigram();
  model_.refuse_unsupported("the type '", type, "'");
}

/// The tokens that a part of a template stands for; none for the text itself.
std::vector<Token> Reader::template_tokens(const JsonNode& processor, const JsonNode& part) const {
  std::vector<Token> tokens;
  const auto special = part.find("SpecialToken");
  if (!special) return tokens;
  const JsonNode ids = processor.at("special_tokens").at(special->at("id").text()).at("ids");
  for (const JsonNode& id : ids.items()) {
    tokens.push_back(
        static_cast<Token>(id.integer(0, static_cast<int64_t>(result_.tokens.size()) - 1)));
  }
  return tokens;
}

/// What is put around a single text. (Pairs of texts are the models' concern.)
void Reader::add_template(const JsonNode& processor) {
  processor.allow({"type", "single", "pair", "special_tokens"});
  std::vector<Token> around[2];  // before the text, and behind it
  size_t texts = 0;
  for (const JsonNode& part : processor.at("single").items()) {
    if (const auto sequence = part.find("Sequence")) {
      if (++texts > 1 || sequence->at("id").text() != "A") {
        sequence->refuse_unsupported("a template other than of one text, 'A',");
      }
      continue;
    }
    part.at("SpecialToken");
    for (const Token token : template_tokens(processor, part)) around[texts].push_back(token);
  }
  if (texts == 0) processor.at("single").refuse_unsupported("a template without a text");
  Subwords& subwords = result_.subwords;
  subwords.prefix.insert(subwords.prefix.begin(), around[0].begin(), around[0].end());
  subwords.suffix.insert(subwords.suffix.end(), around[1].begin(), around[1].end());
}

/// ["[SEP]", 102]
Token Reader::special_pair(const JsonNode& pair) const {
  const auto items = pair.items();
  if (items.size() != 2) pair.refuse("expected a token and its id");
  return static_cast<Token>(items[1].integer(0, static_cast<int64_t>(result_.tokens.size()) - 1));
}

void Reader::read_post_processor() {
  const auto node = root_.find("post_processor");
  if (!node) return;
  Subwords& subwords = result_.subwords;
  for (const JsonNode& processor : flatten_sequence(*node, "processors")) {
    const std::string& type = processor.at("type").text();
    if (type == "TemplateProcessing") {
      add_template(processor);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      processor.allow({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
      subwords.prefix.insert(subwords.prefix.begin(), special_pair(processor.at("cls")));
      subwords.suffix.push_back(special_pair(processor.at("sep")));
    } else if (type != "ByteLevel") {  // which is about offsets only
      processor.refuse_unsupported("the type '", type, "'");
    }
  }
}

TokenizerJson Reader::run() {
  root_.allow({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
               "post_processor", "decoder", "model"});
  read_vocabulary();
  read_added_tokens();
  if (result_.tokens.empty()) model_.at("vocab").refuse("expected tokens, found none");
  result_.subwords.normalizers = read_normalizer(root_.find("normalizer"));
  steps_ = read_pre_tokenizer(root_.find("pre_tokenizer"));
  auto model = read_model();
  result_.subwords.model = make_wordwise(std::move(steps_), std::move(model));
  read_post_processor();
  read_pieces();
  return std::move(result_);
}

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> read_merges(const JsonNode& model) {
  const JsonNode list = model.at("merges");
  if (!list.value().is_array()) list.refuse("expected an array");
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  for (const auto& merge : list.value()) merges.push_back(read_merge(list, merge, merges.size()));
  return merges;
}

TokenizerJson read_tokenizer_json(const JsonNode& root) {
  return Reader(root).run();
}

TokenizerJson read_tokenizer_json(std::string_view text, std::string_view name) {
  JsonNode::Json document;
  try {
    document = JsonNode::Json::parse(text);
  } catch (const JsonNode::Json::parse_error& error) {
    fail(Error::Code::format, name, ": not valid JSON near byte ", error.byte);
  } catch (const JsonNode::Json::exception&) {  // a number beyond every type
    fail(Error::Code::format, name, ": not valid JSON");
  }
  return read_tokenizer_json(JsonNode(document, std::string(name)));
}

Subwords make_hugging_face(TokenizerSpec& spec) {
  TokenizerJson json = read_tokenizer_json(spec.huggingface_json);
  // A model may have rows for more tokens than the tokenizer has.
  const size_t count = std::max(json.tokens.size(), spec.tokens.size());
  json.tokens.resize(count);
  json.types.resize(count, TokenType::unused);
  json.subwords.pieces.resize(count);
  if (!spec.unk) spec.unk = json.unknown;
  spec.types = std::move(json.types);
  if (json.subwords.decoder.needs_context()) json.subwords.written = json.tokens;
  spec.tokens = std::move(json.tokens);
  return std::move(json.subwords);
}

}  // namespace heed
