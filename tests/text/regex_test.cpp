// The dialect of the pre-tokenizers' patterns.
#include "engine/text/regex.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

bool matches(const char* pattern, std::string_view text) {
  const Regex regex(pattern);
  return Regex::Search(regex, text).next(0) == ByteRange{0, text.size()};
}

TEST_CASE("classes are those of Unicode") {
  CHECK(matches(R"(\p{L}+)", "aßЖ漢\u0E01"));
  CHECK(matches(R"([^\s\p{N}]+)", "aß!"));
  CHECK(matches(R"(\p{N}+)", "1²Ⅷ٣"));
  CHECK(matches(R"(\s+)", " \t\n\v\f\r\u0085\u00A0\u1680\u2003\u2028\u3000"));
  CHECK(!matches(R"(\s)", "\u180E"));  // was white space until Unicode 6.3
  CHECK(!matches(R"(\s)", "\u200B"));
  CHECK(matches(R"(\S)", "\u180E"));
  CHECK(matches(R"([^\s]+\s\S)", "ab c"));
}

TEST_CASE("letters and numbers newer than PCRE2 are known") {
  CHECK(matches(R"(\p{L})", "\U00031350"));
  CHECK(matches(R"([\p{L}])", "\U0001E4D0"));
  CHECK(!matches(R"([^\p{L}])", "\U00031350"));
  CHECK(matches(R"(\p{N})", "\U0001E4F0"));
}

TEST_CASE("matches come in turn") {
  const Regex regex("[ab]+");
  const std::string text = "ab c ba";
  Regex::Search search(regex, text);
  CHECK(search.next(0) == ByteRange{0, 2});
  CHECK(search.next(1) == ByteRange{1, 2});
  CHECK(search.next(2) == ByteRange{5, 7});
  CHECK(search.next(7) == std::nullopt);
}

TEST_CASE("a long run of white space is matched") {
  const Regex regex(R"(\s*[\r\n]+|\s+(?!\S)|\s+)");
  const std::string text = std::string(20'000'000, ' ') + "x";
  CHECK(Regex::Search(regex, text).next(0) == ByteRange{0, text.size() - 2});
}

TEST_CASE("a bad pattern is an error that shows it") {
  CHECK_THROWS_WITH_AS(
      Regex("a(b"), "regular expression 'a(b': missing closing parenthesis at character 3", Error);
}

}  // namespace
}  // namespace heed
