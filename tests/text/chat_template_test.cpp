#include "engine/text/chat_template.h"

#include <thread>

#include "tests/text/jinja_goldens.h"

namespace heed {

TEST_CASE("prompts are those of jinja2, for the templates of many model families") {
  const auto goldens = nlohmann::ordered_json::parse(read_golden("templates.json"));
  for (const auto& golden : goldens["cases"]) {
    const std::string name = golden[0], conversation = golden[1];
    CAPTURE(name);
    CAPTURE(conversation);
    check_outcome(outcome_of(read_golden(name), goldens["contexts"][conversation].dump()),
                  golden[2]);
  }
}

TEST_CASE("a chat given as messages makes the prompt its JSON makes") {
  const ChatTemplate smollm2(read_golden("smollm2.jinja"));
  CHECK(smollm2.render({.messages = {{"user", "Hello"}}}) ==
        smollm2.render(R"({"messages": [{"role": "user", "content": "Hello"}],
                           "add_generation_prompt": true})"));
  const ChatTemplate variables(
      "{{ bos_token }}{{ eos_token }}{{ tools is none }}{{ messages|length }}"
      "{{ documents is none }}{{ add_generation_prompt }}");
  CHECK(
      variables.render({.add_generation_prompt = false, .bos_token = "<s>", .eos_token = "</s>"}) ==
      "<s></s>True0TrueFalse");
  CHECK_THROWS_WITH_AS(smollm2.render({.messages = {{"user", "\xff"}}}),
                       "a chat message is not valid UTF-8", Error);
}

TEST_CASE("one template renders in several threads at once") {
  const ChatTemplate qwen3(read_golden("qwen3.jinja"));
  const auto goldens = nlohmann::ordered_json::parse(read_golden("templates.json"));
  const std::string context = goldens["contexts"]["result"].dump();
  const std::string expected = qwen3.render(context);
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (std::string& prompt : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) prompt = qwen3.render(context);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& prompt : found) CHECK(prompt == expected);
}

TEST_CASE("the clock of strftime_now is the caller's, or the computer's") {
  const ChatTemplate dated("{{ strftime_now('%d %B %Y, %A, %I:%M %p, day %j%Z') }}");
  CHECK(dated.render("{}", golden_time()) == "26 July 2024, Friday, 09:05 AM, day 208");
  CHECK(ChatTemplate("{{ strftime_now('%Y') }}").render("{}") >= "2025");
}

TEST_CASE("errors name the line and what is wrong") {
  const auto error = [](const std::string& source, const std::string& context = "{}") {
    return outcome_of(source, context).text;
  };
  CHECK(error("a\n{{ x.y }}") == "chat template, line 2: 'x' is undefined");
  CHECK(error("\n\n{{ raise_exception('no ' ~ 'tools') }}") == "chat template, line 3: no tools");
  CHECK(error("{% if a %}\n{{ a }") == "chat template: line 2: unexpected '}'");
  CHECK(error("{% for x in y %}\n\n") ==
        "chat template: line 2: the template ends inside of a 'for' block");
  CHECK(error("x\n{% extends 'base' %}") ==
        "chat template: line 2: the tag 'extends' is not supported");
  CHECK(error("{{ 'a'|urlize }}") == "chat template, line 1: the filter 'urlize' is not supported");
  CHECK(error("{{ 'a'|shout }}") == "chat template: line 1: there is no filter 'shout'");
  CHECK(error("{{ 1 is prime }}") == "chat template: line 1: there is no test 'prime'");
  CHECK(error("{{ 1 + 'a' }}") == "chat template, line 1: cannot apply '+' to a int and a str");
  CHECK(error("{{ a }", "{}") == "chat template: line 1: unexpected '}'");
  CHECK(error("\xff") == "chat template: it is not valid UTF-8");
  CHECK(error("{{ a }}", "[1]") == "the variables must be a JSON object, not a list");
  CHECK(error("{{ a }}", "{")
            .starts_with("the variables are not valid JSON: parse error at line 1, column 2"));
  CHECK(error("{{ a }}", R"({"a": 12345678901234567890})") ==
        "the variables hold an integer beyond 64 bits: 12345678901234567890");
  CHECK(error("{{ a }}", R"({"a": 123456789012345678901234567890})") ==
        "the variables hold an integer beyond 64 bits: 123456789012345678901234567890");
}

TEST_CASE("variables are read as Python reads JSON") {
  const auto render = [](const std::string& source, const std::string& context) {
    return outcome_of(source, context).text;
  };
  CHECK(render("{{ a }}", R"({"a": {"x": 1, "y": 2, "x": 3}})") == "{'x': 3, 'y': 2}");
  CHECK(render("{{ a }}",
               R"({"a": [1.0, 1e3, -0, -0.0, 9223372036854775807, null, true, "\u00e9"]})") ==
        "[1.0, 1000.0, 0, -0.0, 9223372036854775807, None, True, 'é']");
  CHECK(render("{{ range }}", R"({"range": "given"})") == "given");
}

}  // namespace heed
