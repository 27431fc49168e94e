// The stop filter: what comes out is the same however the text was cut, and always whole
// characters.
#include "engine/decode/stop_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace heed {
namespace {

struct Outcome {
  std::vector<std::string> shown;
  std::string text;
  bool stopped = false;
};

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopText filter(stops);
  Outcome outcome;
  const auto show = [&](std::string_view text) {
    outcome.shown.emplace_back(text);
    outcome.text += text;
  };
  for (const std::string& piece : pieces) show(filter.push(piece));
  show(filter.finish());
  outcome.stopped = filter.stopped();
  return outcome;
}

/// The definition: the text before the stop that is complete first, the longest of those.
std::string expected_text(const std::vector<std::string>& stops, const std::string& text,
                          bool& stopped) {
  for (size_t end = 0; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) {
      stopped = true;
      return text.substr(0, end - longest);
    }
  }
  stopped = false;
  return text;
}

TEST_CASE("text goes straight through without stops") {
  const Outcome outcome = run({}, {"Hello", ", ", "world"});
  CHECK(outcome.shown == std::vector<std::string>{"Hello", ", ", "world", ""});
  CHECK_FALSE(outcome.stopped);
}

TEST_CASE("what may be the start of a stop waits") {
  const Outcome outcome = run({"\nUser:"}, {"Yes.\nUs", "ual", "\nUse", "r: hi", "more"});
  CHECK(outcome.shown == std::vector<std::string>{"Yes.", "\nUsual", "", "", "", ""});
  CHECK(outcome.stopped);
}

TEST_CASE("what waited comes at the end") {
  const Outcome outcome = run({"END"}, {"the E", "N"});
  CHECK(outcome.shown == std::vector<std::string>{"the ", "", "EN"});
  CHECK_FALSE(outcome.stopped);
}

TEST_CASE("the stop that is complete first wins; of two, the longer") {
  CHECK(run({"ab", "xabc"}, {"1xabc"}).text == "1x");
  CHECK(run({"bc", "abc"}, {"1abc"}).text == "1");
  CHECK(run({"aab"}, {"aaab"}).text == "a");  // a false start inside the true one
}

TEST_CASE("a character is never split") {
  const std::string text = "é€😀";  // 2, 3 and 4 bytes
  std::vector<std::string> bytes;
  for (const char byte : text) bytes.emplace_back(1, byte);
  CHECK(run({}, bytes).shown ==
        std::vector<std::string>{"", "é", "", "", "€", "", "", "", "😀", ""});
  // Bytes that are no character do not wait for ever.
  CHECK(run({}, {"\xff", "\x80", "a"}).shown == std::vector<std::string>{"\xff", "\x80", "a", ""});
  CHECK(run({}, {"\xe2\x82"}).text == "\xe2\x82");
}

TEST_CASE("an empty stop is an error") {
  CHECK_THROWS_AS(StopText({"a", ""}), Error);
}

TEST_CASE("however the text is cut, the same comes out") {
  std::mt19937 random(5);
  const std::vector<std::string> letters = {"a", "b", "é", "😀"};
  const auto word = [&](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
    return text;
  };
  int stopped_runs = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string text = word(random() % 30);
    std::vector<std::string> stops;
    for (size_t n = random() % 4; n > 0; --n) stops.push_back(word(1 + random() % 5));
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = random() % 6;  // empty pieces too
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    bool stopped = false;
    const std::string expected = expected_text(stops, text, stopped);
    const Outcome outcome = run(stops, pieces);
    CAPTURE(text);
    REQUIRE(outcome.text == expected);
    REQUIRE(outcome.stopped == stopped);
    for (const std::string& shown : outcome.shown) {
      // Starts with a first byte: so nothing before it was cut inside a character.
      REQUIRE((shown.empty() || (static_cast<unsigned char>(shown[0]) & 0xc0) != 0x80));
    }
    stopped_runs += stopped ? 1 : 0;
  }
  CHECK(stopped_runs > 500);
}

}  // namespace
}  // namespace heed
