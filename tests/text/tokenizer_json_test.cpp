// Tokenizers that a tokenizer.json describes, against Hugging Face `tokenizers`
// (goldens/make_tokenizer_json.py).
#include "engine/text/tokenizer_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"
#include "tests/support/paths.h"
#include "tests/text/golden_vocabulary.h"
#include "tests/text/refusal.h"

namespace heed {
namespace {

using Json = nlohmann::json;

std::string json_text(const std::string& style) {
  return read_file(golden::path("json/" + style + ".json"));
}

TextTokenizer tokenizer_of(std::string text) {
  return TextTokenizer(TokenizerSpec{.huggingface_json = std::move(text)});
}

uint32_t hash_of(const std::vector<Token>& tokens) {
  golden::Hash hash;
  for (const Token token : tokens) hash.add(static_cast<uint64_t>(token));
  return static_cast<uint32_t>(hash.value());
}

uint32_t hash_of(std::initializer_list<std::string> texts) {
  golden::Hash hash;
  for (const std::string& text : texts) {
    for (const char byte : text) hash.add(static_cast<uint8_t>(byte));
    hash.add(0xFF);
  }
  return static_cast<uint32_t>(hash.value());
}

std::string streamed(const TextTokenizer& tokenizer, const std::vector<Token>& tokens) {
  StreamDecoder stream(tokenizer);
  std::string text;
  for (const Token token : tokens) text += stream.push(token);
  text += stream.finish();
  return text;
}

void check_style(const std::string& style) {
  CAPTURE(style);
  const TextTokenizer tokenizer = tokenizer_of(json_text(style));
  const auto lines = golden::read_lines("lines.txt");
  const auto goldens = golden::read_lines("json/" + style + ".txt");
  REQUIRE(lines.size() == 2000);
  REQUIRE(goldens.size() == lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    const std::string text = golden::unescape(lines[i]);
    const Encoding encoding = tokenizer.encode_with_ranges(text);
    CHECK(hash_of(encoding.tokens) == std::stoul(goldens[i].substr(0, 8), nullptr, 16));
    CHECK(tokenizer.encode(text) == encoding.tokens);
    for (const auto [begin, end] : encoding.ranges) CHECK((begin <= end && end <= text.size()));
    const std::string decoded = tokenizer.decode(encoding.tokens);
    CHECK(hash_of({decoded, tokenizer.decode(encoding.tokens, false)}) ==
          std::stoul(goldens[i].substr(9), nullptr, 16));
    CHECK(streamed(tokenizer, encoding.tokens) == decoded);
  }
}

const Json& components() {
  static const Json json = Json::parse(read_file(golden::path("json/components.json")));
  return json;
}

}  // namespace

TEST_CASE("byte-level BPE: ids and text are the reference's") {
  for (const char* style :
       {"gpt-2", "roberta", "llama-3", "qwen-2", "o200k", "deepseek", "falcon"}) {
    check_style(style);
  }
}

TEST_CASE("BPE with characters, suffixes, prefixes or bytes as the last resort") {
  for (const char* style : {"llama-2", "mistral", "clip", "prefixed"}) check_style(style);
}

TEST_CASE("WordPiece, whole words, Unigram") {
  for (const char* style : {"bert", "bert-cased", "word-level", "t5", "xlm-r"}) check_style(style);
}

TEST_CASE("each normalizer by itself") {
  for (const Json& entry : components()["normalizers"]) {
    CAPTURE(entry[0].dump());
    const auto steps = read_normalizer(JsonNode(entry[0], "normalizer"));
    for (size_t i = 0; i < components()["texts"].size(); ++i) {
      const auto text = components()["texts"][i].get<std::string>();
      EditChain chain(text);
      for (const auto& step : steps) chain.add(normalizers::apply(step, chain.text()));
      CHECK(chain.text() == entry[1][i].get<std::string>());
    }
  }
}

TEST_CASE("each pre-tokenizer by itself") {
  for (const Json& entry : components()["pre_tokenizers"]) {
    CAPTURE(entry[0].dump());
    const auto steps = read_pre_tokenizer(JsonNode(entry[0], "pre_tokenizer"));
    for (size_t i = 0; i < components()["texts"].size(); ++i) {
      const auto text = components()["texts"][i].get<std::string>();
      CAPTURE(text);
      WordList words(text, true, {});
      for (const auto& step : steps) pre_tokenizers::apply(step, words);
      std::vector<std::string> found;
      for (const ByteRange word : words.words()) found.emplace_back(words.text(word));
      CHECK(found == entry[1][i].get<std::vector<std::string>>());
    }
  }
}

TEST_CASE("each decoder by itself") {
  for (const Json& entry : components()["decoders"]) {
    const PieceDecoder decoder = read_decoder(JsonNode(entry[0], "decoder"));
    for (size_t i = 0; i < components()["pieces"].size(); ++i) {
      const auto pieces = components()["pieces"][i].get<std::vector<std::string>>();
      CAPTURE(entry[0].dump());
      CAPTURE(components()["pieces"][i].dump());
      Json json = Json::parse(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}})");
      json["decoder"] = entry[0];
      std::vector<Token> ids;
      for (const std::string& piece : pieces) {
        Json& vocabulary = json["model"]["vocab"];
        if (!vocabulary.contains(piece)) vocabulary[piece] = vocabulary.size();
        ids.push_back(vocabulary[piece].get<Token>());
      }
      CHECK(tokenizer_of(json.dump()).decode(ids) == entry[1][i].get<std::string>());
    }
  }
}

}  // namespace heed
