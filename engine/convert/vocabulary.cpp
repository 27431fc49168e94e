#include "engine/convert/vocabulary.h"

#include <algorithm>
#include <utility>

#include "engine/convert/text_lines.h"
#include "engine/core/error.h"
#include "engine/core/mapped_file.h"
#include "engine/text/utf8.h"

namespace heed {
namespace {

size_t vocabulary_size(const JsonFile& config) {
  const JsonNode root(config.root(), config.name());
  return static_cast<size_t>(root.at("vocab_size").integer(1, kMaxVocabulary));
}

void check_utf8(std::string_view line, const std::string& file, int64_t number) {
  for (size_t pos = 0; pos < line.size();) {
    const Utf8Char c = read_utf8(line, pos);
    if (c.status != Utf8Char::Status::valid) {
      fail(Error::Code::format, file, ": line ", number, ": not valid UTF-8");
    }
    pos += c.length;
  }
}

}  // namespace

void fill_tokens(const Source& source, std::string_view file, TokenizerSpec& spec) {
  const size_t rows = vocabulary_size(source.config());
  if (spec.tokens.size() > rows) {
    fail(Error::Code::format, file, ": ", spec.tokens.size(), " tokens, and the embedding has ",
         rows, " rows (config.json's 'vocab_size')");
  }
  spec.tokens.resize(rows);
  spec.types.resize(rows, TokenType::undefined);
  for (size_t id = 0; id < rows; ++id) {
    if (spec.types[id] != TokenType::undefined) continue;
    spec.tokens[id] = cat("[PAD", id, "]");
    spec.types[id] = TokenType::unused;
  }
}

TokenizerSpec read_tokens(const Source& source, const JsonNode& root, const TokenizerJson& json) {
  TokenizerSpec spec{.tokens = json.tokens, .types = json.types};
  std::ranges::replace(spec.types, TokenType::unused, TokenType::undefined);
  fill_tokens(source, root.path(), spec);
  return spec;
}

Vocabulary Vocabulary::read_lines(const Source& source) {
  Vocabulary vocabulary(source.path("vocab.txt").string(), vocabulary_size(source.config()));
  vocabulary.add_lines(vocabulary.name_);
  if (const auto added = source.json("added_tokens.json")) {
    vocabulary.add_map(*added, &added->root(), TokenType::user_defined);
  }
  return vocabulary;
}

Vocabulary Vocabulary::read_map(const Source& source, std::string_view file) {
  const JsonFile json = JsonFile::read(source.path(file));
  const size_t size = vocabulary_size(source.config());
  if (json.root().is_object() && json.root().size() != size) {
    json.refuse(json.root().size(), " tokens, and the embedding has ", size,
                " rows (config.json's 'vocab_size')");
  }
  Vocabulary vocabulary(json.name(), size);
  vocabulary.add_map(json, &json.root(), TokenType::normal);
  return vocabulary;
}

Vocabulary Vocabulary::read_list(const Source& source, std::string_view name, size_t count,
                                 const std::string& last) {
  const std::string file = cat(name, source.has(cat(name, ".json")) ? ".json" : ".txt");
  Vocabulary vocabulary(source.path(file).string(), count);
  const int64_t found = file.ends_with(".json") ? vocabulary.add_list(*source.json(file))
                                                : vocabulary.add_lines(vocabulary.name_);
  const int64_t expected = std::ssize(vocabulary.tokens_) - (last.empty() ? 0 : 1);
  const bool has_last = !last.empty() && vocabulary.find(last);
  if (found != expected || std::ssize(vocabulary.ids_) != found || has_last) {
    fail(Error::Code::format, vocabulary.name_, ": expected ", expected,
         " different tokens, one for each row of the embedding",
         last.empty() ? "" : cat(", and none that is called ", to_text(Json(last))), ", found ",
         found);
  }
  if (!last.empty()) vocabulary.add(last, found, TokenType::control);
  return vocabulary;
}

std::optional<Token> Vocabulary::find(std::string_view token) const {
  const auto it = ids_.find(token);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

/// A token stated twice has the later id, as in transformers; the earlier one remains a gap.
void Vocabulary::add(const std::string& token, int64_t id, TokenType type) {
  if (id < 0 || id >= std::ssize(tokens_)) {
    fail(Error::Code::format, name_, ": token ", to_text(Json(token)), " has the id ", id,
         ", and config.json says 'vocab_size' is ", tokens_.size());
  }
  const auto index = static_cast<size_t>(id);
  if (types_[index] != TokenType::undefined && tokens_[index] != token) {
    fail(Error::Code::format, name_, ": tokens ", to_text(Json(tokens_[index])), " and ",
         to_text(Json(token)), " have the same id ", id);
  }
  const auto [it, is_new] = ids_.try_emplace(token, static_cast<Token>(id));
  if (!is_new) set_type(std::exchange(it->second, static_cast<Token>(id)), TokenType::undefined);
  tokens_[index] = token;
  types_[index] = type;
}

void Vocabulary::add_map(const JsonFile& file, const Json* map, TokenType type) {
  if (!map || !map->is_object()) file.refuse("expected an object that maps tokens to ids");
  for (const auto& [token, id] : map->items()) {
    if (!id.is_number_integer()) {
      file.refuse("token ", to_text(Json(token)), ": expected an id, found ", to_text(id));
    }
    add(token, id.get<int64_t>(), type);
  }
}

/// The first one has id 0. Returns their number.
int64_t Vocabulary::add_list(const JsonFile& file) {
  if (!file.root().is_array()) file.refuse("expected a list of tokens");
  int64_t id = 0;
  for (const Json& token : file.root()) {
    if (!token.is_string()) file.refuse("expected a list of tokens, found ", to_text(token));
    add(token.get<std::string>(), id++, TokenType::normal);
  }
  return id;
}

/// One token a line, the first one with id 0. Returns their number.
int64_t Vocabulary::add_lines(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  int64_t id = 0;
  for_each_line(file.text(), [&](std::string_view line) {
    check_utf8(line, path, id + 1);
    add(std::string(line), id++, TokenType::normal);
  });
  return id;
}

void Vocabulary::move_to(TokenizerSpec& spec) {
  spec.tokens = std::move(tokens_);
  spec.types = std::move(types_);
}

SpecialNames SpecialNames::read(const Source& source) {
  SpecialNames names;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    if (auto file = source.json(name)) names.files_.push_back(std::move(*file));
  }
  // CTranslate2's config.json names them; Hugging Face's numbers them.
  if (!source.weights().model_spec().empty()) names.files_.push_back(source.config());
  return names;
}

std::string SpecialNames::of(std::string_view key, std::string_view usual) const {
  for (const JsonFile& file : files_) {
    const Json* value = file.find(key);
    const auto name = value && value->is_object() ? file.text(*value, "content") : file.text(key);
    if (name) return *name;
  }
  return std::string(usual);
}

void find_special_ids(const Source& source, TokenizerSpec& spec) {
  const SpecialNames names = SpecialNames::read(source);
  for (const SpecialId& special : kSpecialIds) {
    const std::string name = special.name.empty() ? "" : names.of(special.name, "");
    if (!name.empty()) spec.*special.id = find_token(spec, name);
  }
}

void mark_special_tokens(TokenizerSpec& spec) {
  for (const SpecialId& special : kSpecialIds) {
    if (const auto id = spec.*special.id) {
      spec.types[static_cast<size_t>(*id)] = TokenType::control;
    }
  }
}

}  // namespace heed
