// Reading a tokenizer's description from metadata.
#include "engine/text/tokenizer_spec.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "engine/format/metadata.h"
#include "engine/text/tokenizer.h"

namespace heed {
namespace {

Metadata small_metadata() {
  Metadata metadata("model.gguf");
  metadata.set("tokenizer.ggml.model", std::string("llama"));
  metadata.set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "a", "b"});
  return metadata;
}

TEST_CASE("every key is read, of whatever type of number") {
  Metadata metadata = small_metadata();
  metadata.set("tokenizer.ggml.pre", std::string("smollm"));
  metadata.set("tokenizer.ggml.token_type", std::vector<int32_t>{2, 1, 6});
  metadata.set("tokenizer.ggml.scores", std::vector<float>{0, -1, -2});
  metadata.set("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  metadata.set("tokenizer.ggml.bos_token_id", uint32_t{1});
  metadata.set("tokenizer.ggml.eos_token_id", int32_t{2});
  metadata.set("tokenizer.ggml.eot_token_id", uint64_t{2});
  metadata.set("tokenizer.ggml.seperator_token_id", uint32_t{0});
  metadata.set("tokenizer.ggml.padding_token_id", int32_t{-1});
  metadata.set("tokenizer.ggml.mask_token_id", uint32_t{0xFFFFFFFF});
  metadata.set("tokenizer.ggml.add_bos_token", true);
  metadata.set("tokenizer.ggml.add_space_prefix", false);
  metadata.set("tokenizer.ggml.normalizer.lowercase", false);
  metadata.set("tokenizer.ggml.precompiled_charsmap", std::vector<uint8_t>{1, 255});
  TokenizerSpec spec = read_tokenizer_spec(metadata);
  CHECK(spec.model == "llama");
  CHECK(spec.pre == "smollm");
  CHECK(spec.tokens == std::vector<std::string>{"<unk>", "a", "b"});
  CHECK(spec.types == std::vector{TokenType::unknown, TokenType::normal, TokenType::byte});
  CHECK(spec.scores == std::vector<float>{0, -1, -2});
  CHECK(spec.merges == std::vector<std::string>{"a b"});
  CHECK(spec.bos == 1);
  CHECK(spec.eos == 2);
  CHECK(spec.eot == 2);
  CHECK(spec.sep == 0);
  CHECK(!spec.pad);
  CHECK(!spec.mask);
  CHECK(!spec.eom);
  CHECK(spec.add_bos == true);
  CHECK(!spec.add_eos);
  CHECK(spec.add_space_prefix == false);
  CHECK(spec.lowercase == false);
  CHECK(!spec.strip_accents);
  CHECK(spec.precompiled_charsmap == "\x01\xFF");
  metadata.set("tokenizer.ggml.precompiled_charsmap", std::vector<int8_t>{1, -1});
  CHECK(read_tokenizer_spec(metadata).precompiled_charsmap == "\x01\xFF");
}

TEST_CASE("what is missing or of a wrong type is named") {
  CHECK_THROWS_AS(read_tokenizer_spec(Metadata("model.gguf")), Error);
  Metadata metadata = small_metadata();
  CHECK(read_tokenizer_spec(metadata).types.empty());
  metadata.set("tokenizer.ggml.token_type", std::vector<int32_t>{1, 7, 1});
  CHECK_THROWS_WITH_AS(read_tokenizer_spec(metadata),
                       "model.gguf: tokenizer.ggml.token_type: expected types 0 to 6, found 7",
                       Error);
  metadata = small_metadata();
  metadata.set("tokenizer.ggml.eos_token_id", int64_t{1} << 40);
  CHECK_THROWS_AS(read_tokenizer_spec(metadata), Error);
  metadata = small_metadata();
  metadata.set("tokenizer.ggml.eos_token_id", std::string("2"));
  CHECK_THROWS_AS(read_tokenizer_spec(metadata), Error);
}

TEST_CASE("a tokenizer is made of a file's metadata, and its errors name the file") {
  Metadata metadata = small_metadata();
  metadata.set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "▁a", "b"});
  metadata.set("tokenizer.ggml.scores", std::vector<float>{0, -1, -2});
  CHECK(load_tokenizer(metadata).encode("ab") == std::vector<Token>{1, 2});
  metadata.set("tokenizer.ggml.eos_token_id", uint32_t{3});
  CHECK_THROWS_WITH_AS(load_tokenizer(metadata),
                       "model.gguf: tokenizer.ggml.eos_token_id is 3, but there are 3 tokens",
                       Error);
}

}  // namespace
}  // namespace heed
