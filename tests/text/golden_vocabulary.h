// The small vocabularies and golden lines that goldens/make_tokenizer_goldens.py wrote. Used by the
// tokenizer tests and their fuzz target.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/text/tokenizer_spec.h"

namespace heed::golden {

inline std::string path(const std::string& file) {
  return HEED_TEST_DIR "/text/goldens/" + file;
}

inline std::vector<std::string> read_lines(const std::string& file) {
  std::ifstream in(path(file));
  if (!in) throw std::runtime_error("cannot read " + path(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Undoes the \xHH of the golden files.
inline std::string unescape(const std::string& line) {
  std::string bytes;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      bytes += line[i];
    } else {
      bytes += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
      i += 3;
    }
  }
  return bytes;
}

inline std::string unhex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

inline TokenizerSpec read_vocabulary(const std::string& kind) {
  std::ifstream in(path(kind + ".vocab.json"));
  const nlohmann::json json = nlohmann::json::parse(in);
  TokenizerSpec spec{.model = json["model"], .pre = json.value("pre", "")};
  spec.tokens = json["tokens"].get<std::vector<std::string>>();
  spec.merges = json.value("merges", std::vector<std::string>());
  spec.scores = json.value("scores", std::vector<float>());
  spec.precompiled_charsmap = unhex(json.value("charsmap", ""));
  for (const int type : json["types"]) spec.types.push_back(static_cast<TokenType>(type));
  const auto read = [&](const char* key, auto& field) {
    if (json.contains(key))
      field = json[key].get<typename std::decay_t<decltype(field)>::value_type>();
  };
  read("lowercase", spec.lowercase);
  read("add_bos", spec.add_bos);
  read("add_eos", spec.add_eos);
  read("eos", spec.eos);
  return spec;
}

/// FNV-1a over numbers.
class Hash {
 public:
  void add(uint64_t number) { value_ = (value_ ^ number) * 0x100000001B3; }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xCBF29CE484222325;
};

}  // namespace heed::golden
