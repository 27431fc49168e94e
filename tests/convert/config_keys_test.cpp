#include "engine/convert/config_keys.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/api/library.h"
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
                "model_type \"gpt5\" is not one that Heed converts; known are: bert, gpt2, llama, "
                "marian, qwen2, TransformerSpec");
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

TEST_CASE("a key under the name that older and newer checkpoints have it, or made of another") {
  const auto keys_of = [](const std::string& name, const std::function<void(Json&)>& edit) {
    const ModelDirectory model(name);
    model.edit_json("config.json", edit);
    const JsonFile config = JsonFile::read(model / "config.json");
    Metadata metadata;
    set_config_keys(find_recipe(config), config, metadata);
    return metadata;
  };
  Metadata keys = keys_of("tiny-llama", [](Json& c) {
    for (const char* key : {"rope_parameters", "num_key_value_heads", "head_dim"}) c.erase(key);
    c["rope_theta"] = 5e5;
    c["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  });
  CHECK(keys.require<float>("llama.rope.freq_base") == 5e5f);
  CHECK(keys.require<std::string>("llama.rope.scaling.type") == "linear");
  CHECK(keys.require<float>("llama.rope.scaling.factor") == 4);
  CHECK(keys.require<uint32_t>("llama.attention.head_count_kv") == 4);
  CHECK_FALSE(keys.contains("llama.attention.key_length"));
  keys = keys_of("tiny-qwen2", [](Json&) {});
  CHECK(keys.require<float>("qwen2.rope.freq_base") == 1e6f);
  CHECK(keys.require<std::string>("qwen2.rope.scaling.type") == "none");
  CHECK(keys.require<uint32_t>("qwen2.attention.head_count_kv") == 2);
  keys = keys_of("tiny-gpt2", [](Json&) {});
  CHECK(keys.require<uint32_t>("gpt2.feed_forward_length") == 192);
  keys = keys_of("tiny-gpt2", [](Json& c) { c["n_inner"] = 100; });
  CHECK(keys.require<uint32_t>("gpt2.feed_forward_length") == 100);
}

TEST_CASE("positions that are scaled in a way Heed does not know are refused") {
  const ModelDirectory model("tiny-llama");
  model.edit_json("config.json", [](Json& c) { c["rope_parameters"]["rope_type"] = "yarn"; });
  const std::string sentence = (model / "config.json").string() +
                               ": 'rope_parameters.rope_type' is \"yarn\", and "
                               "Heed's llama has default, linear, llama3 only";
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}), sentence.c_str(), Error);
}

TEST_CASE("numbers, words and roots of a translation model") {
  const ModelDirectory model("tiny-marian");
  const auto keys = [&] {
    const JsonFile config = JsonFile::read(model / "config.json");
    Metadata metadata;
    set_config_keys(find_recipe(config), config, metadata);
    return metadata;
  };
  model.edit_json("config.json", [](Json& c) {
    c["decoder_layers"] = 3;
    c["decoder_ffn_dim"] = 96;
    c["decoder_attention_heads"] = 8;
  });
  Metadata metadata = keys();
  for (const auto& [key, expected] :
       std::map<std::string, uint32_t>{{"marian.block_count", 2},
                                       {"marian.decoder_block_count", 3},
                                       {"marian.embedding_length", 32},
                                       {"marian.context_length", 64},
                                       {"marian.vocab_size", 113},
                                       {"marian.attention.head_count", 4},
                                       {"marian.decoder.attention.head_count", 8},
                                       {"marian.feed_forward_length", 64},
                                       {"marian.decoder.feed_forward_length", 96}}) {
    CHECK(metadata.require<uint32_t>(key) == expected);
  }
  CHECK(metadata.require<std::string>("marian.activation") == "silu");
  CHECK(metadata.require<float>("marian.attention.layer_norm_epsilon") == 1e-5f);
  CHECK(metadata.require<float>("marian.embedding_scale") == std::sqrt(32.0f));
  model.edit_json("config.json", [](Json& c) { c["scale_embedding"] = false; });
  CHECK(keys().require<float>("marian.embedding_scale") == 1);
  model.edit_json("config.json", [](Json& c) {
    c.erase("scale_embedding");
    c.erase("activation_function");
  });
  CHECK(keys().require<float>("marian.embedding_scale") == 1);
  CHECK(keys().require<std::string>("marian.activation") == "gelu");
  model.edit_json("config.json", [](Json& c) { c["activation_function"] = "relu"; });
  CHECK(keys().require<std::string>("marian.activation") == "relu");
}

TEST_CASE("translation models that the graph does not compute") {
  const ModelDirectory model("tiny-marian");
  model.edit_json("config.json", [](Json& c) {
    c["activation_function"] = "gelu_new";
    c["share_encoder_decoder_embeddings"] = false;
    c["normalize_before"] = true;
    c["normalize_embedding"] = true;
    c["add_final_layer_norm"] = true;
    c["static_position_embeddings"] = false;
  });
  const std::string sentence =
      (model / "config.json").string() +
      ": 'activation_function' is \"gelu_new\", and Heed's marian has swish, silu, relu, gelu "
      "only; "
      "'share_encoder_decoder_embeddings' is false, and Heed's marian has true only; "
      "'static_position_embeddings' is false, and Heed's marian has true only; 'normalize_before' "
      "is true, and Heed's marian has false only; 'normalize_embedding' is true, and Heed's marian "
      "has false only; 'add_final_layer_norm' is true, and Heed's marian has false only";
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}), sentence.c_str(), Error);
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
