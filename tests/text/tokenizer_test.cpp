// What all tokenizers share: special tokens, streaming, ranges, refusals.
#include "engine/text/tokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "engine/core/error.h"
#include "tests/text/golden_vocabulary.h"
#include "tests/text/refusal.h"

namespace heed {
namespace {

TEST_CASE("special tokens in a text are tokens, or text if so wished") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  const Token start = *tokenizer.find("<|im_start|>");
  const Token extra = *tokenizer.find("<extra>");
  const std::vector<Token> hi = tokenizer.encode("hi");
  std::vector<Token> expected = {start};
  expected.insert(expected.end(), hi.begin(), hi.end());
  expected.push_back(extra);
  CHECK(tokenizer.encode("<|im_start|>hi<extra>") == expected);

  const auto plain = tokenizer.encode("<|im_start|>hi<extra>", {.parse_special = false});
  CHECK(std::ranges::find(plain, start) == plain.end());
  CHECK(plain.back() == extra);  // user-defined tokens are text that is always one token
  CHECK(tokenizer.decode(plain) == "<|im_start|>hi<extra>");
  CHECK(tokenizer.decode(tokenizer.encode("<|im_start|>hi<extra>")) == "hi<extra>");
}

TEST_CASE("generation ends with the file's own tokens and those of known names") {
  TokenizerSpec spec = golden::read_vocabulary("gpt-2");
  spec.eos = 100;
  spec.eot = 101;
  spec.eom = 102;
  const TextTokenizer tokenizer(spec);
  for (const Token token :
       {100, 101, 102, *tokenizer.find("<|im_end|>"), *tokenizer.find("<|endoftext|>")}) {
    CHECK(tokenizer.is_end_of_generation(token));
  }
  CHECK(!tokenizer.is_end_of_generation(103));
  CHECK(!tokenizer.is_end_of_generation(*tokenizer.find("<|im_start|>")));
  CHECK(tokenizer.is_special(*tokenizer.find("<|im_end|>")));
  CHECK(!tokenizer.is_special(*tokenizer.find("<extra>")));
  CHECK(tokenizer.eos() == 100);
  CHECK(!tokenizer.bos());
}

TEST_CASE("a beginning and an end are added as the file says") {
  TokenizerSpec spec = golden::read_vocabulary("gpt-2");
  spec.bos = 0;
  spec.eos = 2;
  const size_t plain = TextTokenizer(spec).encode("hi").size();
  spec.add_bos = spec.add_eos = true;
  const TextTokenizer tokenizer(spec);
  const Encoding encoding = tokenizer.encode_with_ranges("hi");
  CHECK(encoding.tokens.size() == plain + 2);
  CHECK(encoding.tokens.front() == 0);
  CHECK(encoding.tokens.back() == 2);
  CHECK(encoding.ranges.front() == ByteRange{0, 0});
  CHECK(encoding.ranges.back() == ByteRange{0, 0});
  CHECK(tokenizer.encode("hi", {.add_special = false}).size() == plain);
  spec.pre = "llama-bpe";  // begins texts unless the file says otherwise
  spec.add_bos.reset();
  spec.add_eos.reset();
  CHECK(TextTokenizer(spec).encode("hi").front() == 0);
}

TEST_CASE("streamed text never splits a character") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  const std::vector<Token> tokens = tokenizer.encode("𓀀!", {.add_special = false});
  REQUIRE(tokens.size() == 5);  // the vocabulary has the character's bytes only
  StreamDecoder stream(tokenizer);
  CHECK(stream.push(tokens[0]).empty());
  CHECK(stream.push(tokens[1]).empty());
  CHECK(stream.push(tokens[2]).empty());
  CHECK(stream.push(tokens[3]) == "𓀀");
  CHECK(stream.push(tokens[4]) == "!");
  CHECK(stream.finish().empty());

