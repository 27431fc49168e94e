#include "engine/convert/word_piece.h"

#include <doctest/doctest.h>

#include "engine/text/tokenizer_spec.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// Sets the keys from tokenizer.json, or from vocab.txt where there is none; false if it cannot.
bool set_keys(const ModelDirectory& model, Metadata& metadata) {
  const Source source = Source::open(model.path());
  const auto file = source.json("tokenizer.json");
  if (file) {
    const JsonNode root(file->root(), file->name());
    return set_word_piece(source, root, read_tokenizer_json(root), metadata);
  }
  set_word_piece(source, metadata);
  return true;
}

TokenizerSpec spec_of(const ModelDirectory& model) {
  Metadata metadata;
  const bool can_say = set_keys(model, metadata);  // by itself: it may throw
  REQUIRE(can_say);
  return read_tokenizer_spec(metadata);
}

/// What is said of a directory without tokenizer.json whose vocab.txt is `lines`.
void check_lines_refused(const std::string& lines, const std::string& sentence) {
  const ModelDirectory model;
  model.remove("tokenizer.json");
  write_text(model / "vocab.txt", lines);
  CHECK_THROWS_WITH_AS(spec_of(model), ((model / "vocab.txt").string() + ": " + sentence).c_str(),
                       Error);
}

void check_cannot_say(const std::function<void(Json&)>& edit) {
  const ModelDirectory model;
  model.edit_json("tokenizer.json", edit);
  Metadata metadata;
  CHECK(!set_keys(model, metadata));
  CHECK(metadata.entries().empty());
}

}  // namespace

TEST_CASE("pieces are written as llama.cpp's converter writes them") {
  const TokenizerSpec spec = spec_of(ModelDirectory());
  CHECK(spec.model == "bert");
  REQUIRE(spec.tokens.size() == 92);
  CHECK(spec.tokens[2] == "[CLS]");
  CHECK(spec.tokens[5] == "\u2581a");  // "a" in vocab.txt
  CHECK(spec.tokens[31] == "a");       // "##a"
  CHECK(spec.types[2] == TokenType::control);
  CHECK(spec.types[5] == TokenType::normal);
  CHECK(spec.unk == 1);
  CHECK(spec.cls == 2);
  CHECK(spec.sep == 3);
  CHECK(spec.pad == 0);
  CHECK(spec.mask == 4);
  CHECK(spec.bos == 2);
  CHECK(spec.eos == 3);
}

TEST_CASE("ids that no token has, added tokens, names of special tokens") {
  const ModelDirectory model;
  model.edit_json("config.json", [](Json& config) { config["vocab_size"] = 96; });
  model.edit_json("tokenizer.json", [](Json& tokenizer) {
    tokenizer["added_tokens"].push_back({{"id", 93}, {"content", "<new>"}, {"special", false}});
    tokenizer["model"]["vocab"]["<s>"] = 95;
  });
  model.edit_json("tokenizer_config.json", [](Json& config) {
    config["mask_token"] = {{"content", "<s>"}};
  });
  const TokenizerSpec spec = spec_of(model);
  REQUIRE(spec.tokens.size() == 96);
  CHECK(spec.tokens[92] == "\u2581[PAD92]");
  CHECK(spec.types[92] == TokenType::unused);
  CHECK(spec.tokens[93] == "<new>");
  CHECK(spec.types[93] == TokenType::user_defined);
  CHECK(spec.tokens[95] == "<s>");
  CHECK(spec.types[95] == TokenType::control);
  CHECK(spec.mask == 95);
}

TEST_CASE("vocab.txt with Windows line ends and a token twice: the later id counts") {
  const ModelDirectory model;
  model.remove("tokenizer.json");
  write_text(model / "vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\ntwice\r\n##x\r\ntwice\r\n");
  write_text(model / "added_tokens.json", R"({"<new>": 6})");
  const TokenizerSpec spec = spec_of(model);
  CHECK(spec.tokens[3] == "\u2581[PAD3]");
  CHECK(spec.tokens[4] == "x");
  CHECK(spec.tokens[5] == "\u2581twice");
  CHECK(spec.tokens[6] == "<new>");
  CHECK(spec.pad == std::nullopt);
}

