// SentencePiece vocabularies from GGUF's arrays against Hugging Face `tokenizers` and
// sentencepiece.
#include <doctest/doctest.h>

#include <limits>

#include "engine/core/error.h"
#include "tests/text/golden_tokenizer.h"
#include "tests/text/refusal.h"

namespace heed {
namespace {

TEST_CASE("ids and offsets are the reference's") {
  for (const char* kind : {"sentencepiece-bpe", "sentencepiece-unigram"})
    golden::check_encode(kind);
}

TEST_CASE("decoded text is the reference's, also when streamed") {
  for (const char* kind : {"sentencepiece-bpe", "sentencepiece-unigram"})
    golden::check_decode(kind);
}

TokenizerSpec small_vocabulary() {
  TokenizerSpec spec{.model = "llama"};
  spec.tokens = {"<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁a", "▁ab", "<x>"};
  spec.scores = {0, 0, 0, -9, -8, -7, -1, -2, -3, 0};
  spec.types.assign(spec.tokens.size(), TokenType::normal);
  spec.types[0] = TokenType::unknown;
  spec.types[1] = spec.types[2] = TokenType::control;
  spec.types[9] = TokenType::user_defined;
  return spec;
}

TEST_CASE("special tokens are found by their names and put around a text") {
  const TextTokenizer tokenizer(small_vocabulary());
  CHECK(tokenizer.encode("ab") == std::vector<Token>{1, 8});
  CHECK(tokenizer.encode("") == std::vector<Token>{1});
  CHECK(tokenizer.encode("ab<x>b</s>") == std::vector<Token>{1, 8, 9, 3, 5, 2});
  CHECK(tokenizer.encode("zz", {.add_special = false}) == std::vector<Token>{3, 0});
  CHECK(tokenizer.is_end_of_generation(2));
  CHECK(tokenizer.is_special(0));
}

TEST_CASE("blanks at the start come and go as the file says") {
  TokenizerSpec spec = small_vocabulary();
  spec.add_bos = false;
  spec.add_eos = true;
  CHECK(TextTokenizer(spec).encode(" a  b ") == std::vector<Token>{3, 7, 3, 3, 5, 3, 2});
  CHECK(TextTokenizer(spec).decode(std::vector<Token>{1, 7, 7}) == "a a");
  spec.add_space_prefix = false;
  CHECK(TextTokenizer(spec).encode("ab") == std::vector<Token>{6, 2});
  CHECK(TextTokenizer(spec).decode(std::vector<Token>{7, 7}) == " a a");
  spec.remove_extra_whitespaces = true;
  CHECK(TextTokenizer(spec).encode("  a   b ") == std::vector<Token>{4, 3, 5, 2});
}

TEST_CASE("bad bytes in decoded text are replaced one by one, good ones kept") {
  const TextTokenizer tokenizer(golden::read_vocabulary("sentencepiece-bpe"));
  const auto bytes = [&](std::initializer_list<int> values) {
    std::vector<Token> tokens;
    for (const int value : values)
      tokens.push_back(*tokenizer.find(std::string(1, static_cast<char>(value))));
    return tokenizer.decode(tokens);
  };
  CHECK(bytes({0xE2, 0x82, 0xAC}) == "€");
  CHECK(bytes({0xE2, 0x82}) == "\uFFFD\uFFFD");
  CHECK(bytes({'A', 0xE2, 0x82, 'B', 0xFF}) == "A\uFFFD\uFFFDB\uFFFD");
}

TEST_CASE("a contradictory vocabulary is refused") {
  CHECK(refusal(small_vocabulary()) == "accepted");
  TokenizerSpec spec = small_vocabulary();
  spec.tokens[0] = "<nothing>";
  CHECK(refusal(spec) == "tokenizer: expected an unknown token (<unk>), found none");
  spec = small_vocabulary();
  spec.scores.clear();
  CHECK(refusal(spec) == "tokenizer: expected scores, found none");
  spec = small_vocabulary();
  spec.scores[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK(refusal(spec) == "tokenizer: the score of token 4 'a' is not finite");
  for (const char* byte : {"<0x4>", "<0xGG>", "<0x0a>", "0x0A", "<0x0A> "}) {
    spec = small_vocabulary();
    spec.tokens[3] = byte;
    spec.types[3] = TokenType::byte;
    CHECK(refusal(spec) ==
          "tokenizer: expected a byte such as <0x0A>, found '" + std::string(byte) + "'");
  }
  spec = small_vocabulary();  // one byte token, not all 256
  spec.tokens[3] = "<0x0A>";
  spec.types[3] = TokenType::byte;
  CHECK(refusal(spec).starts_with("tokenizer: sentencepiece: "));
}

TEST_CASE("tokens that cannot be found in a text, and repeated ones, do no harm") {
  TokenizerSpec spec = small_vocabulary();
  for (const std::string& token : {std::string(), std::string("a\0b", 3), std::string("\xC3"),
                                   std::string("ab"), std::string("<unk>")}) {
    spec.tokens.push_back(token);
    spec.types.push_back(TokenType::normal);
    spec.scores.push_back(0);
  }
  for (const char* model : {"llama", "t5"}) {
    spec.model = model;
    const TextTokenizer tokenizer(spec);
    CHECK(tokenizer.encode("ab", {.add_special = false}) == std::vector<Token>{8});
    CHECK(tokenizer.decode(std::vector<Token>{13, 10, 12}) == "ab\uFFFD");
  }
}

}  // namespace
}  // namespace heed