  CHECK(stream.push(tokens[0]).empty());  // cut short by another character, and by the end
  CHECK(stream.push(tokens[4]) == "\uFFFD!");
  CHECK(stream.push(tokens[0]).empty());
  CHECK(stream.finish() == "\uFFFD");
  CHECK(stream.finish().empty());
}

TEST_CASE("ranges are those of the text as it was given") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  const std::string text = "a\xFF<extra>\xE2\x82";
  const Encoding encoding = tokenizer.encode_with_ranges(text);
  const size_t n = encoding.tokens.size();
  CHECK(encoding.ranges.front() == ByteRange{0, 1});
  for (size_t i = 1; i < n; ++i) {
    const ByteRange expected = tokenizer.piece(encoding.tokens[i]) == "<extra>" ? ByteRange{2, 9}
                               : encoding.ranges[i].begin < 2                   ? ByteRange{1, 2}
                                                                                : ByteRange{9, 11};
    CHECK(encoding.ranges[i] == expected);
  }
  CHECK(encoding.ranges.back() == ByteRange{9, 11});
}

TEST_CASE("tokens outside of the vocabulary are errors") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  const Token size = static_cast<Token>(tokenizer.size());
  for (const Token token : {-1, size, INT32_MAX, INT32_MIN}) {
    CHECK_THROWS_AS(tokenizer.decode(std::vector{token}), Error);
    CHECK_THROWS_AS(tokenizer.piece(token), Error);
    CHECK_THROWS_AS(tokenizer.type(token), Error);
    CHECK_THROWS_AS(tokenizer.is_special(token), Error);
    CHECK(!tokenizer.is_end_of_generation(token));
  }
  CHECK_THROWS_WITH_AS(tokenizer.decode(std::vector{size}),
                       "token 1003 is outside the vocabulary of 1003", Error);
}

TEST_CASE("a text that is too long is refused before it is read") {
  const TextTokenizer tokenizer(golden::read_vocabulary("gpt-2"));
  const std::string text((size_t{1} << 28) + 1, 'a');
  CHECK_THROWS_WITH_AS(tokenizer.encode(text),
                       "text of 268435457 bytes is longer than the limit of 268435456", Error);
}

TEST_CASE("a contradictory description is refused") {
  const TokenizerSpec good = golden::read_vocabulary("gpt-2");
  TokenizerSpec spec = good;
  spec.model = "rwkv";
  CHECK(refusal(spec) ==
        "tokenizer.ggml.model 'rwkv' is not known; known are: gpt2, llama, t5, bert, marian");
  CHECK(refusal({.model = "gpt2"}) == "tokenizer: expected 1 to 2147483647 tokens, found 0");
  spec = good;
  spec.types.pop_back();
  CHECK(refusal(spec) == "tokenizer: expected types for 1003 tokens, found 1002");
  spec = good;
  spec.scores = {1, 2};
  CHECK(refusal(spec) == "tokenizer: expected scores for 1003 tokens, found 2");
  for (const Token token : {-1, 1003}) {
    spec = good;
    spec.pad = token;
    CHECK(refusal(spec) == "tokenizer.ggml.padding_token_id is " + std::to_string(token) +
                               ", but there are 1003 tokens");
  }
}

TEST_CASE("several threads may use one tokenizer") {
  const auto lines = golden::read_lines("lines.txt");
  for (const char* kind : {"llama-bpe", "uncased", "sentencepiece-bpe", "sentencepiece-unigram"}) {
    const TextTokenizer tokenizer(golden::read_vocabulary(kind));
    std::vector<std::vector<Token>> found[2];
    const auto encode_all = [&](size_t t) {
      for (size_t i = 0; i < 200; ++i) found[t].push_back(tokenizer.encode(lines[i]));
    };
    std::jthread other(encode_all, 0);
    encode_all(1);
    other.join();
    CHECK(found[0] == found[1]);
  }
}

}  // namespace
}  // namespace heed
