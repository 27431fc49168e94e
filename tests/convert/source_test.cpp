// Directories that lack something, and files in them that are not what they should be.
#include "engine/convert/source.h"

#include <doctest/doctest.h>

#include "engine/api/library.h"
#include "tests/convert/model_directory.h"

namespace heed {

TEST_CASE("a directory that lacks files is refused with all of them") {
  const ModelDirectory model;
  const std::string incomplete =
      "'" + model.path().string() + "' is not a complete model directory: it lacks ";
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt",
                           "1_Pooling/config.json"}) {
    model.remove(file);
  }
  const std::string all =
      incomplete +
      "config.json, model.safetensors or pytorch_model.bin (or the .index.json "
      "of either and its shards), tokenizer.json (or vocab.txt), 1_Pooling/config.json";
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}), all.c_str(), Error);
  write_text(
      model / "model.safetensors.index.json",
      R"({"weight_map": {"a": "b.safetensors", "c": "d.safetensors", "e": "b.safetensors"}})");
  CHECK_THROWS_WITH_AS(Source::open(model.path()),
                       doctest::Contains("config.json, b.safetensors, d.safetensors, tokenizer"),
                       Error);
}

TEST_CASE("what a translation model's directory lacks") {
  const ModelDirectory model("tiny-marian");
  const std::string incomplete =
      "'" + model.path().string() + "' is not a complete model directory: it lacks ";
  const auto check_lacks = [&](const std::string& files) {
    CHECK_THROWS_WITH_AS(Source::open(model.path()), (incomplete + files).c_str(), Error);
  };
  model.remove("vocab.json");
  check_lacks("vocab.json");
  model.remove("source.spm");
  check_lacks("source.spm, vocab.json");
  model.remove("config.json");
  model.remove("model.safetensors");
  check_lacks(
      "config.json, model.safetensors or pytorch_model.bin (or the .index.json of either and its "
      "shards), source.spm, vocab.json");
}

TEST_CASE("only a directory is a source") {
  const ModelDirectory model;
  CHECK_THROWS_WITH_AS(Source::open(model / "none"), doctest::Contains("no such directory"), Error);
  CHECK_THROWS_WITH_AS(Source::open(model / "vocab.txt"),
                       doctest::Contains("expected a Hugging Face directory"), Error);
}

TEST_CASE("the directory's own name, however it is reached") {
  const ModelDirectory model;
  CHECK(Source::open(model.path()).name() == "tiny-bert");
  CHECK(Source::open(model.path() / "").name() == "tiny-bert");
  CHECK(Source::open(model / "1_Pooling/..").name() == "tiny-bert");
}

TEST_CASE("JSON files say what is wrong with them") {
  const ModelDirectory model;
  const std::string path = (model / "config.json").string();
  write_text(model / "config.json", "{\"model_type\": \"bert\",}");
  CHECK_THROWS_WITH_AS(Source::open(model.path()), (path + ": not valid JSON near byte 23").c_str(),
                       Error);
  write_text(model / "config.json", "{\"model_type\": 1e999}");
  CHECK_THROWS_WITH_AS(Source::open(model.path()), (path + ": not valid JSON").c_str(), Error);
  write_text(model / "config.json", "\x80");
  CHECK_THROWS_AS(Source::open(model.path()), Error);
  write_text(model / "config.json", "[1]");
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                       (path + ": 'model_type' is missing").c_str(), Error);
  write_text(model / "config.json", "{\"model_type\": 7}");
  CHECK_THROWS_WITH_AS(convert(model.path(), model.out(), {}),
                       (path + ": 'model_type': expected a string, found 7").c_str(), Error);
}

}  // namespace heed
