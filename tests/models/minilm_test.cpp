// The real encoder, converted in F32 and in Q8_0, against transformers in f32
// (goldens/make_minilm.py), and Q8_0 against F32 on many more sentences.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

#include "engine/api/library.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

Embeddings embed(const std::filesystem::path& file, std::span<const std::string> lines) {
  Session session(Model::load(file.string()));
  return session.embed(lines, {.truncate = true});
}

/// The least cosine of rows of vectors of length one.
double worst_cosine(const Embeddings& a, const float* b) {
  double worst = 1;
  for (int64_t r = 0; r < a.rows; ++r) {
    double sum = 0;
    for (int64_t c = 0; c < a.width; ++c) {
      sum += static_cast<double>(a.values[r * a.width + c]) * b[r * a.width + c];
    }
    worst = std::min(worst, sum);
  }
  return worst;
}

}  // namespace

TEST_CASE("embeddings are those of transformers: F32 to 0.9999, Q8_0 to 0.999") {
  const auto source = stored_model_to_run("all-minilm-l6-v2");
  if (!source) return;
  const TemporaryDirectory directory;
  const auto f32 = directory / "f32.gguf";
  const auto q8_0 = directory / "q8_0.gguf";
  convert(*source, f32, {.type = "f32"});
  convert(*source, q8_0, {.type = "q8_0"});

  const std::vector<std::string> lines = read_lines(test_dir() / "models/goldens/minilm.txt");
  const std::string golden = read_file(test_dir() / "models/goldens/minilm.bin");
  std::vector<float> expected(golden.size() / sizeof(float));
  std::memcpy(expected.data(), golden.data(), golden.size());
  const Embeddings exact = embed(f32, lines);
  REQUIRE(exact.values.size() == expected.size());
  CHECK(worst_cosine(exact, expected.data()) >= 0.99999);
  CHECK(worst_cosine(embed(q8_0, lines), expected.data()) >= 0.999);

  const auto more = shared_data("sentences.txt");
  if (!more) return;
  const std::vector<std::string> sentences = read_lines(*more);
  const double worst = worst_cosine(embed(q8_0, sentences), embed(f32, sentences).values.data());
  MESSAGE("Q8_0 and F32: worst cosine of " << sentences.size() << " sentences " << worst);
  CHECK(worst >= 0.999);
}

}  // namespace heed
