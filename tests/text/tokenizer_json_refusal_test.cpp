// A tokenizer.json may come from anywhere: what it may not say, and what it may not cost.
#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"
#include "tests/text/refusal.h"

namespace heed {
namespace {

using Json = nlohmann::json;

Json small() {
  return Json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false,
                      "single_word": false, "lstrip": false, "rstrip": false}],
    "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed",
                      "invert": false},
    "post_processor": {"type": "TemplateProcessing",
                       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                  {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [3]}}},
    "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

std::string refused(const std::function<void(Json&)>& edit) {
  Json json = small();
  edit(json);
  const std::string said = refusal({.huggingface_json = json.dump()});
  constexpr std::string_view kPlace = "tokenizer.huggingface.json";
  CHECK(said.starts_with(kPlace));
  return said.substr(std::min(said.size(), kPlace.size()));
}

TextTokenizer made(const std::function<void(Json&)>& edit) {
  Json json = small();
  edit(json);
  return TextTokenizer(TokenizerSpec{.huggingface_json = json.dump()});
}

}  // namespace

TEST_CASE("the document that the others are spoilt copies of") {
  const TextTokenizer tokenizer = made([](Json&) {});
  CHECK(tokenizer.encode("AB a") == std::vector<Token>{3, 2, 0});
  CHECK(tokenizer.decode(std::vector<Token>{3, 2, 0}) == "aba");
  CHECK(refusal({.huggingface_json = "{"}) ==
        "tokenizer.huggingface.json: not valid JSON near byte 2");
  CHECK(refusal({.huggingface_json = "[]"}) ==
        "tokenizer.huggingface.json: expected an object, found an array");
  CHECK(refusal({.huggingface_json = "{}"}) == "tokenizer.huggingface.json: 'model' is missing");
}

TEST_CASE("unknown components and options are named") {
  constexpr const char* kNot = "' is not something that Heed does";
  for (const char* part : {"normalizer", "pre_tokenizer", "decoder", "post_processor", "model"}) {
    CHECK(refused([&](Json& j) { j[part]["type"] = "Magic"; }) ==
          cat(".", part, ": the type 'Magic", kNot));
  }
  CHECK(refused([](Json& j) { j["normalizer"]["level"] = 9; }) == cat(".normalizer: 'level", kNot));
  CHECK(refused([](Json& j) { j["extra"] = 1; }) == cat(": 'extra", kNot));
  CHECK(refused([](Json& j) { j["model"]["dropout"] = 0.1; }) ==
        ".model.dropout: other than 0 is not something that Heed does");
  CHECK(refused([](Json& j) { j["pre_tokenizer"]["behavior"] = "Kept"; }) ==
        cat(".pre_tokenizer.behavior: 'Kept", kNot));
  CHECK(refused([](Json& j) {
          j["decoder"] = {{"type", "Sequence"},
                          {"decoders", {{{"type", "Fuse"}}, {{"type", "ByteLevel"}}}}};
        }) == cat(".decoder.decoders[1]: the type 'ByteLevel", "' at this place",
                  " is not something that Heed does"));
  CHECK(refused([](Json& j) { j["post_processor"]["single"][1]["Sequence"]["id"] = "B"; }) ==
        ".post_processor.single[1].Sequence: a template other than of one text, 'A', is not "
        "something that Heed does");
}

