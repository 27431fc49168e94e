#include "models/registry.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "tests/support/paths.h"

namespace heed {
namespace {

Metadata metadata_of(const char* model) {
  return GgufFile::open(test_dir() / "models/goldens" / model).metadata();
}

}  // namespace

TEST_CASE("architectures are listed once each, in order") {
  std::vector<std::string_view> names;
  for (const Architecture& a : architectures()) names.push_back(a.name);
  CHECK(std::ranges::is_sorted(names));
  CHECK(std::ranges::adjacent_find(names) == names.end());
  CHECK(std::ranges::count(names, "llama") == 1);
}

TEST_CASE("a file's architecture decides its graph") {
  const Graph llama = make_graph(metadata_of("tiny-llama.gguf")).main;
  CHECK(llama.dims == Dims{.width = 64, .vocab = 96, .context = 128});
  CHECK(std::holds_alternative<Head>(llama.layers.back().spec));
  const Graph bert = make_graph(metadata_of("tiny-bert.gguf")).main;
  CHECK(std::holds_alternative<Pool>(bert.layers.back().spec));
  CHECK_FALSE(llama == bert);
}

TEST_CASE("an architecture that is missing or unknown is an error that lists the known") {
  CHECK_THROWS_AS(make_graph(Metadata("m.gguf")), Error);
  Metadata unknown("m.gguf");
  unknown.set("general.architecture", std::string("Llama"));
  CHECK_THROWS_WITH_AS(
      make_graph(unknown),
      "architecture 'Llama' is not known; known are: bert, gpt2, llama, marian, qwen2", Error);
}

}  // namespace heed
