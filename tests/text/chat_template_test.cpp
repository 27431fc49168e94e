#include "engine/text/chat_template.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "engine/core/error.h"

namespace heed {
namespace {

const std::string kGoldens = HEED_TEST_DIR "/text/goldens/templates/";

std::string read_file(const std::string& name) {
  std::ifstream file(kGoldens + name, std::ios::binary);
  REQUIRE_MESSAGE(file, name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The moment the goldens were made for: Friday, 26 July 2024, 9:05:03.
std::tm golden_time() {
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

// The prompt, or "error: " and what the error says.
std::string outcome(const std::string& source, const std::string& context) {
  try {
    return ChatTemplate(source).render(context, golden_time());
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
}

// A case of the goldens: {"text": prompt}, {"raises": message} or {"error": kind of Python's}.
void check(const std::string& source, const nlohmann::ordered_json& golden) {
  const std::string found =
      outcome(source, golden.value("context", nlohmann::ordered_json::object()).dump());
  CAPTURE(source);
  if (golden.contains("text")) {
    CHECK(found == golden["text"].get<std::string>());
  } else {
    CHECK_MESSAGE(found.starts_with("error: "), "expected an error, found: ", found);
    if (golden.contains("raises"))
      CHECK(found.ends_with(": " + golden["raises"].get<std::string>()));
  }
}

}  // namespace

TEST_CASE("prompts are those of jinja2, for the templates of many model families") {
  for (const auto& golden : nlohmann::ordered_json::parse(read_file("templates.json"))) {
    const std::string name = golden["template"];
    const std::string test = golden["case"];
    CAPTURE(name);
    CAPTURE(test);
    check(read_file(name), golden);
  }
}

TEST_CASE("a chat given as messages makes the prompt its JSON makes") {
  const ChatTemplate smollm2(read_file("smollm2.jinja"));
  const Chat chat{.messages = {{"user", "Hello"}}};
  CHECK(smollm2.render(chat) ==
        smollm2.render(R"({"messages": [{"role": "user", "content": "Hello"}],
                           "add_generation_prompt": true})"));
}

}  // namespace heed
