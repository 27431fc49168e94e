// What the tests of templates share: the goldens jinja2 made, and how an outcome is held against
// them.
#pragma once

#include <doctest/doctest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>

#include "engine/core/error.h"
#include "engine/text/chat_template.h"

namespace heed {

inline std::string read_golden(const std::string& name) {
  std::ifstream file(HEED_TEST_DIR "/text/goldens/templates/" + name, std::ios::binary);
  REQUIRE_MESSAGE(file, name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The moment the goldens were made for: Friday, 26 July 2024, 9:05:03.
inline std::tm golden_time() {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = 6;
  time.tm_mday = 26;
  time.tm_hour = 9;
  time.tm_min = 5;
  time.tm_sec = 3;
  time.tm_wday = 5;
  time.tm_yday = 207;
  return time;
}

/// A prompt or an error.
struct Outcome {
  std::string text;
  std::optional<Error::Code> code;
};

inline Outcome outcome_of(const std::string& source, const std::string& context) {
  try {
    return {ChatTemplate(source).render(context, golden_time()), std::nullopt};
  } catch (const Error& error) {
    return {error.what(), error.code()};
  }
}

/// Compares with a golden: {"text": prompt}, {"raises": message of raise_exception}, {"error": what
/// Python raised} or {"unsupported": true}.
inline void check_outcome(const Outcome& found, const nlohmann::json& golden) {
  CAPTURE(found.text);
  if (golden.contains("text")) {
    CHECK(found.text == golden["text"].get<std::string>());
    CHECK_FALSE(found.code);
    return;
  }
  REQUIRE(found.code);
  const bool refused = *found.code == Error::Code::unsupported || *found.code == Error::Code::limit;
  if (golden.contains("raises")) {
    CHECK(found.text.ends_with(": " + golden["raises"].get<std::string>()));
    CHECK(*found.code == Error::Code::argument);
  } else if (golden.contains("unsupported")) {
    CHECK(refused);
  }
}

}  // namespace heed
