// Checks of a tokenizer against what the reference implementations made of 2,000 lines. Used by the
// tests of each kind.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "engine/text/tokenizer.h"
#include "tests/text/golden_vocabulary.h"

namespace heed::golden {

inline uint64_t hash(std::span<const ByteRange> ranges) {
  Hash hash;
  for (const auto [begin, end] : ranges) {
    hash.add(begin);
    hash.add(end);
  }
  return hash.value();
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
