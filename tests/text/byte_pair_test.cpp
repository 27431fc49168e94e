// Byte-level BPE against Hugging Face `tokenizers`, with each pre-tokenizer.
#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "tests/text/golden_tokenizer.h"

namespace heed {
namespace {

TEST_CASE("ids and offsets are the reference's") {
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "qwen2"}) golden::check_encode(pre);
}

TEST_CASE("decoded text is the reference's, also when streamed") {
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "qwen2"}) golden::check_decode(pre);
}

TEST_CASE("an unknown pre-tokenizer is named, and the known ones listed") {
  TokenizerSpec spec = golden::read_vocabulary("gpt-2");
  spec.pre = "nonesuch";
  try {
    TextTokenizer tokenizer(spec);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == Error::Code::unsupported);
    CHECK(std::string(error.what()) ==
          "pre-tokenizer 'nonesuch' is not known; known are: default, gpt-2, smollm, llama-bpe, "
          "qwen2");
  }
  spec.pre.clear();
  CHECK_NOTHROW(TextTokenizer{spec});
}

TEST_CASE("a merge must join two tokens into a third") {
  for (const char* merge : {"a zzzz", "zzzz a", "q Ġthe", "a", "a ", " ", ""}) {
    TokenizerSpec spec = golden::read_vocabulary("gpt-2");
    spec.merges.push_back(merge);
    CAPTURE(merge);
    CHECK_THROWS_AS(TextTokenizer{spec}, Error);
  }
}

TEST_CASE("a word of a million letters takes no time to speak of") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  for (const char* unit : {"a", "ab", "the", " ", "\n", "é", "\xF0\x9F\x98\x80", "\xFF"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const std::vector<Token> tokens = tokenizer.encode(text);
    CHECK(tokenizer.decode(tokens) == repair_utf8(text).text());
  }
}

}  // namespace
}  // namespace heed
