// Models whose metadata lies: each lie ends in one clear sentence before any work.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/api/library.h"
#include "tests/support/forgery.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

void check_says(const std::string& model, std::string_view key, const Metadata::Value& value,
                const std::string& expected) {
  CAPTURE(key);
  const std::string said = Forgery(model, key, value).error();
  CAPTURE(said);
  CHECK(said.find(expected) != std::string::npos);
}

}  // namespace

TEST_CASE("an architecture Heed does not know is named with those it knows") {
  check_says("tiny-llama", "general.architecture", std::string("mamba"),
             "architecture 'mamba' is not known; known are: bert, gpt2, llama, marian, qwen2");
}

TEST_CASE("numbers out of range are named with their bounds") {
  const auto zero = uint32_t{0};
  check_says("tiny-llama", "llama.block_count", zero, "llama.block_count");
  check_says("tiny-llama", "llama.block_count", uint32_t{100000}, "expected 1 to 1024");
  check_says("tiny-llama", "llama.embedding_length", zero, "expected 1 to 2147483647, found 0");
  check_says("tiny-llama", "llama.attention.head_count", int32_t{-4}, "found -4");
  check_says("tiny-llama", "llama.attention.head_count_kv", uint32_t{3}, "3 does not divide 4");
  check_says("tiny-llama", "llama.attention.head_count", std::string("four"),
             "llama.attention.head_count");
  check_says("tiny-bert", "bert.pooling_type", uint32_t{9}, "found 9");
  check_says("tiny-bert", "bert.attention.head_count", uint32_t{5}, "5 does not divide 32");
}

TEST_CASE("numbers that contradict the tensors are named with both shapes") {
  check_says("tiny-llama", "llama.feed_forward_length", uint32_t{97},
             "tensor 'blk.0.ffn_up.weight' has shape [96, 64], expected [97, 64]");
  check_says("tiny-llama", "llama.block_count", uint32_t{3}, "is missing");
  check_says("tiny-llama", "llama.attention.key_length", uint32_t{0x7fffffff}, "has shape");
  check_says("tiny-bert", "bert.context_length", uint32_t{0x7fffffff}, "position_embd.weight");
  check_says("tiny-bert", "tokenizer.ggml.token_type_count", uint32_t{77}, "token_types.weight");
}

TEST_CASE("layers that no kernel could run are refused") {
  check_says("tiny-llama", "llama.rope.dimension_count", uint32_t{15},
             "layer 'blk.0.attn': rotary positions of 15 dimensions: expected an even number");
  check_says("tiny-llama", "llama.rope.dimension_count", uint32_t{400}, "400 dimensions");
  check_says("tiny-llama", "llama.rope.freq_base", 0.0f, "base 0");
  check_says("tiny-llama", "llama.rope.freq_base", std::nanf(""), "base nan");
  check_says("tiny-llama", "llama.rope.freq_base", HUGE_VALF, "base inf");
  check_says("tiny-llama", "llama.attention.key_length", uint32_t{1 << 20},
             "heads of 1048576 dimensions: expected an even number up to 8192");
  check_says("tiny-llama", "llama.attention.layer_norm_rms_epsilon", std::nanf(""), "epsilon nan");
  check_says("tiny-llama", "llama.rope.scaling.type", std::string("yarn"), "found yarn");
}

TEST_CASE("a context beyond the model's is refused with both numbers") {
  const Model model = Model::load((test_dir() / "models/goldens/tiny-llama.gguf").string());
  CHECK_THROWS_WITH_AS(Session(model, {.context = 1 << 20}),
                       "context of 1048576 tokens: the model was made for 128", Error);
}

TEST_CASE("a context that memory does not hold is an error that names the cache") {
  const Forgery forgery("tiny-llama", "llama.context_length", uint32_t{0x7fffffff});
  const Model model = Model::load(forgery.path());
  CHECK(Session(model).context() == 4096);
  const std::string expected = "no memory for the key/value cache of ";
  try {
    Session(model, {.context = 0x7fffffff});
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with(expected));
  }
}

TEST_CASE("what is no model is refused by name") {
  const TemporaryDirectory directory;
  const std::string text = (directory / "notes.gguf").string();
  write_text(text, "Dear diary,\n");
  CHECK_THROWS_AS(Model::load(text), Error);
  CHECK_THROWS_AS(Model::load((directory / "absent.gguf").string()), Error);
  CHECK_THROWS_AS(Model::load(directory.path().string()), Error);
}

}  // namespace heed
