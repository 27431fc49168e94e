// heed translate, score --source and bench --translate, as one types them.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/api/library.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

using Json = nlohmann::json;

/// The tiny model of the conversion's tests, converted by the command itself.
class Translator {
 public:
  Translator() : model_(directory_ / "tiny.gguf") {
    const CommandResult converted = run_heed(
        {"convert", HEED_TEST_DIR "/convert/goldens/tiny-marian", "-o", model_, "--type", "f32"});
    REQUIRE(converted.exit_code == 0);
  }
  CommandResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), {"translate", model_});
    return run_heed(arguments, {.input = input});
  }
  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = directory_ / name;
    write_text(path, text);
    return path;
  }
  const std::string& model() const { return model_; }

 private:
  TemporaryDirectory directory_;
  std::string model_;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("translate: words, a file and stdin give the same lines in the same order") {
  const Translator translator;
  const CommandResult words = translator.run({"Two dogs run.", "A man in a red hat."});
  REQUIRE(words.exit_code == 0);
  CHECK(words.err == "");
  const std::vector<std::string> lines = split_lines(words.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] != lines[1]);
  CHECK(!lines[0].empty());
  const std::string file = translator.file("in.txt", "Two dogs run.\r\nA man in a red hat.");
  CHECK(translator.run({"-f", file}).out == words.out);
  CHECK(translator.run({}, "Two dogs run.\nA man in a red hat.\n").out == words.out);
  CHECK(translator.run({"-f", "-"}, "Two dogs run.\nA man in a red hat.\n").out == words.out);
  CHECK(translator.run({"-b", "1", "-t", "1", "-f", file}).out == words.out);
  CHECK(translator.run({"-f", file}, "").out == words.out);
  CHECK(translator.run({}, "").out == "");
}

TEST_CASE("translate: an empty line gives an empty line") {
  const Translator translator;
  const auto lines = split_lines(translator.run({}, "\nTwo dogs run.\n\n  \nA man.\n").out);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "");
  CHECK(lines[1] != "");
  CHECK(lines[2] == "");
  CHECK(lines[3] == "");
  CHECK(lines[4] != "");
}

TEST_CASE("translate: lines that cannot be are named, the others are translated") {
  const Translator translator;
  std::string longest;
  for (int i = 0; i < 80; ++i) longest += "dog ";
  const std::string input =
      "Two dogs run.\nb\xff"
      "d\n" +
      longest + "\nA man.\n";
  const CommandResult result = translator.run({}, input);
  CHECK(result.exit_code == 1);
  const std::vector<std::string> lines = split_lines(result.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] + "\n" == translator.run({"Two dogs run."}).out);
  CHECK(lines[1] == "");
  CHECK(lines[2] == "");
  CHECK(lines[3] + "\n" == translator.run({"A man."}).out);
  const std::vector<std::string> errors = split_lines(result.err);
  REQUIRE(errors.size() == 3);
  CHECK(errors[0] == "heed: line 2 is not UTF-8: byte 0xff");
  CHECK(errors[1].starts_with("heed: line 3 is too long: "));
  CHECK(errors[1].ends_with(" tokens, the model takes 64 (--truncate cuts it)"));
  CHECK(errors[2] == "heed: 2 of 4 not translated");

  const CommandResult cut = translator.run({"--truncate", longest});
  CHECK(cut.exit_code == 0);
  CHECK(cut.out.size() > 1);
}

TEST_CASE("translate: the best N, scores, and JSON agree") {
  const Translator translator;
  const std::string text = "Two dogs run across the green grass.";
  const std::vector<std::string> three = split_lines(translator.run({"--n-best", "3", text}).out);
  REQUIRE(three.size() == 3);
  CHECK(three[0] + "\n" == translator.run({text}).out);
  const auto scored = split_lines(translator.run({"--n-best", "3", "--scores", text}).out);
  const Json json = Json::parse(translator.run({"--n-best", "3", "--json", text}).out);
  CHECK(json["index"] == 0);
  CHECK(json["source"] == text);
  REQUIRE(json["hypotheses"].size() == 3);
  double last = 0;
  for (size_t i = 0; i < 3; ++i) {
    const Json& hypothesis = json["hypotheses"][i];
    CHECK(hypothesis["text"] == three[i]);
    CHECK(hypothesis["tokens"].size() > 0);
    const double score = hypothesis["score"];
    CHECK((i == 0 || score <= last));
    last = score;
    CHECK(scored[i].ends_with(" ||| " + three[i]));
    CHECK(std::stod(scored[i]) == doctest::Approx(score).epsilon(1e-5));
  }
  const auto bad = split_lines(translator.run({"--json"}, "a\n\xff\n").out);
  REQUIRE(bad.size() == 2);
  CHECK(Json::parse(bad[1])["error"] == "is not UTF-8: byte 0xff");
  CHECK(Json::parse(bad[1])["index"] == 1);
}

