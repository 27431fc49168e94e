#include "engine/convert/source.h"

#include <algorithm>
#include <iterator>

#include "engine/convert/config_keys.h"
#include "engine/convert/ctranslate2.h"
#include "engine/convert/join.h"
#include "engine/convert/modules.h"
#include "engine/convert/tokenizer.h"
#include "engine/core/error.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

JsonFile read_config(const fs::path& directory, const Checkpoint& weights) {
  return Checkpoint::is_ctranslate2(directory) ? read_ctranslate2_config(directory, weights)
                                               : JsonFile::read(directory / "config.json");
}

/// The tokenizer of a config's model_type, if that is known.
std::optional<TokenizerFiles> kind_of(const JsonFile& config) {
  const Recipe* recipe = find_known_recipe(config);
  return recipe ? std::optional(recipe->tokenizer) : std::nullopt;
}

/// What kind of tokenizer the directory should have: as its model_type says; without config.json,
/// as what is there suggests. Nothing for a model_type that is not known.
std::optional<TokenizerFiles> tokenizer_files(const fs::path& directory) {
  if (Checkpoint::is_ctranslate2(directory)) {
    return kind_of(read_ctranslate2_config(directory, Checkpoint::open(directory)));
  }
  if (is_file(directory / "config.json")) return kind_of(JsonFile::read(directory / "config.json"));
  return is_file(directory / "source.spm") || is_file(directory / "target.spm")
             ? TokenizerFiles::sentence_piece_pair
             : TokenizerFiles::word_piece;
}

/// What the directory must have and has not, in words.
std::vector<std::string> missing_files(const fs::path& directory) {
  std::vector<std::string> missing;
  if (!is_file(directory / "config.json") && !Checkpoint::is_ctranslate2(directory)) {
    missing.push_back("config.json");
  }
  std::ranges::move(Checkpoint::missing_files(directory), std::back_inserter(missing));
  if (const auto files = tokenizer_files(directory)) {
    std::ranges::move(missing_tokenizer_files(*files, directory), std::back_inserter(missing));
  }
  for (const Module& module : read_modules(directory)) {
    if (module.kind == "Pooling" && !is_file(module.config)) {
      missing.push_back(module.config.lexically_relative(directory).string());
    }
  }
  return missing;
}

void check_directory(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) {
    fail(Error::Code::io, "cannot read '", directory.string(), "': no such directory");
  }
  if (!fs::is_directory(directory, ignored)) {
    fail(Error::Code::unsupported, "'", directory.string(),
         "': expected a Hugging Face directory (config.json, model.safetensors ...), found a file");
  }
  const std::vector<std::string> missing = missing_files(directory);
  if (missing.empty()) return;
  fail(Error::Code::io, "'", directory.string(), "' is not a complete model directory: it lacks ",
       join(missing, ", "));
}

const fs::path& checked(const fs::path& directory) {
  check_directory(directory);
  return directory;
}

}  // namespace

Source::Source(const fs::path& directory)
    : directory_(checked(directory)),
      weights_(Checkpoint::open(directory)),
      config_(read_config(directory, weights_)) {}

Source Source::open(const fs::path& directory) {
  return Source(directory);
}

std::string Source::name() const {
  const fs::path full = fs::absolute(directory_).lexically_normal();
  return (full.has_filename() ? full : full.parent_path()).filename().string();
}

bool Source::has(std::string_view file) const {
  return is_file(directory_ / file);
}

std::optional<JsonFile> Source::json(std::string_view file) const {
  if (!has(file)) return std::nullopt;
  return JsonFile::read(directory_ / file);
}

}  // namespace heed
