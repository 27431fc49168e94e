#include <doctest/doctest.h>

#include <cstdlib>

#include "engine/api/library.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

/// HEED_HOME is another directory while it lives.
class Home {
 public:
  explicit Home(const std::string& path) {
    if (const char* old = std::getenv("HEED_HOME")) old_ = old;
    setenv("HEED_HOME", path.c_str(), 1);
  }
  ~Home() { old_ ? setenv("HEED_HOME", old_->c_str(), 1) : unsetenv("HEED_HOME"); }

 private:
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("models are found by path, by name and by name without the ending") {
  const TemporaryDirectory directory;
  const Home home(directory.path().string());
  const std::filesystem::path store = directory / "models";
  CHECK(model_store() == store);
  CHECK(list_models().empty());  // there is no such directory yet
  std::filesystem::create_directories(store / "folder");
  write_text((store / "b.gguf").string(), "x");
  write_text((store / "a.gguf").string(), "x");
  write_text((store / "notes.txt").string(), "x");
  CHECK(list_models() == std::vector<std::string>{"a", "b"});
  CHECK(find_model("a") == store / "a.gguf");
  CHECK(find_model("b.gguf") == store / "b.gguf");
  CHECK(find_model((store / "notes.txt").string()) == store / "notes.txt");
  CHECK_THROWS_WITH_AS(
      find_model("folder"),
      ("model 'folder' not found: no such file, and no " + (store / "folder.gguf").string())
          .c_str(),
      Error);
  CHECK_THROWS_AS(find_model(""), Error);
}

TEST_CASE("a file is described by its header") {
  const std::string path = (test_dir() / "models/goldens/tiny-llama.gguf").string();
  const FileInfo info = inspect(path);
  CHECK(info.architecture == "llama");
  CHECK(info.bytes == 275616);
  CHECK(info.tensors.size() == 20);
  CHECK(info.tensors.front().shape == std::vector<int64_t>{96, 64});
  CHECK(Model::load(path, {.vocabulary_only = true}).info().file_bytes == 275616);
  CHECK(describe_graph(path).starts_with("width 64, vocab 96, context 128\n"));
}

}  // namespace heed
