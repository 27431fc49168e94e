#include "engine/convert/imatrix.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/api/library.h"
#include "engine/core/error.h"
#include "engine/format/gguf.h"
#include "engine/quant/quant.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kTinyLlama = HEED_TEST_DIR "/models/goldens/tiny-llama.gguf";
const std::string kTinyBert = HEED_TEST_DIR "/models/goldens/tiny-bert.gguf";

AllInputSquares two_inputs() {
  return {{.matrices = {"a.weight", "b.weight"}, .sums = {8, 0, 2}, .rows = 4},
          {.matrices = {"c.weight"}, .sums = {1, 2}, .rows = 0}};
}

/// A file with one tensor of the given values beside its count.
void write_one(const std::filesystem::path& path, const std::vector<float>& sums,
               const std::vector<float>& counts, const std::string& type = "imatrix") {
  Metadata metadata;
  metadata.set("general.type", type);
  const std::vector<GgufWriter::Tensor> tensors = {
      {"a.weight.in_sum2", DType::f32, {1, std::ssize(sums)}},
      {"a.weight.counts", DType::f32, {std::ssize(counts), 1}}};
  GgufWriter writer(path, metadata, tensors);
  writer.write(tensors[0].name, std::as_bytes(std::span(sums)));
  writer.write(tensors[1].name, std::as_bytes(std::span(counts)));
  writer.commit();
}

}  // namespace

TEST_CASE("what is written is read: means, and nothing of what no row met") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.imatrix";
  write_imatrix(path, two_inputs(), {.datasets = {"book"}, .chunks = 3, .chunk_tokens = 512});
  const Imatrix imatrix = Imatrix::read(path);
  CHECK(imatrix.size() == 3);
  CHECK(imatrix.text().datasets == std::vector<std::string>{"book"});
  CHECK(imatrix.text().chunks == 3);
  CHECK(imatrix.text().chunk_tokens == 512);
  for (const char* name : {"a.weight", "b.weight"}) {
    const std::span<const float> means = imatrix.find(name, 3);
    CHECK(std::vector(means.begin(), means.end()) == std::vector<float>{2, 0, 0.5f});
  }
  CHECK(imatrix.find("c.weight", 2).empty());
  CHECK(imatrix.find("d.weight", 2).empty());
  CHECK_THROWS_WITH(imatrix.find("a.weight", 4),
                    doctest::Contains("tensor 'a.weight.in_sum2' has 3 columns, the model's "
                                      "matrix 4: it was measured with another model"));
}

TEST_CASE("what was measured is what would be read; sums without end say nothing") {
  AllInputSquares squares = two_inputs();
  squares.push_back({.matrices = {"e.weight"}, .sums = {1, 1e60}, .rows = 1});
  squares.push_back({.matrices = {"f.weight"}, .sums = {std::nan(""), 1}, .rows = 1});
  const Imatrix imatrix(squares, {.chunks = 6});
  CHECK(imatrix.path().empty());
  CHECK(imatrix.text().chunks == 6);
  for (const char* name : {"a.weight", "b.weight"}) {
    const std::span<const float> means = imatrix.find(name, 3);
    CHECK(std::vector(means.begin(), means.end()) == std::vector<float>{2, 0, 0.5f});
  }
  for (const char* name : {"c.weight", "d.weight", "e.weight", "f.weight"}) {
    CHECK(imatrix.find(name, 2).empty());
  }
}

TEST_CASE("a file that is none is refused by what is wrong with it") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.imatrix";
  const auto check = [&](const char* sentence) {
    CHECK_THROWS_WITH(Imatrix::read(path), doctest::Contains(sentence));
    CHECK_THROWS_WITH(Imatrix::read(path), doctest::Contains(path.c_str()));
  };
  check("No such file");
  write_text(path, "not GGUF at all");
  check("not GGUF: expected an importance matrix");
  write_one(path, {1, 2}, {1}, "model");
  check("expected general.type to be 'imatrix', found \"model\"");
  write_one(path, {1, -2}, {1});
  check("tensor 'a.weight.in_sum2' holds -2");
  write_one(path, {1, std::numeric_limits<float>::infinity()}, {1});
  check("tensor 'a.weight.in_sum2' holds inf");
  write_one(path, {1, 2}, {1, 1});
  check("tensor 'a.weight.counts' has 2 values, expected 1");
}

