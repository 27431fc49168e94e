#include "engine/convert/sentence_piece_pair.h"

#include <doctest/doctest.h>

#include "engine/text/tokenizer.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

Metadata pair_of(const ModelDirectory& model) {
  Metadata metadata("model");
  set_sentence_piece_pair(Source::open(model.path()), metadata);
  return metadata;
}

void check_pair_refused(const std::string& file, const std::function<void(Json&)>& edit,
                        const std::string& sentence) {
  const ModelDirectory model("tiny-marian");
  model.edit_json(file, edit);
  CHECK_THROWS_WITH_AS(pair_of(model), ((model / file).string() + ": " + sentence).c_str(), Error);
}

}  // namespace

TEST_CASE("one model for both languages, in the directory or beside it as Argos has it") {
  const ModelDirectory model("tiny-argos-ct2"), marian("tiny-marian");
  const std::string piece_model = read_text(marian / "source.spm");
  CHECK_THROWS_AS(Source::open(model.path()), Error);
  const auto beside = model.path().parent_path() / "sentencepiece.model";
  write_text(beside, piece_model);
  CHECK(read_tokenizer_spec(pair_of(model)).source_model == piece_model);
  CHECK(read_tokenizer_spec(pair_of(model)).target_model == piece_model);
  std::filesystem::rename(beside, model / "sentencepiece.model");
  CHECK(read_tokenizer_spec(pair_of(model)).source_model == piece_model);
}

TEST_CASE("both models and the map of their pieces live in the file") {
  const ModelDirectory model("tiny-marian");
  const Metadata metadata = pair_of(model);
  CHECK(metadata.require<std::string>("tokenizer.ggml.model") == "marian");
  CHECK(metadata.require<uint32_t>("tokenizer.ggml.eos_token_id") == 0);
  CHECK(metadata.require<uint32_t>("tokenizer.ggml.unknown_token_id") == 1);
  CHECK(metadata.require<uint32_t>("tokenizer.ggml.padding_token_id") == 112);
  const TokenizerSpec spec = read_tokenizer_spec(metadata);
  CHECK(spec.source_model == read_text(model / "source.spm"));
  CHECK(spec.target_model == read_text(model / "target.spm"));
  REQUIRE(spec.tokens.size() == 113);
  CHECK(spec.tokens[2] == ">>de<<");
  CHECK(spec.types[0] == TokenType::control);
  CHECK(spec.types[1] == TokenType::unknown);
  CHECK(spec.types[2] == TokenType::normal);
  const Json golden = Json::parse(read_text(HEED_TEST_DIR "/models/goldens/tiny-marian.json"));
  const TextTokenizer tokenizer = load_tokenizer(metadata);
  for (const Json& pair : golden["cases"]) {
    CHECK(tokenizer.encode(pair["source"].get<std::string>()) ==
          pair["ids"].get<std::vector<Token>>());
    CHECK(tokenizer.encode_target(pair["target"].get<std::string>()) ==
          pair["labels"].get<std::vector<Token>>());
  }
}

TEST_CASE("special tokens by other names, and added ones") {
  const ModelDirectory model("tiny-marian");
  model.edit_json("vocab.json", [](Json& v) {
    v["<end>"] = v["</s>"];
    v.erase("</s>");
  });
  CHECK_THROWS_WITH_AS(pair_of(model), doctest::Contains("expected the special token \"</s>\""),
                       Error);
  model.edit_json("tokenizer_config.json", [](Json& c) {
    c["eos_token"] = "<end>";
    c["added_tokens_decoder"] = {{"0", {{"content", "<end>"}, {"special", true}}},
                                 {"3", {{"content", ">>fr<<"}, {"special", false}}}};
  });
  const TokenizerSpec spec = read_tokenizer_spec(pair_of(model));
  CHECK(spec.eos == 0);
  CHECK(spec.types[3] == TokenType::user_defined);
}

TEST_CASE("vocabularies that do not fit are refused with both numbers") {
  check_pair_refused(
      "vocab.json", [](Json& v) { v.erase("."); },
      "112 tokens, and the embedding has 113 rows (config.json's 'vocab_size')");
  check_pair_refused(
      "vocab.json", [](Json& v) { v["more"] = 113; },
      "114 tokens, and the embedding has 113 rows (config.json's 'vocab_size')");
  check_pair_refused(
      "vocab.json", [](Json& v) { v["."] = 113; },
      "token \".\" has the id 113, and config.json says 'vocab_size' is 113");
  check_pair_refused(
      "vocab.json", [](Json& v) { v["."] = 0; }, "tokens \".\" and \"</s>\" have the same id 0");
  check_pair_refused(
      "vocab.json", [](Json& v) { v = Json::array({1}); },
      "expected an object that maps tokens to ids");
  check_pair_refused(
      "tokenizer_config.json", [](Json& c) { c["separate_vocabs"] = true; },
      "'separate_vocabs' is true, and Heed has one vocabulary for both languages only");
  check_pair_refused(
      "tokenizer_config.json",
      [](Json& c) {
        c["added_tokens_decoder"] = {{"200", {{"content", "<new>"}}}};
      },
      "adds the token \"<new>\" with the id 200, which vocab.json does not have");
}

TEST_CASE("a damaged sentencepiece model is named") {
  const ModelDirectory model("tiny-marian");
  const std::string whole = read_text(model / "target.spm");
  write_text(model / "target.spm", whole.substr(0, 1000));
  const std::string path = (model / "target.spm").string();
  CHECK_THROWS_WITH_AS(
      pair_of(model),
      (path + ": expected the bytes of a sentencepiece model, found others").c_str(), Error);
  write_text(model / "target.spm", "");
  CHECK_THROWS_AS(pair_of(model), Error);
}

}  // namespace heed
