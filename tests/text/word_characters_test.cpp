// What WordPiece takes characters for.
#include "engine/text/word_characters.h"

#include <doctest/doctest.h>

#include <string>

namespace heed {
namespace {

std::u32string decomposed(char32_t code) {
  std::array<char32_t, 4> buffer;
  const auto parts = decompose(code, buffer);
  return {parts.begin(), parts.end()};
}

TEST_CASE("white space, and what vanishes") {
  for (const char32_t c : U" \t\n\r\u00A0\u1680\u2003\u2028\u3000") {
    if (c != 0) CHECK(is_white_space(c));
  }
  for (const char32_t c : {0x0, 0x7, 0xB, 0xC, 0x7F, 0x85, 0xAD, 0x200B, 0x200D, 0xFEFF, 0xFFFD,
                           0xE000, 0xE0001, 0x10FFFD}) {
    CHECK(is_dropped(c));
    CHECK(!is_white_space(c));
  }
  for (const char32_t c : {0x9, 0xA, 0x20, 0x61, 0x378, 0x3000, 0x110CD}) CHECK(!is_dropped(c));
}

TEST_CASE("punctuation is ASCII's and Unicode 8's") {
  for (const char32_t c : U"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¿–“。、\u166D") {
    if (c != 0) CHECK(is_punctuation(c));
  }
  for (const char32_t c : U"aZ09 €±©ä天\u2E52\x7F") CHECK(!is_punctuation(c));
}

TEST_CASE("marks, ideographs, simpler forms") {
  CHECK(is_nonspacing_mark(0x301));
  CHECK(is_nonspacing_mark(0x1734));
  CHECK(!is_nonspacing_mark(0x8CA));  // since Unicode 14
  CHECK(!is_nonspacing_mark('a'));
  CHECK(is_ideograph(0x4E00));
  CHECK(is_ideograph(0x2F800));
  CHECK(!is_ideograph(0x3042));
  CHECK(!is_ideograph(0x2B820));
  CHECK(to_lower(U'Ä') == U'ä');
  CHECK(to_lower(U'天') == U'天');
  CHECK(decomposed(U'é') == U"e\u0301");
  CHECK(decomposed(0x1F82) == U"\u03B1\u0313\u0300\u0345");
  CHECK(decomposed(0xD55C) == U"\u1112\u1161\u11AB");
  CHECK(decomposed(U'a') == U"a");
}

}  // namespace
}  // namespace heed
