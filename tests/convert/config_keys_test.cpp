#include "engine/convert/config_keys.h"

#include <doctest/doctest.h>

#include "heed.hpp"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

void check_refused(const std::function<void(Json&)>& edit, Error::Code code,
                   const std::string& sentence) {
  const ModelDirectory model;
  model.edit_json("config.json", edit);
  CAPTURE(sentence);
  try {
    convert(model.path(), model.out(), {});
    FAIL_CHECK("converted");
  } catch (const Error& error) {
    CHECK(error.what() == (model / "config.json").string() + ": " + sentence);
    CHECK((error.code() == code));
  }
}

}  // namespace

TEST_CASE("an unknown model is named, with those that are known") {
  check_refused([](Json& c) { c["model_type"] = "gpt5"; }, Error::Code::unsupported,
                "model_type \"gpt5\" is not one that Heed converts; known are: bert, marian");
}

TEST_CASE("all keys that are missing or senseless are named at once") {
  check_refused(
      [](Json& c) {
        c.erase("hidden_size");
        c["num_hidden_layers"] = nullptr;
        c["num_attention_heads"] = "two";
        c["intermediate_size"] = 64.5;
        c["max_position_embeddings"] = -1;
        c["layer_norm_eps"] = {1, 2};
      },
      Error::Code::format,
      "'num_hidden_layers' is missing; 'max_position_embeddings': expected a whole number from 1 "
      "to "
      "2147483647, found -1; 'hidden_size' is missing; 'intermediate_size': expected a whole "
      "number "
      "from 1 to 2147483647, found 64.5; 'num_attention_heads': expected a number, found \"two\"; "
      "'layer_norm_eps': expected a number, found an array");
}

TEST_CASE("a model that the graph does not compute is refused") {
  check_refused(
      [](Json& c) {
        c["hidden_act"] = "gelu_new";
        c["position_embedding_type"] = "relative_key";
        c["is_decoder"] = true;
      },
      Error::Code::unsupported,
      "'hidden_act' is \"gelu_new\", and Heed's bert has gelu only; 'position_embedding_type' is "
      "\"relative_key\", and Heed's bert has absolute only; 'is_decoder' is true, and Heed's bert "
      "has false only");
}

TEST_CASE("what transformers takes for granted need not be said") {
  const ModelDirectory model;
  model.edit_json("config.json", [](Json& c) {
    for (const char* key : {"layer_norm_eps", "type_vocab_size", "hidden_act"}) c.erase(key);
  });
  const JsonFile config = JsonFile::read(model / "config.json");
  Metadata metadata;
  set_config_keys(find_recipe(config), config, metadata);
  CHECK(metadata.require<float>("bert.attention.layer_norm_epsilon") == 1e-12f);
  CHECK(metadata.require<uint32_t>("tokenizer.ggml.token_type_count") == 2);
  CHECK(metadata.require<bool>("bert.attention.causal") == false);
}

}  // namespace heed
