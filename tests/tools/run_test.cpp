// heed run, on a tiny model always and on SmolLM2 where the model store has it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kRunModel = tiny_model_path("llama");

CommandResult run_raw(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"run", kRunModel, "--raw", "-p", "the red hen"});
  return run_heed(arguments);
}

TEST_CASE("run writes the new text alone; rates go to stderr") {
  const CommandResult result = run_raw({"-n", "12", "--temp", "0", "--ignore-eos"});
  CHECK(result.exit_code == 0);
  CHECK_FALSE(result.out.empty());
  CHECK(result.out.find("red hen") == result.out.npos);
  CHECK(result.err.find("loaded in ") == 0);
  CHECK(result.err.find("answer 12 tokens") != result.err.npos);
}

TEST_CASE("run: the prompt comes from words, a flag, a file or stdin") {
  const TemporaryDirectory directory;
  const std::string file = directory / "prompt.txt";
  write_text(file, "the red hen\n");
  const std::vector<std::string> rest = {"--raw", "-n", "6", "--temp", "0"};
  const auto run_with = [&](std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"run", kRunModel});
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return run_heed(arguments, {.input = input}).out;
  };
  const std::string expected = run_with({"-p", "the red hen"});
  CHECK(expected != "");
  CHECK(run_with({"the", "red", "hen"}) == expected);
  CHECK(run_with({"-f", file}) == expected);
  CHECK(run_with({"-f", "-"}, "the red hen") == expected);
  CHECK(run_with({}, "the red hen\n") == expected);
}

TEST_CASE("run: the same seed gives the same text, on any number of threads") {
  const std::vector<std::string> hot = {"-n", "40", "--temp", "2", "--ignore-eos", "-s"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), hot.begin(), hot.end());
    return run_raw(more).out;
  };
  CHECK(with({"1"}) == with({"1"}));
  CHECK(with({"1", "-t", "1"}) == with({"1", "-t", "2"}));
  CHECK(with({"1"}) != with({"2"}));
}

TEST_CASE("run stops before a stop text") {
  const std::string whole = run_raw({"-n", "30", "--temp", "0", "--ignore-eos"}).out;
  REQUIRE(whole.size() > 8);
  const std::string stop = whole.substr(5, 3);
  const std::string cut = whole.substr(0, whole.find(stop));
  CHECK(run_raw({"-n", "30", "--temp", "0", "--ignore-eos", "-r", stop}).out == cut);
}

TEST_CASE("run says when the context is full, and refuses a prompt that does not fit") {
  const CommandResult full = run_raw({"--temp", "0", "--ignore-eos", "-c", "32"});
  CHECK(full.exit_code == 0);
  CHECK(full.err.find("heed: the context of 32 tokens is full") == 0);
  const CommandResult refused = run_raw({"-c", "4"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.out == "");
  CHECK(is_one_error_line(refused.err));
  CHECK(refused.err.find(" 4") != refused.err.npos);
}

TEST_CASE("run: a system prompt needs a chat template, and so does a chat") {
  CHECK(run_heed({"run", kRunModel, "-sys", "Be brief.", "hi"}).exit_code == 2);
}

TEST_CASE("run -v describes the model") {
  const CommandResult result = run_raw({"-n", "1", "-v", "--exact"});
  CHECK(result.err.find("llama, 67.9 k parameters") != result.err.npos);
  CHECK(result.err.find(" exact, ") != result.err.npos);
}

TEST_CASE("SmolLM2 knows the capital of France") {
  if (!stored_model("smollm2.gguf")) return;
  const CommandResult raw = run_heed(
      {"run", "smollm2", "--raw", "-p", "The capital of France is", "-n", "8", "--temp", "0"});
  CHECK(raw.exit_code == 0);
  CHECK(raw.out.starts_with(" Paris."));
  const CommandResult chat = run_heed(
      {"run", "smollm2", "What is the capital of France?", "-n", "20", "--temp", "0", "--exact"});
  CHECK(chat.exit_code == 0);
  CHECK(chat.out == "The capital of France is Paris.\n");
}

}  // namespace
}  // namespace heed
