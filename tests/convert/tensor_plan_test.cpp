#include "engine/convert/tensor_plan.h"

#include <doctest/doctest.h>

#include "engine/api/library.h"
#include "engine/convert/config_keys.h"
#include "engine/convert/tokenizer.h"
#include "models/registry.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

void check_refused(const std::function<void(RawTensors&)>& edit, Error::Code code,
                   const std::string& sentence) {
  const ModelDirectory model;
  model.edit_weights(edit);
  CAPTURE(sentence);
  try {
    convert(model.path(), model.out(), {});
    FAIL_CHECK("converted");
  } catch (const Error& error) {
    CHECK(error.what() == model.path().string() + ": " + sentence);
    CHECK((error.code() == code));
  }
}

}  // namespace

TEST_CASE("a recipe and its graph speak of the same tensors") {
  const Source source = Source::open(ModelDirectory::golden());
  const Recipe& recipe = find_recipe(source.config());
  Metadata metadata;
  metadata.set("general.architecture", std::string(recipe.architecture));
  set_config_keys(recipe, source.config(), metadata);
  set_tokenizer(source, metadata);
  const auto plan = plan_tensors(recipe, metadata, source.weights());
  CHECK(plan.size() == 5 + 2 * 16);
}

TEST_CASE("all tensors that are missing or of another shape are listed") {
  check_refused(
      [](RawTensors& t) {
        t.erase("encoder.layer.1.output.dense.weight");
        t.erase("encoder.layer.0.attention.self.key.bias");
        t["embeddings.LayerNorm.bias"].shape = {4, 8};
      },
      Error::Code::format,
      "tensor 'embeddings.LayerNorm.bias' has shape [4, 8], expected [32]; tensor "
      "'encoder.layer.0.attention.self.key.bias' [32] is missing; tensor "
      "'encoder.layer.1.output.dense.weight' [32, 64] is missing");
}

TEST_CASE("a vector may be a matrix of one row") {
  const ModelDirectory model;
  model.edit_weights([](RawTensors& t) { t["embeddings.LayerNorm.bias"].shape = {1, 32}; });
  convert(model.path(), model.out(), {});
  CHECK(GgufFile::open(model.out()).require("token_embd_norm.bias").shape == Shape{32});
}

TEST_CASE("tensors that would be lost are listed") {
  check_refused(
      [](RawTensors& t) {
        t["classifier.weight"] = t["pooler.dense.weight"];
        t["encoder.layer.2.output.dense.bias"] = t["pooler.dense.bias"];
      },
      Error::Code::unsupported,
      "Heed's bert has no use for these tensors: 'classifier.weight', "
      "'encoder.layer.2.output.dense.bias'");
  check_refused(
      [](RawTensors& t) {
        auto tensor = t.extract("encoder.layer.0.output.dense.bias");
        tensor.key() = "encoder.layer.x.output.dense.bias";
        t.insert(std::move(tensor));
      },
      Error::Code::format,
      "tensor 'encoder.layer.0.output.dense.bias' [32] is missing; Heed's bert has no use for "
      "these "
      "tensors: 'encoder.layer.x.output.dense.bias'");
}

TEST_CASE("one tensor under two names") {
  check_refused(
      [](RawTensors& t) {
        t["bert.embeddings.LayerNorm.gamma"] = t["embeddings.LayerNorm.weight"];
      },
      Error::Code::format,
      "tensor 'embeddings.LayerNorm.weight' is the same as 'bert.embeddings.LayerNorm.gamma'");
}

TEST_CASE("types that hold no weights") {
  check_refused([](RawTensors& t) { t["embeddings.LayerNorm.bias"].dtype = "I32"; },
                Error::Code::format,
                "tensor 'embeddings.LayerNorm.bias' has type i32, expected f64, f32, f16 or bf16");
  check_refused(
      [](RawTensors& t) {
        t["embeddings.LayerNorm.bias"] = {"F8_E4M3", {32}, std::string(32, '\0')};
      },
      Error::Code::format,
      "tensor 'embeddings.LayerNorm.bias' [32] has dtype F8_E4M3, which Heed does not hold");
}

}  // namespace heed
