// WordPiece against Hugging Face `tokenizers`, with and without lower-casing.
#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "tests/text/golden_tokenizer.h"

namespace heed {
namespace {

TEST_CASE("ids and offsets are the reference's") {
  for (const char* kind : {"uncased", "cased"}) golden::check_encode(kind);
}

TEST_CASE("decoded text is the reference's, also when streamed") {
  for (const char* kind : {"uncased", "cased"}) golden::check_decode(kind);
}

TokenizerSpec word_vocabulary() {
  TokenizerSpec spec{.model = "bert"};
  spec.tokens = {"[PAD]", "[UNK]",   "[CLS]", "[SEP]", "▁i", "▁istanbul",
                 "̇",      "stanbul", "▁caf",  "e",     "▁天"};
  spec.types.assign(spec.tokens.size(), TokenType::normal);
  std::fill_n(spec.types.begin(), 4, TokenType::control);
  return spec;
}

TEST_CASE("special tokens are found by their names and put around a text") {
  const TextTokenizer tokenizer(word_vocabulary());
  CHECK(tokenizer.encode("Café") == std::vector<Token>{2, 8, 9, 3});
  CHECK(tokenizer.encode("Café", {.add_special = false}) == std::vector<Token>{8, 9});
  CHECK(tokenizer.encode("") == std::vector<Token>{2, 3});
  CHECK(tokenizer.encode("[CLS]", {.add_special = false}) == std::vector<Token>{2});
  CHECK(tokenizer.encode("[CLS]", {.add_special = false, .parse_special = false}) ==
        std::vector<Token>{1, 1, 1});
  CHECK(tokenizer.unk() == 1);
  CHECK(tokenizer.piece(8) == "caf");
  CHECK(tokenizer.piece(9) == "##e");
}

TEST_CASE("lower case and accents are the file's choice") {
  TokenizerSpec spec = word_vocabulary();
  CHECK(TextTokenizer(spec).encode("İstanbul", {.add_special = false}) == std::vector<Token>{5});
  spec.strip_accents = false;  // then the dot of İ is a character of its own
  CHECK(TextTokenizer(spec).encode("İstanbul", {.add_special = false}) ==
        std::vector<Token>{4, 6, 7});
  spec.lowercase = false;
  CHECK(TextTokenizer(spec).encode("Istanbul", {.add_special = false}) == std::vector<Token>{1});
}

TEST_CASE("ranges are those of the text as it was given") {
  const TextTokenizer tokenizer(word_vocabulary());
  const Encoding encoding = tokenizer.encode_with_ranges("  CAFÉ\xFF天", {.add_special = false});
  CHECK(encoding.tokens == std::vector<Token>{8, 9, 10});
  CHECK(encoding.ranges == std::vector<ByteRange>{{2, 5}, {5, 7}, {8, 11}});
}

TEST_CASE("words of more than 100 characters are unknown") {
  TokenizerSpec spec = word_vocabulary();
  spec.tokens[4] = "▁e";
  const TextTokenizer tokenizer(spec);
  CHECK(tokenizer.encode(std::string(100, 'e'), {.add_special = false}).size() == 100);
  CHECK(tokenizer.encode(std::string(101, 'e'), {.add_special = false}) == std::vector<Token>{1});
}

TEST_CASE("there must be an unknown token") {
  TokenizerSpec spec = word_vocabulary();
  spec.tokens[1] = "[unknown]";
  CHECK_THROWS_AS(TextTokenizer{spec}, Error);
}

}  // namespace
}  // namespace heed
