// Repair of bad UTF-8 and the way back to the bytes as they were.
#include "engine/text/edited_text.h"

#include <doctest/doctest.h>

#include <string>

namespace heed {
namespace {

/// As Python prints bytes.decode(errors="replace"), with ? for U+FFFD.
std::string repaired(std::string_view bytes) {
  const EditedText edited = repair_utf8(bytes);
  std::string text;
  for (std::string_view rest = edited.text(); !rest.empty();) {
    const bool replaced = rest.starts_with("\uFFFD");
    text += replaced ? '?' : rest[0];
    rest.remove_prefix(replaced ? 3 : 1);
  }
  return text;
}

TEST_CASE("each maximal subpart of bad bytes becomes one U+FFFD") {
  CHECK(repaired("plain ascii, long enough for words") == "plain ascii, long enough for words");
  CHECK(repaired("é€😀") == "é€😀");
  CHECK(repaired("a\x80z") == "a?z");
  CHECK(repaired("\xC3(") == "?(");
  CHECK(repaired("\xE2\x82z") == "?z");
  CHECK(repaired("\xF0\x9F\x98") == "?");
  CHECK(repaired("\xF0\x9F\x98\xF0\x9F\x98\x80") == "?😀");
  CHECK(repaired("\xC0\xAF") == "??");            // overlong
  CHECK(repaired("\xE0\x80\xAF") == "???");       // overlong
  CHECK(repaired("\xED\xA0\x80") == "???");       // a surrogate
  CHECK(repaired("\xF4\x90\x80\x80") == "????");  // above U+10FFFF
  CHECK(repaired("\xF8\x88\x80\x80\x80") == "?????");
  CHECK(repaired("\xF4\x8F\xBF\xBF") == "\xF4\x8F\xBF\xBF");
}

TEST_CASE("valid text is not copied") {
  const std::string text = "schön";
  const EditedText edited = repair_utf8(text);
  CHECK(!edited.changed());
  CHECK(edited.text().data() == text.data());
  CHECK(edited.in_source({1, 3}) == ByteRange{1, 3});
}

TEST_CASE("ranges of edited text lead back to the source") {
  EditedText edited("abcdefgh");
  edited.replace({1, 3}, "X");   // aX
  edited.replace({3, 3}, "YZ");  // aXYZ, from nothing
  edited.replace({5, 6}, "");    // aXYZdegh
  edited.finish();
  CHECK(edited.text() == "aXYZdegh");
  CHECK(edited.in_source({0, 1}) == ByteRange{0, 1});
  CHECK(edited.in_source({1, 2}) == ByteRange{1, 3});
  CHECK(edited.in_source({2, 4}) == ByteRange{3, 3});
  CHECK(edited.in_source({3, 4}) == ByteRange{3, 3});
  CHECK(edited.in_source({0, 8}) == ByteRange{0, 8});
  CHECK(edited.in_source({5, 7}) == ByteRange{4, 7});
  CHECK(edited.in_source({8, 8}) == ByteRange{8, 8});
}

TEST_CASE("byte ranges become character ranges, rounded outwards") {
  const std::string text = "aé€\xFFz";  // characters at bytes 0, 1, 3, 6, 7
  const std::vector<ByteRange> bytes = {{0, 1}, {2, 3}, {3, 4}, {2, 7}, {7, 8}, {8, 8}, {0, 0}};
  CHECK(to_characters(text, bytes) ==
        std::vector<ByteRange>{{0, 1}, {1, 2}, {2, 3}, {1, 4}, {4, 5}, {5, 5}, {0, 0}});
  CHECK(to_characters("", std::vector<ByteRange>{{0, 0}}) == std::vector<ByteRange>{{0, 0}});
}

}  // namespace
}  // namespace heed