TEST_CASE("values of another type, and what contradicts itself") {
  CHECK(refused([](Json& j) { j["normalizer"] = 1; }) ==
        ".normalizer: expected an object, found 1");
  CHECK(refused([](Json& j) { j["model"]["vocab"] = "a"; }) == ".model.vocab: expected an object");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = "0"; }) ==
        ".model.vocab: token 'a': expected an id");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = -1; }) ==
        ".model.vocab: token 'a': expected an id from 0 to 1040, found -1");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = 4'000'000; }) ==
        ".model.vocab: token 'a': expected an id from 0 to 1040, found 4000000");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["b"] = 0; }) ==
        ".model.vocab: tokens 'a' and 'b' have the same id 0");
  CHECK(refused([](Json& j) { j["added_tokens"][0]["content"] = "a"; }) ==
        ".added_tokens[0]: token 'a' has the ids 0 and 3");
  CHECK(refused([](Json& j) { j["model"]["merges"] = {"ab"}; }) ==
        ".model.merges: expected two tokens at 0");
  CHECK(refused([](Json& j) { j["model"]["unk_token"] = "<unk>"; }) ==
        ".model: token '<unk>' is not in the vocabulary");
  CHECK(refused([](Json& j) { j["post_processor"]["special_tokens"]["<s>"]["ids"] = {4}; }) ==
        ".post_processor.special_tokens.<s>.ids[0]: expected a whole number from 0 to 3, found 4");
  CHECK(refused([](Json& j) {
          j["model"] = {{"type", "BPE"}, {"vocab", Json::array()}};
        }).starts_with(".model.vocab"));
  CHECK(refused([](Json& j) {
          j["model"] = {{"type", "Unigram"}, {"vocab", {{"a", 0.0}, {"b"}}}, {"unk_id", nullptr}};
        }) == ".model.vocab: expected a piece and its score at 1");
  CHECK(refused([](Json& j) {
          j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "===="}};
        }) == ".normalizer.precompiled_charsmap: expected base64");
  CHECK(refused([](Json& j) {
          j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAECAwQF"}};
        }).starts_with(".normalizer.precompiled_charsmap: expected a table"));
}

TEST_CASE("regular expressions that are none, or of another dialect") {
  const auto refused_pattern = [](const char* pattern) {
    return refused([&](Json& j) { j["pre_tokenizer"]["pattern"] = {{"Regex", pattern}}; });
  };
  CHECK(refused_pattern("(a") ==
        ".pre_tokenizer.pattern.Regex: regular expression '(a': missing closing parenthesis at "
        "character 2");
  for (const char* pattern :
       {"(*FAIL)", "(?R)", "(?C1)", "(?|a)", "\\Ca", "[a&&b]", "[[a]]", "[[:alpha:]]", "[^\\W]",
        "a{1,2}+", "\\K", "\\g<1>", "\\G", "\\1", "(?P<n>a)", "(?s:.)"}) {
    CAPTURE(pattern);
    CHECK(refused_pattern(pattern).ends_with("is not something that Heed does"));
  }
  CHECK(refused_pattern("\\p{Nonesuch}").find("unknown property") != std::string::npos);
}

TEST_CASE("depth and size have limits") {
  CHECK(refused([](Json& j) {
          for (int i = 0; i < 6; ++i) {
            const Json inner = j["normalizer"];
            j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {inner}}};
          }
        }).ends_with("expected Sequences in at most 4 levels"));
  std::string deep = R"({"model": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  CHECK(refusal({.huggingface_json = deep}).starts_with("tokenizer.huggingface.json.model"));

  const TextTokenizer growing = made([](Json& j) {
    Json step = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaa"}};
    j["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
    for (int i = 0; i < 20; ++i) j["normalizer"]["normalizers"].push_back(step);
  });
  CHECK_THROWS_WITH_AS(growing.encode("a"), doctest::Contains("becomes longer than"), Error);
}

TEST_CASE("an expression that backtracks without end is stopped") {
  const TextTokenizer tokenizer = made([](Json& j) {
    j["pre_tokenizer"]["pattern"] = {{"Regex", "(?:a+)+\\z|(?:a|a)*b"}};
  });
  CHECK_THROWS_AS(tokenizer.encode(std::string(5000, 'a') + "c"), Error);
}

TEST_CASE("long texts take time in proportion") {
  const std::string text(2'000'000, 'a');
  const auto vocabulary = [](Json& j) {
    j["normalizer"] = nullptr;
    j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}};
  };
  CHECK(made(vocabulary).encode(text).size() == text.size() + 1);
  const TextTokenizer unigram = made([&](Json& j) {
    vocabulary(j);
    j["added_tokens"] = j["post_processor"] = nullptr;
    j["model"] = Json::parse(
        R"({"type": "Unigram", "unk_id": 0, "vocab": [["u", 0], ["a", -1], ["aa", -1]]})");
  });
  CHECK(unigram.encode(text).size() == text.size() / 2 + 1);
}

}  // namespace heed
