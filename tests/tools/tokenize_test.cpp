// heed tokenize, template and show: what needs no weights.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/convert/model_directory.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

std::vector<int> ids(const std::vector<std::string>& arguments) {
  std::istringstream text(run_heed(arguments).out);
  std::vector<int> result;
  for (int id = 0; text >> id;) result.push_back(id);
  return result;
}

TEST_CASE("tokenize: ids as text and as JSON, and back") {
  const std::string model = tiny_model_path("llama");
  const std::string text = "the \"red\" hen\nran";
  const std::vector<int> tokens = ids({"tokenize", model, text});
  REQUIRE(tokens.size() > 4);
  const CommandResult json = run_heed({"tokenize", model, "--json", text});
  CHECK(Json::parse(json.out) == Json{{"tokens", tokens}});
  CHECK(json.out.starts_with("{\"tokens\":["));

  std::string list;
  for (const int id : tokens) list += std::to_string(id) + ",";
  CHECK(run_heed({"tokenize", model, "--decode", list}).out == text + "\n");
  CHECK(run_heed({"tokenize", model, "--decode", Json(tokens).dump()}).out == text + "\n");
  CHECK(Json::parse(run_heed({"tokenize", model, "--json", "--decode", list}).out)["text"] == text);
}

TEST_CASE("tokenize --no-special leaves out what the model adds") {
  const std::string model = tiny_model_path("bert");
  const std::vector<int> all = ids({"tokenize", model, "a b"});
  const std::vector<int> bare = ids({"tokenize", model, "a b", "--no-special"});
  REQUIRE(all.size() == bare.size() + 2);
  CHECK(std::vector<int>(all.begin() + 1, all.end() - 1) == bare);
}

TEST_CASE("tokenize --pieces says where each token stands") {
  const std::string model = tiny_model_path("llama");
  std::istringstream lines(run_heed({"tokenize", model, "--pieces", "--json", "the hen"}).out);
  int64_t end = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    CHECK(json["begin"] == end);
    end = json["end"];
    CHECK(json.contains("piece"));
  }
  CHECK(end == 7);
}

TEST_CASE("tokenize --pieces shows the source's own pieces") {
  const ModelDirectory directory("tiny-opennmt-ct2");
  for (const char* file : {"source.spm", "target.spm"}) {
    std::filesystem::copy(ModelDirectory::golden("tiny-marian") / file, directory.path());
  }
  const Json golden = Json::parse(read_text(directory / "translations.json"));
  const Json vocabulary = Json::parse(read_text(directory / "source_vocabulary.json"));
  directory.remove("translations.json");
  REQUIRE(
      run_heed({"convert", directory.path().string(), "-o", directory.out().string()}).exit_code ==
      0);
  const Json& test = golden["cases"][0];
  const std::string text = test["text"];
  std::istringstream lines(
      run_heed({"tokenize", directory.out().string(), "--pieces", "--json", text}).out);
  std::string line;
  std::string whole;
  for (const std::string expected : test["pieces"]) {
    REQUIRE(std::getline(lines, line));
    const Json json = Json::parse(line);
    CHECK(vocabulary[json["id"].get<size_t>()] == expected);
    whole += json["piece"].get<std::string>();
  }
  CHECK(!std::getline(lines, line));
  CHECK(whole == " " + text);
}

TEST_CASE("template renders a file with the variables of an object") {
  const TemporaryDirectory directory;
  const std::string source = directory / "chat.jinja";
  write_text(source,
             "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{{ bos_token }}");
  const std::string variables =
      R"({"messages": [{"role": "user", "content": "héllo"}], "bos_token": "<s>"})";
  const CommandResult result = run_heed({"template", source, "-f", "-"}, {.input = variables});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "<user>héllo\n<s>");

  write_text(source, "one\n{% nonsense %}");
  const CommandResult bad = run_heed({"template", source, "-f", "-"}, {.input = variables});
  CHECK(bad.exit_code == 1);
  CHECK(bad.out == "");
  CHECK(is_one_error_line(bad.err));
  CHECK(bad.err.find("line 2") != bad.err.npos);
  CHECK(run_heed({"template", source, "-f", "-"}, {.input = "{\"a\":"}).exit_code == 1);
  CHECK(run_heed({"template", tiny_model_path("llama"), "-f", "-"}, {.input = variables})
            .err.starts_with("heed: "));
}

TEST_CASE("show lists metadata and tensors") {
  const std::string model = tiny_model_path("llama");
  const CommandResult table = run_heed({"show", model});
  CHECK(table.exit_code == 0);
  for (const std::string text : {"architecture  llama", "llama.block_count", "blk.1.ffn_up.weight",
                                 "tensors: 20", "[96, 64]"}) {
    CHECK(table.out.find(text) != table.out.npos);
  }
  const Json json = Json::parse(run_heed({"show", model, "--json"}).out);
  CHECK(json["architecture"] == "llama");
  CHECK(json["parameters"] == 67904);
  CHECK(json["tensors"].size() == 20);
  CHECK(json["metadata"]["llama.block_count"] == 2);
  CHECK(json["metadata"]["general.architecture"] == "llama");
  CHECK(run_heed({"show", model, "--graph"}).out.find("attention") != std::string::npos);
  CHECK(run_heed({"show", model, "--dot"}).out.starts_with("digraph"));
}

TEST_CASE("list names what the store holds, whole or broken") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "models");
  std::filesystem::copy(tiny_model_path("bert"), directory / "models/good.gguf");
  write_text(directory / "models/bad.gguf", "no model");
  const CommandResult result = run_heed({"list"}, {.model_store = directory.path()});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("good  bert") != result.out.npos);
  CHECK(result.out.find("bad ") != result.out.npos);
  CHECK(run_heed({"tokenize", "good", "a"}, {.model_store = directory.path()}).exit_code == 0);
  const CommandResult empty = run_heed({"list"}, {.model_store = directory / "none"});
  CHECK(empty.exit_code == 0);
  CHECK(empty.out == "");
  CHECK(empty.err.starts_with("no models in "));
}

}  // namespace
}  // namespace heed
