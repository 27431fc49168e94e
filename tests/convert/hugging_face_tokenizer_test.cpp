// tokenizer.json in a converted file: whole, and in the keys that other engines read.
#include <doctest/doctest.h>

#include "engine/convert/chat_template.h"
#include "engine/convert/tokenizer.h"
#include "engine/text/tokenizer.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// tiny-llama with the tokenizer of one of the styles that tests/text has goldens of.
class StyledDirectory : public ModelDirectory {
 public:
  explicit StyledDirectory(const std::string& style) : ModelDirectory("tiny-llama") {
    const auto goldens = std::filesystem::path(HEED_TEST_DIR) / "text/goldens/json";
    write_text(*this / "tokenizer.json", read_text(goldens / (style + ".json")));
    edit_json("config.json", [](Json& config) { config["vocab_size"] = 1200; });
    write_text(*this / "tokenizer_config.json", "{}");
  }

  Metadata metadata() const {
    Metadata metadata;
    set_tokenizer(Source::open(path()), metadata);
    return metadata;
  }
};

TextTokenizer without_json(const Metadata& metadata) {
  TokenizerSpec spec = read_tokenizer_spec(metadata);
  spec.huggingface_json.clear();
  return TextTokenizer(std::move(spec));
}

constexpr std::string_view kText =
    "The quick brown fox, isn't it? 1984 Zwölf Боже мой 東京都\n\n  x";

}  // namespace

TEST_CASE("what GGUF has a name for is in its keys as well") {
  struct Case {
    const char* style;
    const char* model;
    const char* pre;
  };
  for (const Case c : {Case{"gpt-2", "gpt2", "gpt-2"}, Case{"llama-3", "gpt2", "llama-bpe"},
                       Case{"qwen-2", "gpt2", "qwen2"}, Case{"bert", "bert", "default"},
                       Case{"llama-2", "llama", "default"}, Case{"xlm-r", "t5", "default"}}) {
    CAPTURE(c.style);
    const StyledDirectory directory(c.style);
    const Metadata metadata = directory.metadata();
    CHECK(metadata.require<std::string>("tokenizer.huggingface.json") ==
          read_text(directory / "tokenizer.json"));
    CHECK(metadata.require<std::string>("tokenizer.ggml.model") == c.model);
    CHECK(metadata.require<std::string>("tokenizer.ggml.pre") == c.pre);
    CHECK(metadata.require<std::vector<std::string>>("tokenizer.ggml.tokens").size() == 1200);
    const EncodeOptions bare = {.add_special = false};
    CHECK(without_json(metadata).encode(kText, bare) ==
          load_tokenizer(metadata).encode(kText, bare));
  }
}

TEST_CASE("what GGUF has no name for is in tokenizer.json alone") {
  const Metadata deepseek = StyledDirectory("deepseek").metadata();
  CHECK(deepseek.require<std::string>("tokenizer.ggml.model") == "gpt2");
  CHECK(!deepseek.contains("tokenizer.ggml.pre"));
  for (const char* style : {"clip", "word-level", "roberta"}) {
    CAPTURE(style);
    const StyledDirectory directory(style);
    const Metadata metadata = directory.metadata();
    CHECK(!metadata.contains("tokenizer.ggml.model"));
    CHECK(load_tokenizer(metadata).size() == 1200);
  }
}

TEST_CASE("a tokenizer.json of old, whose model has no type") {
  const StyledDirectory directory("gpt-2");
  directory.edit_json("tokenizer.json", [](Json& t) { t["model"].erase("type"); });
  CHECK(directory.metadata().require<std::string>("tokenizer.ggml.pre") == "gpt-2");
}

TEST_CASE("words that are cut once more than GGUF's names say") {
  const StyledDirectory directory("gpt-2");
  directory.edit_json("tokenizer.json", [](Json& t) {
    const Json words = t["pre_tokenizer"];
    const Json digits = {{"type", "Digits"}, {"individual_digits", true}};
    const Json punctuation = {{"type", "Punctuation"}};
    t["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {digits, punctuation, words}}};
  });
  CHECK(!directory.metadata().contains("tokenizer.ggml.pre"));
}

TEST_CASE("special tokens are those that the directory's other files name") {
  const StyledDirectory directory("llama-2");
  write_text(directory / "tokenizer_config.json",
             R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null})");
  const TokenizerSpec spec = read_tokenizer_spec(directory.metadata());
  CHECK(spec.bos == 1);
  CHECK(spec.eos == 2);
  CHECK(spec.unk == 0);
  CHECK(!spec.pad);
  CHECK(spec.add_bos == true);
  CHECK(spec.add_eos == false);
  CHECK(spec.types[0] == TokenType::unknown);
  CHECK(spec.types[1] == TokenType::control);
  CHECK(spec.types[3] == TokenType::byte);
  CHECK(spec.types[1199] == TokenType::unused);
}

