// Small vocabularies and what the reference implementations make of 2,000 lines with them, as
// goldens/make_tokenizer_goldens.py wrote them. Used by the tokenizer tests and their fuzz target.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/text/tokenizer.h"

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

inline uint64_t hash(std::span<const ByteRange> ranges) {
  uint64_t value = 0xCBF29CE484222325;
  for (const auto [begin, end] : ranges) {
    for (const size_t n : {begin, end}) value = (value ^ n) * 0x100000001B3;
  }
  return value;
}

inline std::string join(std::span<const Token> tokens) {
  std::string text;
  for (const Token token : tokens) text += (text.empty() ? "" : " ") + std::to_string(token);
  return text;
}

inline std::vector<Token> read_ids(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<Token>(in), {}};
}

/// Every line of lines.txt becomes the golden ids, at the golden offsets.
inline void check_encode(const std::string& kind) {
  CAPTURE(kind);
  const TextTokenizer tokenizer(read_vocabulary(kind));
  const auto lines = read_lines("lines.txt");
  const auto goldens = read_lines(kind + ".ids.txt");
  REQUIRE(lines.size() == 2000);
  REQUIRE(goldens.size() == lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    const std::string text = unescape(lines[i]);
    const size_t blank = std::min(goldens[i].find(' '), goldens[i].size());
    const std::string offsets = goldens[i].substr(0, blank);
    const Encoding encoding = tokenizer.encode_with_ranges(text);
    CHECK(join(encoding.tokens) == join(read_ids(goldens[i].substr(blank))));
    CHECK(tokenizer.encode(text) == encoding.tokens);
    if (offsets == "-") continue;
    CHECK(hash(to_characters(text, encoding.ranges)) == std::stoull(offsets, nullptr, 16));
  }
}

/// The golden ids become the golden texts, at once and token by token.
inline void check_decode(const std::string& kind) {
  CAPTURE(kind);
  const TextTokenizer tokenizer(read_vocabulary(kind));
  const auto goldens = read_lines(kind + ".decode.txt");
  REQUIRE(goldens.size() >= 100);
  for (const std::string& golden : goldens) {
    CAPTURE(golden);
    const size_t first = golden.find('\t'), second = golden.find('\t', first + 1);
    const std::vector<Token> ids = read_ids(golden.substr(0, first));
    CHECK(tokenizer.decode(ids, true) == unescape(golden.substr(first + 1, second - first - 1)));
    CHECK(tokenizer.decode(ids, false) == unescape(golden.substr(second + 1)));
    StreamDecoder stream(tokenizer);
    std::string streamed;
    for (const Token id : ids) {
      const std::string_view piece = stream.push(id);
      CHECK(!repair_utf8(piece).changed());
      streamed += piece;
    }
    streamed += stream.finish();
    CHECK(streamed == tokenizer.decode(ids));
  }
}

}  // namespace heed::golden