TEST_CASE("lower case and accents: tokenizer_config.json overrides tokenizer.json") {
  const ModelDirectory model;
  const auto check = [&](bool lowercase, bool strip_accents) {
    const TokenizerSpec spec = spec_of(model);
    CHECK(spec.lowercase == lowercase);
    CHECK(spec.strip_accents == strip_accents);
  };
  check(true, true);
  model.edit_json("tokenizer.json", [](Json& t) { t["normalizer"]["lowercase"] = false; });
  check(true, true);
  model.edit_json("tokenizer_config.json", [](Json& c) { c.erase("do_lower_case"); });
  check(false, false);
  model.edit_json("tokenizer.json", [](Json& t) { t["normalizer"]["strip_accents"] = true; });
  check(false, true);
  model.edit_json("tokenizer_config.json", [](Json& c) { c["strip_accents"] = false; });
  check(false, false);
  model.edit_json("sentence_bert_config.json", [](Json& c) { c["do_lower_case"] = true; });
  check(true, false);
}

TEST_CASE("the tokens around a text are those of the post-processor") {
  const ModelDirectory model;
  const auto check = [&](bool begin, bool end) {
    const TokenizerSpec spec = spec_of(model);
    CHECK(spec.add_bos == begin);
    CHECK(spec.add_eos == end);
  };
  check(true, true);
  model.edit_json("tokenizer.json",
                  [](Json& t) { t["post_processor"]["special_tokens"]["[CLS]"]["ids"] = {4}; });
  CHECK(spec_of(model).cls == 4);
  model.edit_json("tokenizer.json",
                  [](Json& t) { t["post_processor"]["single"].erase(size_t{0}); });
  check(false, true);
  model.edit_json("tokenizer.json",
                  [](Json& t) { t["post_processor"]["single"].erase(size_t{1}); });
  check(false, false);
  model.edit_json("tokenizer.json", [](Json& t) {
    t["post_processor"] = {
        {"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  });
  check(true, true);
  model.edit_json("tokenizer.json", [](Json& t) { t["post_processor"] = nullptr; });
  check(false, false);
}

TEST_CASE("components that GGUF's keys cannot say") {
  check_cannot_say([](Json& t) { t["normalizer"] = {{"type", "NFKC"}}; });
  check_cannot_say([](Json& t) { t.erase("normalizer"); });
  check_cannot_say([](Json& t) { t["normalizer"]["clean_text"] = false; });
  check_cannot_say([](Json& t) { t["normalizer"]["handle_chinese_chars"] = false; });
  check_cannot_say([](Json& t) { t["pre_tokenizer"]["type"] = "Whitespace"; });
  check_cannot_say([](Json& t) { t["model"]["continuing_subword_prefix"] = "@@"; });
  check_cannot_say([](Json& t) {
    Json& single = t["post_processor"]["single"];
    single.push_back(single[0]);
  });
}

TEST_CASE("ideographs that tokenizer_config.json does not take apart") {
  const ModelDirectory model;
  model.edit_json("tokenizer_config.json", [](Json& c) { c["tokenize_chinese_chars"] = false; });
  CHECK_THROWS_WITH_AS(spec_of(model),
                       ((model / "tokenizer_config.json").string() +
                        ": 'tokenize_chinese_chars' is false, which no key of a GGUF file says")
                           .c_str(),
                       Error);
}

TEST_CASE("vocabularies that contradict themselves or the model") {
  check_lines_refused("[UNK]\n\n\xff\n", "line 3: not valid UTF-8");
  check_lines_refused(
      "[UNK]\na\nb\n",
      "expected the special tokens \"[CLS]\", \"[SEP]\" in the vocabulary, found none "
      "of that name");
  std::string many;
  for (int i = 0; i < 93; ++i) many += "t" + std::to_string(i) + "\n";
  check_lines_refused(many, "token \"t92\" has the id 92, and config.json says 'vocab_size' is 92");
  check_lines_refused("a\r\n##b\r\n",
                      "expected the special tokens \"[UNK]\", \"[CLS]\", "
                      "\"[SEP]\" in the vocabulary, found none of that name");
  const ModelDirectory model;
  model.edit_json("config.json", [](Json& config) { config.erase("vocab_size"); });
  CHECK_THROWS_WITH_AS(spec_of(model), doctest::Contains("config.json: 'vocab_size' is missing"),
                       Error);
  model.edit_json("config.json", [](Json& config) { config["vocab_size"] = 91; });
  CHECK_THROWS_WITH_AS(spec_of(model),
                       ((model / "tokenizer.json").string() +
                        ": 92 tokens, and the embedding has 91 rows (config.json's 'vocab_size')")
                           .c_str(),
                       Error);
}

}  // namespace heed
