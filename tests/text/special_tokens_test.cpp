// Finding tokens that stand for themselves.
#include "engine/text/special_tokens.h"

#include <doctest/doctest.h>

namespace heed {
namespace {

TEST_CASE("the leftmost token is found, and the longest of those") {
  SpecialTokens tokens;
  tokens.add({.token = 1, .text = "<a>"});
  tokens.add({.token = 2, .text = "<a>b"});
  tokens.add({.token = 3, .text = "<a>bcd"});
  tokens.add({.token = 4, .text = "é"});
  tokens.add({.token = 5, .text = "<a>"});  // too late
  tokens.finish();
  const auto found = [&](std::string_view text, size_t from = 0) {
    const auto match = tokens.find(text, from);
    return match ? std::pair(match->token, match->range) : std::pair(0, ByteRange());
  };
  CHECK(found("x<a>y") == std::pair(1, ByteRange{1, 4}));
  CHECK(found("x<a>b") == std::pair(2, ByteRange{1, 5}));
  CHECK(found("<a>bcx") == std::pair(2, ByteRange{0, 4}));
  CHECK(found("<a>bcd") == std::pair(3, ByteRange{0, 6}));
  CHECK(found("<a>bcd", 1) == std::pair(0, ByteRange{}));
  CHECK(found("<<a><a>bcd") == std::pair(1, ByteRange{1, 4}));
  CHECK(found("<<a><a>bcd", 4) == std::pair(3, ByteRange{4, 10}));
  CHECK(found("aé<a") == std::pair(4, ByteRange{1, 3}));
  CHECK(found("<a") == std::pair(0, ByteRange{}));
  CHECK(found("") == std::pair(0, ByteRange{}));
}

TEST_CASE("no tokens, nothing found") {
  SpecialTokens tokens;
  tokens.finish();
  CHECK(!tokens.find("anything", 0));
}

}  // namespace
}  // namespace heed
