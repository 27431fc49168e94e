// The components of a tokenizer.json that change and cut texts.
#include <algorithm>
#include <array>

#include "engine/text/base64.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/word_characters.h"

namespace heed {
namespace {

constexpr size_t kMaxDepth = 4;
constexpr size_t kMaxSteps = 32;

// The patterns that `tokenizers` has in its code, not in the file.
constexpr std::string_view kByteLevelWords =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Words are those of Rust's \w, which Oniguruma's is not: that one has ² as well.
constexpr std::string_view kWhitespaceWords =
    R"([\p{L}\p{M}\p{Nl}\p{Nd}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149})"
    R"(\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}]+)"
    R"(|[^\s\p{L}\p{M}\p{Nl}\p{Nd}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149})"
    R"(\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}]+)";

void flatten(const JsonNode& node, std::string_view members, size_t depth,
             std::vector<JsonNode>& out) {
  if (node.at("type").text() != "Sequence") {
    if (out.size() == kMaxSteps) node.refuse("expected at most ", kMaxSteps, " components");
    out.push_back(node);
    return;
  }
  if (depth == kMaxDepth) node.refuse("expected Sequences in at most ", kMaxDepth, " levels");
  node.allow({"type", members});
  for (const JsonNode& item : node.at(members).items()) flatten(item, members, depth + 1, out);
}

bool flag_or(const JsonNode& node, std::string_view key, bool fallback) {
  const auto member = node.find(key);
  return member ? member->flag() : fallback;
}

void refuse_type(const JsonNode& node) {
  node.refuse_unsupported("the type '", node.at("type").text(), "'");
}

normalizers::Step read_bert(const JsonNode& node) {
  node.allow({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lowercase = flag_or(node, "lowercase", true);
  return normalizers::Bert{.clean_text = flag_or(node, "clean_text", true),
                           .separates_ideographs = flag_or(node, "handle_chinese_chars", true),
                           .strip_accents = flag_or(node, "strip_accents", lowercase),
                           .lowercase = lowercase};
}

normalizers::Step read_precompiled(const JsonNode& node) {
  node.allow({"type", "precompiled_charsmap"});
  const auto charsmap = node.find("precompiled_charsmap");
  if (!charsmap) return Charsmap("", node.path());
  const auto bytes = from_base64(charsmap->text());
  if (!bytes) charsmap->refuse("expected base64");
  return Charsmap(*bytes, charsmap->path());
}

/// A component without options, by its type.
std::optional<normalizers::Step> plain_normalizer(std::string_view type) {
  if (type == "NFC") return normalizers::Unicode{NormalForm::c};
  if (type == "NFD") return normalizers::Unicode{NormalForm::d};
  if (type == "NFKC") return normalizers::Unicode{NormalForm::kc};
  if (type == "NFKD") return normalizers::Unicode{NormalForm::kd};
  if (type == "Lowercase") return normalizers::Lowercase{};
  if (type == "StripAccents") return normalizers::StripAccents{};
  if (type == "Nmt") return normalizers::Nmt{};
  if (type == "ByteLevel") return normalizers::ByteCharacters{};
  return std::nullopt;
}

normalizers::Step read_normalizer_step(const JsonNode& node) {
  const std::string& type = node.at("type").text();
  if (auto step = plain_normalizer(type)) {
    node.allow({"type"});
    return *std::move(step);
  }
  if (type == "BertNormalizer") return read_bert(node);
  if (type == "Precompiled") return read_precompiled(node);
  if (type == "Strip") {
    node.allow({"type", "strip_left", "strip_right"});
    return normalizers::Strip{.left = node.at("strip_left").flag(),
                              .right = node.at("strip_right").flag()};
  }
  if (type == "Prepend") {
    node.allow({"type", "prepend"});
    return normalizers::Prepend{node.at("prepend").text()};
  }
  if (type != "Replace") refuse_type(node);
  node.allow({"type", "pattern", "content"});
  return normalizers::Replace{.pattern = read_pattern(node.at("pattern")),
                              .by = node.at("content").text()};
}

pre_tokenizers::Behaviour read_behaviour(const JsonNode& node) {
  using pre_tokenizers::Behaviour;
  constexpr std::array<std::pair<std::string_view, Behaviour>, 5> kBehaviours = {
      {{"Removed", Behaviour::removed},
       {"Isolated", Behaviour::isolated},
       {"MergedWithPrevious", Behaviour::merged_with_previous},
       {"MergedWithNext", Behaviour::merged_with_next},
       {"Contiguous", Behaviour::contiguous}}};
  for (const auto& [name, behaviour] : kBehaviours) {
    if (node.text() == name) return behaviour;
  }
  node.refuse_unsupported("'", node.text(), "'");
}

using Steps = std::vector<pre_tokenizers::Step>;

void add_byte_level(const JsonNode& node, Steps& steps) {
  node.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (node.at("add_prefix_space").flag()) steps.push_back(pre_tokenizers::Prefix{" "});
  if (flag_or(node, "use_regex", true)) {
    steps.push_back(pre_tokenizers::Split{TextPattern(Regex(kByteLevelWords))});
  }
  steps.push_back(pre_tokenizers::ByteCharacters{});
}

/// "prepend_scheme", and "add_prefix_space" of older files.
void add_metaspace(const JsonNode& node, Steps& steps) {
  node.allow({"type", "replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"});
  const std::string& blank = node.at("replacement").text();
  if (blank.empty()) node.refuse("'replacement': expected a character");
  const auto named = node.find("prepend_scheme");
  std::string scheme = named ? named->text() : "always";
  if (!flag_or(node, "add_prefix_space", true)) scheme = "never";
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    named->refuse_unsupported("'", scheme, "'");
  }
  steps.push_back(pre_tokenizers::Substitute{" ", blank});
  if (scheme != "never") steps.push_back(pre_tokenizers::Prefix{blank, scheme == "first"});
  if (!flag_or(node, "split", true)) return;
  steps.push_back(pre_tokenizers::Split{.pattern = TextPattern(blank),
                                        .behaviour = pre_tokenizers::Behaviour::merged_with_next});
}

void add_split(const JsonNode& node, Steps& steps) {
  node.allow({"type", "pattern", "behavior", "invert"});
  steps.push_back(pre_tokenizers::Split{.pattern = read_pattern(node.at("pattern")),
                                        .behaviour = read_behaviour(node.at("behavior")),
                                        .invert = flag_or(node, "invert", false)});
}

/// Those that cut at characters of a kind; false for any other component.
bool add_character_split(const JsonNode& node, std::string_view type, Steps& steps) {
  using pre_tokenizers::Behaviour;
  using pre_tokenizers::CharacterSplit;
  if (type == "WhitespaceSplit") {
    node.allow({"type"});
    steps.push_back(CharacterSplit{is_unicode_space, Behaviour::removed});
  } else if (type == "Digits") {
    node.allow({"type", "individual_digits"});
    const bool individual = flag_or(node, "individual_digits", false);
    steps.push_back(
        CharacterSplit{is_numeric, individual ? Behaviour::isolated : Behaviour::contiguous});
  } else if (type == "Punctuation") {
    node.allow({"type", "behavior"});
    const auto behaviour = node.find("behavior");
    steps.push_back(CharacterSplit{is_punctuation,
                                   behaviour ? read_behaviour(*behaviour) : Behaviour::isolated});
  } else if (type == "BertPreTokenizer") {
    node.allow({"type"});
    for (auto& step : pre_tokenizers::bert_words()) steps.push_back(std::move(step));
  } else {
    return false;
  }
  return true;
}

void add_pre_tokenizer(const JsonNode& node, Steps& steps) {
  using pre_tokenizers::Behaviour;
  const std::string& type = node.at("type").text();
  if (type == "ByteLevel") return add_byte_level(node, steps);
  if (type == "Metaspace") return add_metaspace(node, steps);
  if (type == "Split") return add_split(node, steps);
  if (add_character_split(node, type, steps)) return;
  if (type == "Whitespace") {
    node.allow({"type"});
    steps.push_back(
        pre_tokenizers::Split{TextPattern(Regex(kWhitespaceWords)), Behaviour::removed, true});
  } else if (type == "CharDelimiterSplit") {
    node.allow({"type", "delimiter"});
    const JsonNode delimiter = node.at("delimiter");
    if (delimiter.text().empty()) delimiter.refuse("expected a character");
    steps.push_back(pre_tokenizers::Split{TextPattern(delimiter.text()), Behaviour::removed});
  } else if (type == "FixedLength") {
    node.allow({"type", "length"});
    const auto length = static_cast<size_t>(node.at("length").integer(1, INT32_MAX));
    steps.push_back(pre_tokenizers::FixedLength{length});
  } else {
    refuse_type(node);
  }
}

}  // namespace

std::vector<JsonNode> flatten_sequence(const JsonNode& node, std::string_view members) {
  std::vector<JsonNode> nodes;
  flatten(node, members, 0, nodes);
  return nodes;
}

TextPattern read_pattern(const JsonNode& node) {
  node.allow({"String", "Regex"});
  if (const auto literal = node.find("String")) {
    if (literal->text().empty()) literal->refuse_unsupported("an empty pattern");
    return TextPattern(literal->text());
  }
  const JsonNode regex = node.at("Regex");
  try {
    return TextPattern(Regex(regex.text()));
  } catch (const Error& error) {
    fail(error.code(), regex.path(), ": ", error.what());
  }
}

std::vector<normalizers::Step> read_normalizer(const std::optional<JsonNode>& node) {
  std::vector<normalizers::Step> steps;
  if (!node) return steps;
  for (const JsonNode& step : flatten_sequence(*node, "normalizers")) {
    steps.push_back(read_normalizer_step(step));
  }
  return steps;
}

std::vector<pre_tokenizers::Step> read_pre_tokenizer(const std::optional<JsonNode>& node) {
  Steps steps;
  if (!node) return steps;
  for (const JsonNode& step : flatten_sequence(*node, "pretokenizers")) {
    add_pre_tokenizer(step, steps);
  }
  return steps;
}

}  // namespace heed
