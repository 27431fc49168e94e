// heed score, perplexity and bench: numbers that programs read.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

using Json = nlohmann::json;

const std::string kScoreModel = tiny_model_path("llama");
const std::string kText = "the red hen ran to the other hens and the end of the garden";

Json score(const std::vector<std::string>& flags = {}) {
  std::vector<std::string> arguments = {"score", kScoreModel, "--json", "-p", kText};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return Json::parse(run_heed(arguments).out);
}

TEST_CASE("score: one natural-log probability a token, none for the first") {
  const Json result = score();
  CHECK(result["tokens"] ==
        Json::parse(run_heed({"tokenize", kScoreModel, "--json", kText}).out)["tokens"]);
  const Json& logprobs = result["logprobs"];
  REQUIRE(logprobs.size() == result["tokens"].size());
  CHECK(logprobs[0].is_null());
  for (size_t i = 1; i < logprobs.size(); ++i) CHECK(logprobs[i].get<double>() < 0);
  CHECK(score({"-t", "1"}) == score({"-t", "2"}));
}

TEST_CASE("score of nothing, and of one token") {
  CHECK(Json::parse(run_heed({"score", kScoreModel, "--json", "-p", ""}).out) ==
        Json::parse(R"({"tokens":[],"logprobs":[]})"));
  const CommandResult one = run_heed({"score", kScoreModel, "--json", "-p", "a"});
  CHECK(Json::parse(one.out)["logprobs"] == Json::parse("[null]"));
}

TEST_CASE("perplexity is what the scores say") {
  const TemporaryDirectory directory;
  const std::string file = directory / "text.txt";
  write_text(file, kText);
  const Json scores = score();
  double sum = 0;
  const double count = static_cast<double>(scores["tokens"].size()) - 1;
  for (const Json& logprob : scores["logprobs"])
    sum += logprob.is_null() ? 0 : logprob.get<double>();

  const CommandResult result =
      run_heed({"perplexity", kScoreModel, "-f", file, "-c", "128", "--json"});
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  CHECK(json["tokens"] == count);
  CHECK(json["perplexity"].get<double>() == doctest::Approx(std::exp(-sum / count)).epsilon(1e-6));
  CHECK(json["perplexity_low"] < json["perplexity"]);
  CHECK(json["perplexity"] < json["perplexity_high"]);

  // Windows of 8: the first token of each is given. -n cuts the text.
  const Json windows = Json::parse(
      run_heed({"perplexity", kScoreModel, "-f", file, "-c", "8", "-n", "20", "--json"}).out);
  CHECK(windows["tokens"] == 20 - 3);
}

TEST_CASE("perplexity: an encoder is refused by what it is") {
  const CommandResult result =
      run_heed({"perplexity", tiny_model_path("bert"), "-f", "-"}, {.input = "some words"});
  CHECK(result.exit_code == 1);
  CHECK(is_one_error_line(result.err));
  CHECK(result.err.starts_with("heed: perplexity needs a decoder: "));
  CHECK(result.err.ends_with(" is of architecture 'bert'\n"));
}

TEST_CASE("perplexity: a model agrees with itself") {
  const TemporaryDirectory directory;
  const std::string file = directory / "text.txt";
  write_text(file, kText);
  const Json json = Json::parse(run_heed({"perplexity", kScoreModel, "-f", file, "-c", "64",
                                          "--reference", kScoreModel, "--json"})
                                    .out);
  CHECK(json["kl_mean"].get<double>() == doctest::Approx(0));
  CHECK(json["kl_99"].get<double>() == doctest::Approx(0));
  CHECK(json["top1_agreement"] == 1.0);
  CHECK(json["reference_perplexity"].get<double>() ==
        doctest::Approx(json["perplexity"].get<double>()));
  const Json exact = Json::parse(
      run_heed({"perplexity", kScoreModel, "-f", file, "-c", "64", "--reference-exact", "--json"})
          .out);
  CHECK(exact["kl_mean"].get<double>() < 1e-3);
  CHECK(run_heed({"perplexity", kScoreModel, "-f", file, "--reference", tiny_model_path("bert")})
            .exit_code != 0);
}

TEST_CASE("bench names its tests as llama-bench does") {
  const CommandResult result = run_heed({"bench", kScoreModel, "-p", "16,8", "-n", "4", "-d",
                                         "0,32", "-r", "3", "-t", "1", "-o", "json"});
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  std::vector<std::string> names;
  for (const Json& test : json) {
    names.push_back(test["test"]);
    CHECK(test["unit"] == "t/s");
    CHECK(test["threads"] == 1);
    CHECK(test["repetitions"] == 3);
    for (const char* field : {"median", "mean", "load_seconds", "peak_memory_bytes"}) {
      CAPTURE(field);
      CHECK(test[field].get<double>() > 0);
    }
    CHECK(test["sd"].get<double>() >= 0);
  }
  CHECK(names == std::vector<std::string>{"pp16", "pp8", "tg4", "pp16@d32", "pp8@d32", "tg4@d32"});
  CHECK(run_heed({"bench", kScoreModel, "-p", "8", "-n", "0", "-r", "1"})
            .out.starts_with("| test |"));
  CHECK(run_heed({"bench", kScoreModel, "-p", "8", "-n", "0", "-r", "1", "-o", "csv"})
            .out.starts_with("test,median,mean,sd,unit,gb_per_s,gflops,share_of_limit\npp8,"));
}

TEST_CASE("bench of an encoder: sentences, tokens and the time of one") {
  const TemporaryDirectory directory;
  const std::string file = directory / "texts.txt";
  write_text(file, "the dog\na cat\na dog and a cat\n");
  const CommandResult result =
      run_heed({"bench", tiny_model_path("bert"), "--embed", file, "-r", "2", "-o", "json"});
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  REQUIRE(json.size() == 3);
  CHECK(json[0]["test"] == "embed3");
  CHECK(json[0]["unit"] == "sentences/s");
  CHECK(json[1]["unit"] == "t/s");
  CHECK(json[2]["test"] == "embed1");
  CHECK(json[2]["unit"] == "ms");
  CHECK(run_heed({"bench", tiny_model_path("bert"), "-r", "1", "-o", "csv"})
            .out.find("\nembed256,") != std::string::npos);
}

}  // namespace
}  // namespace heed
