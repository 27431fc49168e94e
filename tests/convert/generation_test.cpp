#include "engine/convert/generation.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/convert/tokenizer.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

Metadata generation_of(const ModelDirectory& model) {
  const Source source = Source::open(model.path());
  Metadata metadata("model");
  set_tokenizer(source, metadata);
  set_generation_keys(source, "marian", metadata);
  return metadata;
}

void check_generation_refused(const std::function<void(Json&)>& edit, Error::Code code,
                              const std::string& sentence) {
  const ModelDirectory model("tiny-marian");
  model.edit_json("generation_config.json", edit);
  CAPTURE(sentence);
  try {
    generation_of(model);
    FAIL_CHECK("accepted");
  } catch (const Error& error) {
    CHECK(error.what() == (model / "generation_config.json").string() + ": " + sentence);
    CHECK((error.code() == code));
  }
}

}  // namespace

TEST_CASE("what generation_config.json says, and nothing else") {
  const ModelDirectory model("tiny-marian");
  Metadata metadata = generation_of(model);
  CHECK(metadata.require<uint32_t>("marian.decoder_start_token_id") == 112);
  CHECK(metadata.require<uint32_t>("generation.num_beams") == 4);
  CHECK(metadata.require<uint32_t>("generation.max_length") == 28);
  CHECK(metadata.require<uint32_t>("generation.forced_eos_token_id") == 0);
  CHECK(metadata.require<std::vector<int32_t>>("generation.forbidden_tokens") ==
        std::vector<int32_t>{112});
  const auto about_generation = [](const Metadata::Entry& entry) {
    return entry.key.starts_with("generation.");
  };
  CHECK(std::ranges::count_if(metadata.entries(), about_generation) == 4);
  model.edit_json("generation_config.json", [](Json& g) {
    g["min_length"] = 0;
    g["length_penalty"] = 2;
    g["no_repeat_ngram_size"] = 3;
    g["early_stopping"] = true;
    g["renormalize_logits"] = true;
    g["forced_bos_token_id"] = {7};
    g["eos_token_id"] = {0};
    g["decoder_start_token_id"] = 5;
    g["bad_words_ids"] = {{112}, {4}};
    g["do_sample"] = false;
    g["num_beam_groups"] = 1;
    g["repetition_penalty"] = 1.0;
    g["suppress_tokens"] = Json::array();
    g["max_new_tokens"] = nullptr;
  });
  metadata = generation_of(model);
  CHECK(metadata.require<uint32_t>("marian.decoder_start_token_id") == 5);
  CHECK(metadata.require<uint32_t>("generation.min_length") == 0);
  CHECK(metadata.require<float>("generation.length_penalty") == 2);
  CHECK(metadata.require<uint32_t>("generation.no_repeat_ngram_size") == 3);
  CHECK(metadata.require<bool>("generation.early_stopping"));
  CHECK(metadata.require<bool>("generation.renormalize_logits"));
  CHECK(metadata.require<uint32_t>("generation.forced_bos_token_id") == 7);
  CHECK(metadata.require<std::vector<int32_t>>("generation.forbidden_tokens") ==
        std::vector<int32_t>{112, 4});
  model.edit_json("generation_config.json", [](Json& g) { g["early_stopping"] = "never"; });
  CHECK(generation_of(model).require<std::string>("generation.early_stopping") == "never");
}

TEST_CASE("older directories have it in config.json") {
  const ModelDirectory model("tiny-marian");
  model.remove("generation_config.json");
  model.edit_json("config.json", [](Json& c) {
    c["num_beams"] = 6;
    c["bad_words_ids"] = {{112}};
    c["decoder_start_token_id"] = 112;
  });
  const Metadata metadata = generation_of(model);
  CHECK(metadata.require<uint32_t>("generation.num_beams") == 6);
  CHECK(metadata.require<uint32_t>("marian.decoder_start_token_id") == 112);
  CHECK(!metadata.contains("generation.max_length"));
  model.edit_json("config.json", [](Json& c) { c.erase("decoder_start_token_id"); });
  CHECK_THROWS_WITH_AS(generation_of(model),
                       doctest::Contains("config.json: 'decoder_start_token_id' is missing"),
                       Error);
}

TEST_CASE("senseless values are listed") {
  check_generation_refused(
      [](Json& g) {
        g["num_beams"] = 0;
        g["max_length"] = "long";
        g["min_length"] = -1;
        g["length_penalty"] = true;
        g["renormalize_logits"] = 1;
        g["forced_eos_token_id"] = 113;
        g["early_stopping"] = "always";
        g["bad_words_ids"] = {{113}, 4};
      },
      Error::Code::format,
      "'num_beams': expected a whole number from 1 on, found 0; 'max_length': expected a whole "
      "number from 1 on, found \"long\"; 'min_length': expected a whole number from 0 on, found "
      "-1; "
      "'length_penalty': expected a number, found true; 'renormalize_logits': expected true or "
      "false, found 1; 'forced_eos_token_id': expected one token from 0 to 112, found 113; "
      "'early_stopping': expected true, false or \"never\", found \"always\"; 'bad_words_ids': "
      "expected one token from 0 to 112, found 113");
}

TEST_CASE("what the search does not know is listed") {
  check_generation_refused(
      [](Json& g) {
        g["bad_words_ids"] = {{112}, {3, 4}};
        g["do_sample"] = true;
        g["repetition_penalty"] = 1.2;
        g["suppress_tokens"] = {3};
        g["max_new_tokens"] = 20;
        g["eos_token_id"] = 2;
      },
      Error::Code::unsupported,
      "Heed's search does not know this: 'bad_words_ids' has a word of 2 tokens: [3,4]; "
      "'do_sample' is true; 'repetition_penalty' is 1.2; 'max_new_tokens' is 20; "
      "'suppress_tokens' is an array; 'eos_token_id' is 2, and the tokenizer ends a text with 0");
}

}  // namespace heed
