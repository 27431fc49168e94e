// The command line as such: help, usage errors, exit codes, stdout that cannot be written.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::vector<std::string> kVerbs = {"run",      "embed",     "convert", "show",       "list",
                                         "tokenize", "template",  "score",   "perplexity", "bench",
                                         "doctor",   "translate", "imatrix"};

/// Whether a terminal of 80 x 24 shows all of it at once.
bool fits_a_screen(const std::string& text) {
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    if (line.size() > 80) return false;
  }
  return count < 24;  // the prompt needs a line too
}

TEST_CASE("help names every verb and fits a screen") {
  const CommandResult help = run_heed({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.err == "");
  CHECK(fits_a_screen(help.out));
  for (const std::string& verb : kVerbs) CHECK(help.out.find("\n  " + verb + " ") != help.out.npos);
  CHECK(run_heed({"help"}).out == help.out);
  CHECK(run_heed({"-h"}).out == help.out);
}

TEST_CASE("help of every verb fits a screen and shows an example of it") {
  for (const std::string& verb : kVerbs) {
    CAPTURE(verb);
    const CommandResult help = run_heed({verb, "--help"});
    CHECK(help.exit_code == 0);
    CHECK(help.err == "");
    CHECK(fits_a_screen(help.out));
    CHECK(help.out.starts_with("usage: heed " + verb));
    const size_t example = help.out.find("\nexample:\n");
    REQUIRE(example != help.out.npos);
    CHECK(help.out.find("heed " + verb, example) != help.out.npos);
    CHECK(run_heed({"help", verb}).out == help.out);
  }
}

TEST_CASE("other tools' names of commands") {
  CHECK(run_heed({"chat", "--help"}).out == run_heed({"run", "--help"}).out);
  CHECK(run_heed({"ls"}).out == run_heed({"list"}).out);
  CHECK(run_heed({"help", "ls"}).out == run_heed({"list", "--help"}).out);
  CHECK(run_heed({"version"}).out == run_heed({"--version"}).out);
}

TEST_CASE("--version") {
  const CommandResult result = run_heed({"--version"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.starts_with("heed 0."));
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
}

TEST_CASE("bad usage is one line that names the trouble, and exit code 2") {
  struct Case {
    std::vector<std::string> arguments;
    std::string expected;
  };
  const std::string model = tiny_model_path("llama");
  const std::vector<Case> cases = {
      {{}, "no command given"},
      {{"rum"}, "unknown command 'rum'; did you mean 'run'?"},
      {{"qqqqqq"}, "unknown command 'qqqqqq' ("},
      {{"run", model, "--tmep", "1"}, "unknown flag '--tmep'; did you mean '--temp'?"},
      {{"run", model, "--temprature=1"},
       "unknown flag '--temprature'; did you mean '--temperature'?"},
      {{"run", model, "-Z", "hi"}, "unknown flag '-Z' (heed run --help)"},
      {{"run", model, "-p"}, "'-p' needs a value"},
      {{"run", model, "-p", "a", "b"}, "PROMPT is given more than once"},
      {{"run", model, "-n", "many", "hi"}, "'-n' takes a whole number, not 'many'"},
      {{"run", model, "-n", "8x", "hi"}, "'-n' takes a whole number, not '8x'"},
      {{"run", model, "-t", "-1", "hi"}, "'-t' takes a whole number from 0, not '-1'"},
      {{"run", model, "--temp", "-1", "hi"}, "'--temp' takes a number from 0, not '-1'"},
      {{"run", model, "--top-p", "2", "hi"}, "'--top-p' takes a number up to 1, not '2'"},
      {{"run", model, "--raw=yes", "hi"}, "'--raw' takes no value"},
      {{"run", model, "-l", "5", "hi"}, "'-l' takes ID+BIAS or ID-BIAS, not '5'"},
      {{"run", model, "-ctk", "q3", "hi"}, "'-ctk' takes f32, bf16, f16, q8 or q8_0, not 'q3'"},
      {{"show"}, "MODEL is missing"},
      {{"show", model, "more"}, "'more' was not expected"},
      {{"template", model}, "-f JSON is missing"},
      {{"tokenize", model, "--decode", "5,x"}, "'x' does not begin with a token id"},
      {{"tokenize", model, "--decode", "96"}, "token id below 96"},
      {{"bench", model, "--embed", "x"}, "--embed needs an encoder"},
      {{"convert", "somewhere"}, "-o OUT is missing"},
      {{"convert", "somewhere", "-o", "out.gguf", "--type", "q9"}, "type 'q9'"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.expected);
    const CommandResult result = run_heed(c.arguments);
    CHECK(result.exit_code == 2);
    CHECK(result.out == "");
    CAPTURE(result.err);
    CHECK(is_one_error_line(result.err));
    CHECK(result.err.find(c.expected) != result.err.npos);
  }
}

TEST_CASE("a bad model is one line that names it, and exit code 1") {
  const TemporaryDirectory directory;
  const std::string text = directory / "text.gguf";
  write_text(text, "Call me Ishmael.\n");
  const std::string cut = directory / "cut.gguf";
  write_text(cut, read_text(tiny_model_path("llama")).substr(0, 100000));
  const std::string odd_name = directory / "a\nb\x1b[2J.gguf";

  for (const std::string verb : {"run", "show", "embed", "tokenize", "score", "bench"}) {
    CAPTURE(verb);
    std::vector<std::string> rest;
    if (verb != "show" && verb != "bench") rest = {"text"};
    for (const std::string& path :
         {text, cut, directory.path().string(), (directory / "missing.gguf").string(), odd_name}) {
      CAPTURE(path);
      std::vector<std::string> arguments = {verb, path};
      arguments.insert(arguments.end(), rest.begin(), rest.end());
      const CommandResult result = run_heed(arguments);
      CHECK(result.exit_code == 1);
      CHECK(result.out == "");
      CAPTURE(result.err);
      CHECK(is_one_error_line(result.err));
      if (path != odd_name) CHECK(result.err.find(path) != result.err.npos);
      CHECK(result.err.find('\x1b') == result.err.npos);
    }
  }
}

TEST_CASE("text that is not UTF-8 is refused, with its line") {
  const TemporaryDirectory directory;
  const std::string path = directory / "latin1.txt";
  write_text(path, "one\ntwo\ncaf\xe9\nfour\n");
  const std::string model = tiny_model_path("llama");
  for (const std::string verb : {"run", "tokenize", "score", "perplexity"}) {
    CAPTURE(verb);
    const CommandResult result = run_heed({verb, model, "-f", path});
    CHECK(result.exit_code == 1);
    CHECK(result.out == "");
    CHECK(result.err == "heed: '" + path + "' is not UTF-8: byte 0xe9 in line 3\n");
  }
  CHECK(run_heed({"run", model, "-p", "caf\xe9"}).err ==
        "heed: the PROMPT is not UTF-8: byte 0xe9 in line 1\n");
  CHECK(run_heed({"tokenize", model}, {.input = "\xc0\x80"}).err ==
        "heed: stdin is not UTF-8: byte 0xc0 in line 1\n");
  CHECK(run_heed({"tokenize", model}, {.input = "\xed\xa0\x80"}).exit_code == 1);  // a surrogate
  CHECK(run_heed({"tokenize", model}, {.input = "caf\xc3"}).exit_code == 1);       // cut
  CHECK(run_heed({"tokenize", model}, {.input = "é€😀"}).exit_code == 0);
}

TEST_CASE("stdout that is full or closed is an error") {
  const std::string model = tiny_model_path("llama");
  const std::vector<std::vector<std::string>> commands = {
      {"--help"},
      {"show", model},
      {"tokenize", model, "text"},
      {"run", model, "--raw", "-p", "text", "-n", "4"},
      {"score", model, "some text", "--json"},
      {"bench", model, "-p", "8", "-n", "4", "-r", "1"}};
  for (const auto& command : commands) {
    CAPTURE(command[0]);
    const CommandResult full = run_heed(command, {.output_path = "/dev/full"});
    CHECK(full.exit_code == 1);
    CHECK(full.err == "heed: cannot write to stdout: No space left on device\n");
    const CommandResult closed = run_heed(command, {.close_stdout = true});
    CHECK(closed.exit_code == 1);
    CHECK(closed.err == "heed: cannot write to stdout: Bad file descriptor\n");
  }
}

TEST_CASE("doctor describes the machine, as text and as JSON") {
  const CommandResult text = run_heed({"doctor", "--no-measure"});
  CHECK(text.exit_code == 0);
  for (const std::string word : {"heed  ", "cpu  ", "uses  ", "threads  "}) {
    CHECK(text.out.find(word) != text.out.npos);
  }
  const auto json = nlohmann::json::parse(run_heed({"doctor", "--json"}).out);
  CHECK(json["threads"].get<int>() >= 1);
  CHECK(json["isas"][0] == "scalar");
  CHECK(json["f32_gflops"].get<double>() > 0);
  REQUIRE(json["read"].size() > 0);
  CHECK(json["read"][0]["all_threads_gbs"].get<double>() > 0);
}

TEST_CASE("flags as people write them") {
  const std::string model = tiny_model_path("llama");
  const CommandResult plain = run_heed({"tokenize", model, "the text"});
  REQUIRE(plain.exit_code == 0);
  const auto same = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_heed(arguments);
    CAPTURE(result.err);
    CHECK(result.out == plain.out);
  };
  same({"tokenize", model, "the", "text"});
  same({"tokenize", model, "-p", "the text"});
  same({"tokenize", model, "-pthe text"});
  same({"tokenize", model, "--prompt=the text"});
  same({"tokenize", "--prompt", "the text", model});
  same({"tokenize", "-m", model, "the text"});
  same({"tokenize", "--model", model, "-p", "the text"});
  same({"tokenize", model, "--", "the text"});

  // What looks like a flag can be a text, and brackets are only text.
  CHECK(run_heed({"tokenize", model, "--", "--json"}).out ==
        run_heed({"tokenize", model, "-p", "--json"}).out);
  CHECK(run_heed({"tokenize", model, "[1,2]"}).out ==
        run_heed({"tokenize", model}, {.input = "[1,2]"}).out);
  CHECK(run_heed({"tokenize", model, "-5"}).out ==
        run_heed({"tokenize", model}, {.input = "-5"}).out);
  CHECK(run_heed({"tokenize", model, "-p", ""}).out == "\n");

  const CommandResult gpu = run_heed({"run", model, "-ngl", "99", "--raw", "-p", "hi", "-n", "1"});
  CHECK(gpu.exit_code == 0);
  CHECK(gpu.err.starts_with("heed: -ngl ignored"));
}

}  // namespace
}  // namespace heed