TEST_CASE(
    "measured, and used: errors of a matrix are weighed, and what has no figures is counted") {
  const TemporaryDirectory directory;
  const auto path = directory / "tiny.imatrix";
  std::string text;
  for (int i = 0; i < 200; ++i) text += "a b c d ";
  int64_t last = 0;
  const ImatrixReport measured =
      write_imatrix(Model::load(kTinyLlama, {.exact = true}), text, path,
                    {.context = 32, .dataset = "letters", .progress = [&](int64_t done, int64_t) {
                       CHECK(done > last);
                       last = done;
                     }});
  CHECK(measured.tokens >= last);
  CHECK(measured.chunks >= measured.tokens / 32);
  CHECK(Imatrix::read(path).size() == static_cast<size_t>(measured.matrices));

  const auto converted = [&](const char* name, const std::filesystem::path& imatrix) {
    const ConvertReport report = convert(kTinyLlama, directory / name,
                                         {.type = "q4_0", .imatrix = imatrix, .record = false});
    CHECK(report.quantized == measured.matrices);
    CHECK(report.unweighted == (imatrix.empty() ? report.quantized : 0));
    return GgufFile::open(directory / name);
  };
  const GgufFile plain = converted("plain.gguf", {});
  const GgufFile weighed = converted("weighed.gguf", path);
  CHECK(weighed.metadata().require<std::string>("quantize.imatrix.file") == "tiny.imatrix");
  CHECK(weighed.metadata().require<std::string>("quantize.imatrix.dataset") == "letters");
  CHECK(!plain.metadata().contains("quantize.imatrix.file"));
  const Imatrix imatrix = Imatrix::read(path);
  const GgufFile original = GgufFile::open(kTinyLlama);
  for (const TensorView& tensor : original.tensors()) {
    if (tensor.shape.size() < 2) continue;
    CAPTURE(tensor.name);
    const int64_t columns = tensor.shape.back();
    const std::span<const float> importance = imatrix.find(tensor.name, columns);
    const auto values = [&](const GgufFile& file) {
      std::vector<float> result(static_cast<size_t>(element_count(tensor.shape)));
      const TensorView& found = file.require(tensor.name);
      dequantize_row(found.type, found.data.data(), result.data(), std::ssize(result));
      return result;
    };
    const std::vector<float> exact = values(original);
    const auto error = [&](const std::vector<float>& rounded) {
      double sum = 0;
      for (size_t i = 0; i < exact.size(); ++i) {
        const double difference = double{rounded[i]} - exact[i];
        sum += difference * difference * importance[i % static_cast<size_t>(columns)];
      }
      return sum;
    };
    CHECK(error(values(weighed)) < error(values(plain)));
  }
}

TEST_CASE("an imatrix of another model, or of few matrices") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.imatrix";
  write_imatrix(path, {{.matrices = {"token_embd.weight"}, .sums = {1, 2, 3}, .rows = 1}}, {});
  CHECK_THROWS_WITH(convert(kTinyLlama, directory / "out", {.type = "q8_0", .imatrix = path}),
                    doctest::Contains("measured with another model"));
  write_imatrix(path, two_inputs(), {});
  const ConvertReport report =
      convert(kTinyLlama, directory / "out", {.type = "q8_0", .imatrix = path});
  CHECK(report.quantized > 0);
  CHECK(report.unweighted == report.quantized);
}

TEST_CASE("an encoder is measured line by line; a text without tokens is refused") {
  const TemporaryDirectory directory;
  const auto path = directory / "bert.imatrix";
  const Model model = Model::load(kTinyBert);
  const ImatrixReport report = write_imatrix(model, "the dog\n\n  \nthe cat sat", path);
  CHECK(report.chunks == 2);
  CHECK(report.matrices == 2 * 6);
  CHECK_THROWS_WITH(write_imatrix(model, "\n \n", path), "the text for the imatrix has no tokens");
}

}  // namespace heed
