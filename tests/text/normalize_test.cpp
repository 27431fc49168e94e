// Normal form C.
#include "engine/text/normalize.h"

#include <doctest/doctest.h>

#include <string>

namespace heed {
namespace {

std::string nfc(std::string_view text) {
  return std::string(to_normal_form(NormalForm::c, text).text());
}

TEST_CASE("characters are composed where Unicode says so") {
  CHECK(nfc("e\u0301") == "\u00E9");
  CHECK(nfc("\u212B") == "\u00C5");              // Ångström sign: a letter
  CHECK(nfc("a\u0323\u0302") == "\u1EAD");       // in canonical order
  CHECK(nfc("a\u0302\u0323") == "\u1EAD");       // and in the other
  CHECK(nfc("\u1112\u1161\u11AB") == "\uD55C");  // Hangul
  CHECK(nfc("\u0958") == "\u0915\u093C");        // excluded from composition
  CHECK(nfc("x\u0301") == "x\u0301");
  CHECK(nfc("\uFB01 \u00BD") == "\uFB01 \u00BD");  // compatibility characters stay
  CHECK(nfc("\u0301e\u0301") == "\u0301\u00E9");
}

TEST_CASE("normal text is not copied, and edits keep their place") {
  const std::string plain = "Ünïcödé 東京 한국어 😀 \u0301";
  CHECK(to_normal_form(NormalForm::c, plain).text().data() == plain.data());
  const EditedText edited = to_normal_form(NormalForm::c, "ae\u0301z");
  CHECK(edited.text() == "a\u00E9z");
  CHECK(edited.in_source({1, 3}) == ByteRange{1, 4});
  CHECK(edited.in_source({3, 4}) == ByteRange{4, 5});
}

TEST_CASE("a pile of marks is left as it is") {
  std::string pile = "a";
  for (int i = 0; i < 100'000; ++i) pile += i % 2 ? "\u0323" : "\u0301";
  CHECK(nfc(pile) == pile);
}

}  // namespace
}  // namespace heed