TEST_CASE("what overrides BERT's normalizer is written into tokenizer.json") {
  const ModelDirectory model;
  model.edit_json("tokenizer_config.json", [](Json& c) { c["do_lower_case"] = false; });
  Metadata metadata;
  set_tokenizer(Source::open(model.path()), metadata);
  const Json json = Json::parse(metadata.require<std::string>("tokenizer.huggingface.json"));
  CHECK(json["normalizer"]["lowercase"] == false);
  CHECK(json["normalizer"]["strip_accents"] == false);
}

TEST_CASE("a component that Heed does not have is refused by name") {
  const StyledDirectory directory("gpt-2");
  directory.edit_json("tokenizer.json", [](Json& t) { t["pre_tokenizer"]["type"] = "Magic"; });
  CHECK_THROWS_WITH_AS(directory.metadata(),
                       ((directory / "tokenizer.json").string() +
                        ".pre_tokenizer: the type 'Magic' is not something that Heed does")
                           .c_str(),
                       Error);
}

TEST_CASE("a sentencepiece model instead of tokenizer.json") {
  const ModelDirectory model("tiny-llama");
  model.remove("tokenizer.json");
  CHECK_THROWS_WITH_AS(Source::open(model.path()), doctest::Contains("or tokenizer.model"), Error);
  const auto golden = ModelDirectory::golden("tiny-marian") / "source.spm";
  std::filesystem::copy_file(golden, model / "tokenizer.model");
  model.edit_json("config.json", [](Json& config) { config["vocab_size"] = 300; });
  write_text(model / "tokenizer_config.json",
             R"({"add_bos_token": false, "add_eos_token": true,
                 "added_tokens_decoder": {"299": {"content": "<new>", "special": true}}})");
  Metadata metadata;
  set_tokenizer(Source::open(model.path()), metadata);
  const TokenizerSpec spec = read_tokenizer_spec(metadata);
  CHECK(spec.tokens.size() == 300);
  CHECK(spec.tokens[299] == "<new>");
  CHECK(spec.tokens[298] == "[PAD298]");
  CHECK(spec.types[299] == TokenType::control);
  CHECK(spec.types[298] == TokenType::unused);
  const TextTokenizer tokenizer = load_tokenizer(metadata);
  const std::vector<Token> tokens = tokenizer.encode("a man, a plan");
  CHECK(tokens.back() == tokenizer.eos());
  CHECK(tokenizer.decode(tokens) == "a man, a plan");
  write_text(model / "tokenizer.model", "no model");
  CHECK_THROWS_WITH_AS(set_tokenizer(Source::open(model.path()), metadata),
                       doctest::Contains("expected the bytes of a sentencepiece model"), Error);
}

TEST_CASE("the chat template, wherever it is kept") {
  const ModelDirectory model;
  const auto find = [&](std::string_view key) {
    Metadata metadata;
    set_chat_template(Source::open(model.path()), metadata);
    return metadata.get_or<std::string>(key, "none");
  };
  CHECK(find("tokenizer.chat_template") == "none");
  model.edit_json("tokenizer_config.json", [](Json& c) { c["chat_template"] = "plain"; });
  CHECK(find("tokenizer.chat_template") == "plain");
  model.edit_json("tokenizer_config.json", [](Json& c) {
    c["chat_template"] = Json::parse(
        R"([{"name": "default", "template": "first"}, {"name": "rag", "template": "R"}])");
  });
  CHECK(find("tokenizer.chat_template") == "first");
  CHECK(find("tokenizer.chat_template.rag") == "R");
  write_text(model / "chat_template.json", R"({"chat_template": "json"})");
  CHECK(find("tokenizer.chat_template") == "json");
  write_text(model / "chat_template.jinja", "jinja");
  CHECK(find("tokenizer.chat_template") == "jinja");
  write_text(model / "chat_template.jinja", "\xFF");
  CHECK_THROWS_AS(find(""), Error);
}

}  // namespace heed
