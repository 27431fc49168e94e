// Two sentencepiece models over one vocabulary against transformers' MarianTokenizer: a tiny pair
// (tests/models/goldens/make_tiny_marian.py) and, where it is, a real one.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"
#include "tests/support/paths.h"
#include "tests/text/golden_vocabulary.h"
#include "tests/text/refusal.h"

namespace heed {
namespace {

TokenizerSpec read_pair(const std::filesystem::path& directory) {
  TokenizerSpec spec{.model = "marian",
                     .source_model = read_file(directory / "source.spm"),
                     .target_model = read_file(directory / "target.spm")};
  const auto vocabulary = nlohmann::json::parse(read_file(directory / "vocab.json"));
  spec.tokens.resize(vocabulary.size());
  spec.types.resize(vocabulary.size(), TokenType::normal);
  for (const auto& [piece, id] : vocabulary.items()) {
    spec.tokens[id] = piece;
    if (piece == "</s>" || piece == "<pad>") spec.types[id] = TokenType::control;
    if (piece == "<unk>") spec.types[id] = TokenType::unknown;
  }
  return spec;
}

TokenizerSpec tiny_pair() {
  return read_pair(test_dir() / "convert/goldens/tiny-marian");
}

nlohmann::json pair_goldens() {
  return nlohmann::json::parse(read_file(test_dir() / "models/goldens/tiny-marian.json"));
}

}  // namespace

TEST_CASE("ids of both sides are transformers', on odd lines too") {
  const TextTokenizer tokenizer(tiny_pair());
  const auto goldens = pair_goldens();
  for (const auto& line : goldens["encode"]) {
    const std::string text = line[0];
    CAPTURE(text);
    CHECK(tokenizer.encode(text) == line[1].get<std::vector<Token>>());
    CHECK(tokenizer.encode_target(text) == line[2].get<std::vector<Token>>());
    const Encoding encoding = tokenizer.encode_with_ranges(text);
    CHECK(encoding.tokens == tokenizer.encode(text));
    for (const ByteRange range : encoding.ranges) {
      CHECK((range.begin <= range.end && range.end <= text.size()));
    }
  }
  for (const auto& pair : goldens["cases"]) {
    CHECK(tokenizer.encode(pair["source"].get<std::string>()) ==
          pair["ids"].get<std::vector<Token>>());
    CHECK(tokenizer.encode_target(pair["target"].get<std::string>()) ==
          pair["labels"].get<std::vector<Token>>());
  }
}

TEST_CASE("decoded text is transformers', also when streamed") {
  const TextTokenizer tokenizer(tiny_pair());
  const auto goldens = pair_goldens();
  for (const auto& texts : goldens["decode"]) {
    const auto ids = texts[0].get<std::vector<Token>>();
    for (const bool skip_special : {true, false}) {
      CHECK(tokenizer.decode(ids, skip_special) == texts[skip_special ? 1 : 2].get<std::string>());
      StreamDecoder stream(tokenizer, skip_special);
      std::string streamed;
      for (const Token id : ids) streamed += stream.push(id);
      streamed += stream.finish();
      CHECK(streamed == tokenizer.decode(ids, skip_special));
    }
  }
}

TEST_CASE("what a language code and special tokens stand for") {
  const TextTokenizer tokenizer(tiny_pair());
  const Encoding encoding = tokenizer.encode_with_ranges(">>de<<a</s>");
  REQUIRE(encoding.tokens.size() == 4);
  CHECK(encoding.tokens[0] == tokenizer.find(">>de<<"));
  CHECK(encoding.ranges[0] == ByteRange{0, 6});
  CHECK(encoding.ranges[1] == ByteRange{6, 7});
  CHECK(encoding.ranges[2] == ByteRange{7, 11});
  CHECK(tokenizer.encode("a", {.add_special = false}).size() == 1);
  CHECK(tokenizer.encode("</s>", {.parse_special = false}).size() > 2);
  CHECK(tokenizer.eos() == 0);
  CHECK(tokenizer.unk() == 1);
  CHECK(tokenizer.is_end_of_generation(0));
}

TEST_CASE("models that are none, or harmful, are refused by name") {
  CHECK(refusal(tiny_pair()) == "accepted");
  TokenizerSpec spec = tiny_pair();
  spec.source_model.clear();
  CHECK(refusal(spec) == "tokenizer.heed.source_model is missing");
  const std::string not_one = ": expected the bytes of a sentencepiece model, found others";
  for (const std::string& bytes :
       {std::string("no model"), std::string(100, '\xFF'), tiny_pair().target_model.substr(1),
        tiny_pair().target_model.substr(0, 1000), std::string("\x0A\x7F", 2)}) {
    spec = tiny_pair();
    spec.target_model = bytes;
    CHECK(refusal(spec) == "tokenizer.heed.target_model" + not_one);
  }
  spec = tiny_pair();
  spec.target_model += std::string("\x2A\x04\x12\x02xy", 6);  // field 5: rules for decoded text
  CHECK(refusal(spec) ==
        "tokenizer.heed.target_model: its rules for decoded text (denormalizer) are not something "
        "that Heed does");
  spec = tiny_pair();
  spec.target_model += std::string("\x1A\x04\x12\x02xy", 6);  // field 3: rules for texts
  CHECK(refusal(spec).starts_with("tokenizer.heed.target_model: expected a table and its"));
  spec = tiny_pair();
  spec.source_model += std::string("\x0A\x05\x0A\x03q\0q", 7);  // field 1: a piece
  CHECK(refusal(spec).starts_with(
      "tokenizer.heed.source_model: expected pieces in UTF-8 without NUL, found another at "));
  spec = tiny_pair();
  spec.source_model += std::string("\x0A\x08\x0A\x01q\x15\0\0\xC0\x7F", 10);
  CHECK(refusal(spec).ends_with(" is not finite"));
  spec = tiny_pair();
  spec.source_model += std::string("\x0A\x02\x0A\0", 4);  // a piece without text
  CHECK(refusal(spec).starts_with("tokenizer.heed.source_model: sentencepiece: "));
}

TEST_CASE("a vocabulary needs the unknown and the last token") {
  TokenizerSpec spec = tiny_pair();
  spec.tokens[0] = "<end>";
  CHECK(refusal(spec) ==
        "tokenizer: expected an unknown token (<unk>) and one that ends a text (</s>), found no "
        "</s>");
  spec.tokens[1] = "<none>";
  CHECK(refusal(spec).ends_with("found neither"));
}

TEST_CASE("ids of real captions are transformers'") {
  const auto directory = test_dir() / "../../shared/models/marian-multi30k-en-de";
  const auto english = shared_data("multi30k-test2016.en");
  const auto german = shared_data("multi30k-test2016.de");
  if (!std::filesystem::exists(directory) || !english || !german) {
    MESSAGE("skipped: no ../shared/models/marian-multi30k-en-de");
    return;
  }
  const TextTokenizer tokenizer(read_pair(directory));
  const auto goldens = pair_goldens();
  const auto hash = [&](const std::filesystem::path& file, auto encode) {
    golden::Hash ids;
    const auto add = [&](const std::string& line) {
      for (const Token token : encode(line)) ids.add(static_cast<uint64_t>(token));
    };
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) add(line);
    for (const auto& line : goldens["encode"]) add(line[0]);
    return ids.value();
  };
  const auto expected = [&](int side) {
    return std::stoull(goldens["captions"][side].get<std::string>(), nullptr, 16);
  };
  CHECK(hash(*english, [&](const auto& line) { return tokenizer.encode(line); }) == expected(0));
  CHECK(hash(*german, [&](const auto& line) { return tokenizer.encode_target(line); }) ==
        expected(1));
}

}  // namespace heed
