// heed verify, as a user would type it.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kGoldens = HEED_TEST_DIR "/convert/goldens/";

}  // namespace

TEST_CASE("verify: a converted file, round after round") {
  const TemporaryDirectory directory;
  const std::string file = directory / "model.gguf", small = directory / "small.gguf";
  REQUIRE(run_heed({"convert", kGoldens + "tiny-llama", "-o", file}).exit_code == 0);
  const CommandResult text = run_heed({"verify", file});
  CHECK(text.exit_code == 0);
  CHECK(text.err == "");
  CHECK(text.out.find("same top 1 ") == 0);
  CHECK(text.out.find("\nKL mean ") != text.out.npos);
  CHECK(text.out.find("\nlayers        none of 6 drifts; largest error 0.") != text.out.npos);

  REQUIRE(run_heed({"convert", file, "-o", small, "--type", "q8_0"}).exit_code == 0);
  const CommandResult json = run_heed({"verify", small, "--json"});
  REQUIRE(json.exit_code == 0);
  const auto report = nlohmann::json::parse(json.out);
  CHECK(report["ok"] == true);
  CHECK(report["drifting"].is_null());
  CHECK(report["top1_agreement"].get<double>() > 0.5);
  CHECK(report["layers"].size() == 6);
  CHECK(report["layers"][0]["name"] == "token_embd");

  REQUIRE(run_heed({"convert", file, "-o", small, "--set", "llama.rope.freq_base=3"}).exit_code ==
          0);
  const CommandResult drifts = run_heed({"verify", small, "--layers", "--exact"});
  CHECK(drifts.exit_code == 1);
  CHECK(is_one_error_line(drifts.err));
  CHECK(drifts.err == "heed: " + small +
                          " is not what it was made of: layer 'blk.0.attn_output' drifts from the "
                          "record\n");
  CHECK(drifts.out.find("  drifts\n") != drifts.out.npos);
}

TEST_CASE("verify: an encoder's embeddings, and a file that says nothing") {
  const TemporaryDirectory directory;
  const std::string file = directory / "model.gguf";
  REQUIRE(run_heed({"convert", kGoldens + "tiny-bert", "-o", file, "--type", "f32"}).exit_code ==
          0);
  CHECK(run_heed({"verify", file}).out.find("least cosine  1.000000 of 6 embeddings\n") == 0);
  REQUIRE(run_heed({"convert", kGoldens + "tiny-bert", "-o", file, "--no-record"}).exit_code == 0);
  const CommandResult none = run_heed({"verify", file});
  CHECK(none.exit_code == 1);
  CHECK(is_one_error_line(none.err));
  CHECK(none.err.find("has no record") != none.err.npos);
}

}  // namespace heed
