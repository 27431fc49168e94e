// References: Hugging Face `tokenizers`, the layout of tokenizer.json; llama.cpp's converter for
// which keys the result has.
#include "engine/convert/byte_pair.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/convert/text_lines.h"
#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"
#include "engine/core/mapped_file.h"
#include "engine/text/pre_tokenizer.h"

namespace heed {
namespace {

std::string_view type_of(const JsonNode& component) {
  return component.at("type").text();
}

bool flag_or(const JsonNode& node, std::string_view key, bool fallback) {
  const auto member = node.find(key);
  return member ? member->flag() : fallback;
}

std::vector<JsonNode> steps_of(const JsonNode& root, std::string_view component,
                               std::string_view members) {
  const auto node = root.find(component);
  return node ? flatten_sequence(*node, members) : std::vector<JsonNode>();
}

/// The expression of a Split whose matches are words, or nothing.
std::optional<std::string_view> split_pattern(const JsonNode& split) {
  const auto regex = split.at("pattern").find("Regex");
  const bool isolated = split.at("behavior").text() == "Isolated";
  if (!regex || !isolated || flag_or(split, "invert", false)) return std::nullopt;
  return regex->text();
}

/// GGUF's name for how tokenizer.json cuts a text into words; empty if it has none, as only the
/// file's own tokenizer.json can say it then. Nothing if the words are not of bytes, or if the text
/// is changed in a way that no such name implies.
std::optional<std::string_view> pre_tokenizer_name(const JsonNode& root) {
  const auto normalizers = steps_of(root, "normalizer", "normalizers");
  const bool nfc = normalizers.size() == 1 && type_of(normalizers.front()) == "NFC";
  if (!normalizers.empty() && !nfc) return std::nullopt;
  const auto steps = steps_of(root, "pre_tokenizer", "pretokenizers");
  if (steps.empty() || type_of(steps.back()) != "ByteLevel" ||
      flag_or(steps.back(), "add_prefix_space", true)) {
    return std::nullopt;
  }
  const bool splits_itself = flag_or(steps.back(), "use_regex", true);
  const std::string_view first = steps.size() == 2 ? type_of(steps.front()) : "";
  if (splits_itself && !nfc) {
    if (steps.size() == 1) return "gpt-2";
    if (first == "Digits" && flag_or(steps.front(), "individual_digits", false)) return "smollm";
  }
  if (!splits_itself && first == "Split") {
    const auto pattern = split_pattern(steps.front());
    for (const PreTokenizer& known : known_pre_tokenizers()) {
      if (known.pattern == pattern && known.nfc == nfc) return known.name;
    }
  }
  return "";
}

/// merges.txt: one a line, below a line that says its version.
std::vector<std::string> read_merge_lines(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  std::vector<std::string> merges;
  for_each_line(file.text(), [&](std::string_view line) {
    if (!line.empty() && !line.starts_with("#version")) merges.emplace_back(line);
  });
  return merges;
}

void write_byte_pair(const Source& source, TokenizerSpec& spec, Metadata& metadata) {
  spec.model = "gpt2";
  find_special_ids(source, spec);
  mark_special_tokens(spec);
  write_tokenizer_spec(spec, metadata);
}

}  // namespace

void set_byte_pair(const Source& source, Metadata& metadata) {
  TokenizerSpec spec{
      .pre = "gpt-2", .merges = read_merge_lines(source.path("merges.txt")), .add_bos = false};
  Vocabulary::read_map(source, "vocab.json").move_to(spec);
  write_byte_pair(source, spec, metadata);
}

bool set_byte_pair(const Source& source, const JsonNode& root, const TokenizerJson& json,
                   Metadata& metadata) {
  const auto pre = pre_tokenizer_name(root);
  if (!pre) return false;
  TokenizerSpec spec = read_tokens(source, root, json);
  spec.pre = *pre;
  for (const auto& [left, right] : read_merges(root.at("model"))) {
    spec.merges.push_back(cat(left, ' ', right));
  }
  spec.add_bos = !json.subwords.prefix.empty();
  write_byte_pair(source, spec, metadata);
  return true;
}

}  // namespace heed