TEST_CASE("translate: flags change the search, and what they may not be is said") {
  const Translator translator;
  const std::string text = "The girl gives a small ball to the dog.";
  const std::string plain = translator.run({text}).out;
  CHECK(translator.run({"--beam-size", "4", "--early-stopping", "no", text}).out == plain);
  CHECK(translator.run({"--prefix", "Eine Frau", text}).out.starts_with("Eine Frau"));
  const Json longer = Json::parse(translator.run({"--min-length", "26", "--json", text}).out);
  CHECK(longer["hypotheses"][0]["tokens"].size() >= 25);
  const Json shorter = Json::parse(translator.run({"--max-length", "5", "--json", text}).out);
  CHECK(shorter["hypotheses"][0]["tokens"].size() <= 3);
  Json once = Json::parse(translator.run({"--no-repeat-ngram", "1", "--json", text}).out);
  auto tokens = once["hypotheses"][0]["tokens"].get<std::vector<int>>();
  std::ranges::sort(tokens);
  CHECK(std::ranges::adjacent_find(tokens) == tokens.end());
  for (const std::string when : {"yes", "never"}) {
    CHECK(translator.run({"--early-stopping", when, "--length-penalty", "0.6", text}).exit_code ==
          0);
  }
  CHECK(translator.run({"--exact", text}).exit_code == 0);
  CHECK(translator.run({"--early-stopping", "maybe", text}).exit_code == 2);
  CHECK(translator.run({"--beam-size", "0", text}).exit_code == 2);
  CHECK(translator.run({"--n-best", "5", text}).exit_code == 2);
  CHECK(translator.run({"-f", "nowhere.txt"}).exit_code == 1);
  CHECK(translator.run({"-f", "nowhere.txt", text}).exit_code == 2);
  const CommandResult decoder = run_heed({"translate", tiny_model_path("llama"), "a"});
  CHECK(decoder.exit_code == 1);
  CHECK(is_one_error_line(decoder.err));
}

TEST_CASE("translate: Ctrl-C ends it with whole lines") {
  const Translator translator;
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "Two dogs run across the green grass.\n";
  const std::string file = translator.file("long", lines);
  const CommandResult result =
      run_heed({"translate", translator.model(), "-f", file}, {.interrupt = true});
  CHECK(result.exit_code == 130);
  CHECK(result.out.ends_with('\n'));
  const std::vector<std::string> done = split_lines(result.out);
  CHECK(done.size() < 20000);
  for (const std::string& line : done) CHECK(line == done[0]);
}

TEST_CASE("translate: a full disk is an error, not silence") {
  const Translator translator;
  const CommandResult full =
      run_heed({"translate", translator.model(), "A man."}, {.output_path = "/dev/full"});
  CHECK(full.exit_code == 1);
  CHECK(full.err == "heed: cannot write to stdout: No space left on device\n");
}

TEST_CASE("score --source: how likely given translations are") {
  const Translator translator;
  const std::string source = translator.file("en", "Two dogs run.\nA man.\n");
  const std::string target = translator.file("de", "Zwei Hunde rennen.\nEin Mann.\n");
  const CommandResult text =
      run_heed({"score", translator.model(), "--source", source, "-f", target});
  REQUIRE(text.exit_code == 0);
  const std::vector<std::string> lines = split_lines(text.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].ends_with("Zwei Hunde rennen."));
  CHECK(text.err.find("perplexity") != std::string::npos);
  const auto objects = split_lines(
      run_heed({"score", translator.model(), "--source", source, "-f", target, "--json"}).out);
  REQUIRE(objects.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    const Json json = Json::parse(objects[i]);
    CHECK(json["index"] == i);
    CHECK(json["tokens"].size() == json["logprobs"].size());
    double sum = 0;
    for (const Json& logprob : json["logprobs"]) sum += logprob.get<double>();
    CHECK(json["sum"].get<double>() == doctest::Approx(sum));
    CHECK(std::stod(lines[i]) == doctest::Approx(sum).epsilon(1e-4));
  }
  // A search's own score is the sum divided by the tokens.
  const Json best = Json::parse(
      translator.run({"--json", "--beam-size", "1", "Two dogs run."}).out)["hypotheses"][0];
  const std::string own = translator.file("own", best["text"].get<std::string>() + "\n");
  const std::string one = translator.file("one", "Two dogs run.\n");
  const Json scored = Json::parse(
      run_heed({"score", translator.model(), "--source", one, "-f", own, "--json"}).out);
  if (scored["tokens"].size() == best["tokens"].size() + 1) {  // the text reads back as it was
    CHECK(scored["sum"].get<double>() / static_cast<double>(scored["tokens"].size()) ==
          doctest::Approx(best["score"].get<double>()).epsilon(1e-4));
  }
  CHECK(run_heed({"score", translator.model(), "--source", source, "-f", one}).exit_code == 2);
  CHECK(run_heed({"score", translator.model(), "--source", source}).exit_code == 2);
}

TEST_CASE("bench --translate: sentences, tokens of both sides, the time of one") {
  const Translator translator;
  const std::string file = translator.file("en", "Two dogs run.\nA man.\nA woman reads.\n");
  const CommandResult result = run_heed({"bench", translator.model(), "--translate", file,
                                         "--beam-size", "2", "-r", "2", "-o", "json"});
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  REQUIRE(json.size() == 4);
  CHECK(json[0]["test"] == "translate3");
  CHECK(json[0]["unit"] == "sentences/s");
  CHECK(json[1]["test"] == "translate3 source");
  CHECK(json[2]["test"] == "translate3 target");
  CHECK(json[2]["unit"] == "t/s");
  CHECK(json[3]["test"] == "translate1");
  CHECK(json[3]["unit"] == "ms");
  for (const Json& test : json) CHECK(test["median"].get<double>() > 0);
  CHECK(run_heed({"bench", translator.model()}).exit_code == 2);
  CHECK(run_heed({"bench", tiny_model_path("llama"), "--translate", file}).exit_code == 2);
}

}  // namespace heed
