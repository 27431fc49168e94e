// What a model is converted from: a directory of Hugging Face's or CTranslate2's with its
// config.json, its weights and its tokenizer, all of them there. Used by the steps of the
// converter.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/json_file.h"
#include "engine/format/checkpoint.h"

namespace heed {

class Source {
 public:
  /// Throws Error(io) that lists every file that is missing, Error(format) or Error(unsupported)
  /// naming the file that is damaged or of another kind.
  static Source open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  /// The last part of the directory's path: "all-MiniLM-L6-v2".
  std::string name() const;

  /// Of a CTranslate2 directory: see ctranslate2.h.
  const JsonFile& config() const { return config_; }
  const Checkpoint& weights() const { return weights_; }

  std::filesystem::path path(std::string_view file) const { return directory_ / file; }
  bool has(std::string_view file) const;
  /// A JSON file of the directory, or nothing if it has none of that name.
  std::optional<JsonFile> json(std::string_view file) const;

 private:
  explicit Source(const std::filesystem::path& directory);

  std::filesystem::path directory_;
  Checkpoint weights_;
  JsonFile config_;
};

}  // namespace heed
