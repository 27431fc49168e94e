// References: Hugging Face `tokenizers`, the layout of tokenizer.json; llama.cpp's converter for
// which keys the result has.
#include "engine/convert/byte_pair.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/convert/text_lines.h"
#include "engine/convert/vocabulary.h"
#include "engine/core/error.h"
#include "engine/core/mapped_file.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {
namespace {

/// The type of a component of tokenizer.json; empty for none.
std::string type_of(const JsonFile& file, const Json* component) {
  return component ? file.text(*component, "type").value_or("") : "";
}

[[noreturn]] void refuse_component(const JsonFile& file, std::string_view what) {
  fail(Error::Code::unsupported, file.name(), ": '", what,
       "': not one that a GGUF file has a name for");
}

/// The steps of a component, which may be a sequence of them.
std::vector<const Json*> steps_of(const JsonFile& file, const Json* component,
                                  std::string_view list) {
  std::vector<const Json*> steps;
  if (type_of(file, component) != "Sequence") {
    if (component) steps.push_back(component);
    return steps;
  }
  const Json* inner = JsonFile::find(*component, list);
  if (!inner || !inner->is_array()) file.refuse("'", list, "': expected an array");
  for (const Json& step : *inner) steps.push_back(&step);
  return steps;
}

bool is_nfc(const JsonFile& file) {
  const auto steps = steps_of(file, file.find("normalizer"), "normalizers");
  if (steps.empty()) return false;
  if (steps.size() == 1 && type_of(file, steps.front()) == "NFC") return true;
  refuse_component(file, "normalizer");
}

/// The expression of a Split whose matches are words, or nothing.
std::optional<std::string> split_pattern(const JsonFile& file, const Json& split) {
  const Json* pattern = JsonFile::find(split, "pattern");
  const auto regex = pattern ? file.text(*pattern, "Regex") : std::nullopt;
  const bool isolated = file.text(split, "behavior") == "Isolated";
  return isolated && !file.flag(split, "invert").value_or(false) ? regex : std::nullopt;
}

/// GGUF's name for how tokenizer.json cuts a text into words; empty if it has none, as only the
/// file's own tokenizer.json can say it then.
std::string_view pre_tokenizer_name(const JsonFile& file) {
  const auto steps = steps_of(file, file.find("pre_tokenizer"), "pretokenizers");
  if (steps.empty() || type_of(file, steps.back()) != "ByteLevel" ||
      file.flag(*steps.back(), "add_prefix_space").value_or(true)) {
    refuse_component(file, "pre_tokenizer");
  }
  const bool splits_itself = file.flag(*steps.back(), "use_regex").value_or(true);
  const std::string first = steps.size() == 2 ? type_of(file, steps.front()) : "";
  const bool nfc = is_nfc(file);
  if (splits_itself && !nfc) {
    if (first.empty()) return "gpt-2";
    if (first == "Digits" && file.flag(*steps.front(), "individual_digits").value_or(false)) {
      return "smollm";
    }
  }
  if (!splits_itself && first == "Split") {
    const auto pattern = split_pattern(file, *steps.front());
    for (const PreTokenizer& known : known_pre_tokenizers()) {
      if (known.pattern == pattern && known.nfc == nfc) return known.name;
    }
  }
  return {};
}

/// "left right" each; older files have them so, newer ones as pairs.
std::vector<std::string> read_merges(const JsonFile& file, const Json& model) {
  const Json* list = JsonFile::find(model, "merges");
  if (!list || !list->is_array()) file.refuse("'merges': expected an array");
  std::vector<std::string> merges;
  for (const Json& merge : *list) {
    if (merge.is_string()) {
      merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      merges.push_back(cat(merge[0].get<std::string>(), ' ', merge[1].get<std::string>()));
    } else {
      file.refuse("'merges': expected two tokens each, found ", to_text(merge));
    }
  }
  return merges;
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

/// Whether a text begins with bos, as a template of tokenizer.json has it.
bool begins_with_special(const JsonFile& file) {
  for (const Json* step : steps_of(file, file.find("post_processor"), "processors")) {
    const Json* single = JsonFile::find(*step, "single");
    if (single && single->is_array() && !single->empty() &&
        JsonFile::find(single->front(), "SpecialToken")) {
      return true;
    }
  }
  return false;
}

TokenizerSpec read_byte_pair(const Source& source, Vocabulary& vocabulary,
                             const std::optional<JsonFile>& tokenizer) {
  TokenizerSpec spec{.model = "gpt2", .pre = "gpt-2"};
  if (!tokenizer) {
    spec.merges = read_merge_lines(source.path("merges.txt"));
    spec.add_bos = false;
  } else {
    const Json* model = tokenizer->find("model");
    if (type_of(*tokenizer, model) != "BPE") refuse_component(*tokenizer, "model");
    spec.pre = pre_tokenizer_name(*tokenizer);
    spec.merges = read_merges(*tokenizer, *model);
    spec.add_bos = begins_with_special(*tokenizer);
  }
  const SpecialNames names = SpecialNames::read(source);
  spec.bos = vocabulary.find(names.of("bos_token", ""));
  spec.eos = vocabulary.find(names.of("eos_token", ""));
  spec.unk = vocabulary.find(names.of("unk_token", ""));
  spec.pad = vocabulary.find(names.of("pad_token", ""));
  for (const SpecialId& special : kSpecialIds) {
    if (const auto id = spec.*special.id) vocabulary.set_type(*id, TokenType::control);
  }
  return spec;
}

}  // namespace

void set_byte_pair(const Source& source, Metadata& metadata) {
  const std::optional<JsonFile> tokenizer = source.json("tokenizer.json");
  Vocabulary vocabulary =
      tokenizer ? Vocabulary::read(source, tokenizer) : Vocabulary::read_map(source, "vocab.json");
  TokenizerSpec spec = read_byte_pair(source, vocabulary, tokenizer);
  for (const auto& [token, type] : vocabulary.entries()) {
    spec.tokens.push_back(token);
    spec.types.push_back(type);
  }
  write_tokenizer_spec(spec, metadata);
}

}  // namespace heed
