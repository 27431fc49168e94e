// heed::Model: what loading keeps, and chat prompts.
#include <doctest/doctest.h>

#include "engine/api/library.h"
#include "tests/support/forgery.h"

namespace heed {
namespace {

/// tiny-llama with a chat template.
Model with_template(const std::string& source) {
  const Forgery forgery("tiny-llama", "tokenizer.chat_template", source);
  return Model::load(forgery.path(), {.vocabulary_only = true});
}

const std::vector<Message> kHello = {{.role = "user", .content = "Hello"}};

}  // namespace

TEST_CASE("a chat prompt has messages and special tokens; tools and documents are None") {
  const Model model = with_template(
      "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
      "{{ eos_token }}{{ tools is none and documents is none }}{{ add_generation_prompt }}");
  CHECK(model.chat_prompt(kHello) == "<|im_start|>user: Hello<|im_end|>TrueTrue");
  CHECK(model.chat_prompt(kHello, false) == "<|im_start|>user: Hello<|im_end|>TrueFalse");
}

TEST_CASE("JSON variables win over the special tokens that are filled in") {
  const Model model = with_template("{{ bos_token }} {{ eos_token }} {{ x }}");
  CHECK(model.chat_prompt_json(R"({"x": 1})") == "<|im_start|> <|im_end|> 1");
  CHECK(model.chat_prompt_json(R"( {"bos_token": "B", "x": "y"})") == "B <|im_end|> y");
  CHECK(model.chat_prompt_json("{ }") == "<|im_start|> <|im_end|> ");
  for (const char* bad : {"", "[]", "{", "{,}", "null", "{\"x\": 1", "{\"x\": 1}}", "\"{}\""}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(model.chat_prompt_json(bad), Error);
  }
  std::string deep = "{\"x\":";
  for (int i = 0; i < 100000; ++i) deep += '[';
  CHECK_THROWS_AS(model.chat_prompt_json(deep), Error);
}

TEST_CASE("a message that is not UTF-8 is an error of ours") {
  const Model model = with_template("{{ messages[0].content }}");
  const std::vector<Message> broken = {{.role = "user", .content = "caf\xe9"}};
  CHECK_THROWS_AS(model.chat_prompt(broken), Error);
}

TEST_CASE("a model whose chat template cannot be read loads, and says so when it is asked") {
  const Model model = with_template("{% frobnicate %}");
  CHECK(model.chat_template() == "{% frobnicate %}");
  try {
    model.chat_prompt(kHello);
    FAIL("expected an error");
  } catch (const Error& error) {
    const std::string said = error.what();
    CAPTURE(said);
    CHECK(said.find("forged.gguf: chat template") != std::string::npos);
    CHECK(said.find("frobnicate") != std::string::npos);
  }
}

TEST_CASE("progress of loading rises to the end") {
  const std::string path = (test_dir() / "models/goldens/tiny-llama.gguf").string();
  double last = 0;
  bool rises = true;
  Model::load(path, {.progress = [&](int64_t done, int64_t all) {
                const double fraction = static_cast<double>(done) / static_cast<double>(all);
                rises = rises && fraction >= last && fraction <= 1;
                last = fraction;
              }});
  CHECK(rises);
  CHECK(last == 1.0);
}

}  // namespace heed
