#include "engine/convert/modules.h"

#include <doctest/doctest.h>

#include "tests/convert/model_directory.h"

namespace heed {
namespace {

void set_mode(const ModelDirectory& model, const Json& config) {
  write_text(model / "1_Pooling/config.json", config.dump());
}

}  // namespace

TEST_CASE("the pooling is what the model's own files say") {
  const ModelDirectory model;
  CHECK(pooling_type(model.path()) == 1);
  set_mode(model, {{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}});
  CHECK(pooling_type(model.path()) == 2);
  set_mode(model, {{"pooling_mode_lasttoken", true}, {"include_prompt", true}});
  CHECK(pooling_type(model.path()) == 3);
  set_mode(model, {{"embedding_dimension", 32}, {"pooling_mode", "mean"}});
  CHECK(pooling_type(model.path()) == 1);
  model.remove("modules.json");
  CHECK(pooling_type(model.path()) == std::nullopt);
}

TEST_CASE("poolings that GGUF has no number for are named") {
  const ModelDirectory model;
  const std::string file = (model / "1_Pooling/config.json").string();
  const std::string expected =
      file + ": expected one pooling mode of mean, cls and lasttoken, found ";
  set_mode(model, {{"pooling_mode_max_tokens", true}});
  CHECK_THROWS_WITH_AS(pooling_type(model.path()), (expected + "pooling_mode_max_tokens").c_str(),
                       Error);
  set_mode(model, {{"pooling_mode_mean_tokens", true}, {"pooling_mode_cls_token", true}});
  CHECK_THROWS_WITH_AS(pooling_type(model.path()),
                       (expected + "pooling_mode_cls_token, pooling_mode_mean_tokens").c_str(),
                       Error);
  set_mode(model, {{"pooling_mode_mean_tokens", false}});
  CHECK_THROWS_WITH_AS(pooling_type(model.path()), (expected + "none").c_str(), Error);
}

TEST_CASE("modules that would be lost are named") {
  const ModelDirectory model;
  model.edit_json("modules.json", [](Json& modules) {
    modules.push_back({{"path", "3_Dense"}, {"type", "sentence_transformers.models.Dense"}});
  });
  CHECK_THROWS_WITH_AS(pooling_type(model.path()), doctest::Contains("module \"Dense\" is not one"),
                       Error);
  write_text(model / "modules.json", "{}");
  CHECK_THROWS_WITH_AS(pooling_type(model.path()), doctest::Contains("expected an array"), Error);
}

}  // namespace heed
