// What the converter learns from running a source, and what it makes of it: errors of rounding that
// count as much as what the columns of a matrix multiply.
#include "engine/convert/source_run.h"

#include <doctest/doctest.h>

#include "engine/api/library.h"
#include "engine/convert/gguf_source.h"
#include "engine/convert/imatrix.h"
#include "engine/quant/quant.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// What a file's own weights are made to multiply.
Imatrix measure(const std::filesystem::path& path) {
  const GgufFile file = GgufFile::open(path);
  const TensorReader read = [&](const TensorView& tensor, int64_t offset,
                                std::span<std::byte> out) { file.copy(tensor, offset, out); };
  ThreadTeam team(2);
  const SourceRun run =
      run_source({.metadata = file.metadata(),
                  .tensors = plan_gguf(file, file.metadata(), /*types_may_change=*/true),
                  .read = read},
                 team, {});
  return Imatrix(run.input_squares, {});
}

std::vector<float> floats_of(DType type, std::span<const std::byte> bytes, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  dequantize_row(type, bytes.data(), values.data(), count);
  return values;
}

/// A tensor of F32 as rows of `type`.
std::vector<std::byte> rounded(const TensorView& tensor, DType type,
                               std::span<const float> importance) {
  const int64_t columns = tensor.shape.back(), count = element_count(tensor.shape);
  const std::vector<float> values = floats_of(tensor.type, tensor.data, count);
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(type, count)));
  for (int64_t at = 0; at < count; at += columns) {
    quantize_row(type, values.data() + at, bytes.data() + row_bytes(type, at), columns, importance);
  }
  return bytes;
}

/// The sum of squared errors, each weighed by its column.
double loss(const TensorView& tensor, DType type, std::span<const std::byte> bytes,
            std::span<const float> importance) {
  const int64_t count = element_count(tensor.shape);
  const std::vector<float> exact = floats_of(tensor.type, tensor.data, count);
  const std::vector<float> found = floats_of(type, bytes, count);
  double sum = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double error = double{found[i]} - exact[i];
    sum += error * error * importance[i % importance.size()];
  }
  return sum;
}

}  // namespace

TEST_CASE("a matrix is rounded by what the source makes it multiply, or, if not run, plainly") {
  // Of tables that are looked up nothing is known, unless they are the head's too, which is of
  // 8 bits.
  struct Case {
    const char* name;
    int64_t plain;
  };
  const Case cases[] = {{"tiny-llama", 1}, {"tiny-gpt2", 0}, {"tiny-bert", 1}, {"tiny-marian", 1}};
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const ModelDirectory model(c.name);
    const auto f32 = model / "f32.gguf", weighed = model / "weighed.gguf",
               plain = model / "plain.gguf";
    convert(model.path(), f32, {.type = "f32", .record = false});
    const ConvertReport with = convert(model.path(), weighed, {.type = "q4_0"});
    const ConvertReport without = convert(model.path(), plain, {.type = "q4_0", .record = false});
    CHECK(with.quantized == without.quantized);
    CHECK(with.unweighted == c.plain);
    CHECK(without.unweighted == without.quantized);
    const Imatrix imatrix = measure(f32);
    const GgufFile source = GgufFile::open(f32), weighed_file = GgufFile::open(weighed),
                   plain_file = GgufFile::open(plain);
    int64_t lower = 0;
    for (const TensorView& tensor : source.tensors()) {
      CAPTURE(tensor.name);
      const TensorView &a = weighed_file.require(tensor.name), &b = plain_file.require(tensor.name);
      REQUIRE(a.type == b.type);
      if (info(a.type).block == 1) continue;
      std::span<const float> importance;
      if (a.type != DType::q8_0) importance = imatrix.find(tensor.name, tensor.shape.back());
      CHECK(std::ranges::equal(a.data, rounded(tensor, a.type, importance)));
      CHECK(std::ranges::equal(b.data, rounded(tensor, b.type, {})));
      if (importance.empty()) continue;
      CHECK(loss(tensor, a.type, a.data, importance) < loss(tensor, b.type, b.data, importance));
      ++lower;
    }
    CHECK(lower == with.quantized - c.plain);
    const Metadata& metadata = weighed_file.metadata();
    CHECK(metadata.require<uint32_t>("quantize.imatrix.entries_count") == imatrix.size());
    CHECK(metadata.require<uint32_t>("quantize.imatrix.chunks_count") == 6);
    CHECK(!metadata.contains("quantize.imatrix.file"));
    CHECK(!plain_file.metadata().contains("quantize.imatrix.entries_count"));
  }
}

TEST_CASE("a file that is rounded again keeps its record, and is run for its importance") {
  const ModelDirectory model("tiny-llama");
  const auto half = model / "half.gguf", small = model / "small.gguf", plain = model / "plain.gguf";
  convert(model.path(), half, {.type = "f16"});
  const ConvertReport report = convert(half, small, {.type = "q4_0"});
  CHECK(report.quantized > 0);
  CHECK(report.unweighted == 1);  // of 8 bits
  const GgufFile source = GgufFile::open(half), file = GgufFile::open(small);
  CHECK(has_record(source.metadata()));
  CHECK(read_record(file.metadata()) == read_record(source.metadata()));
  const Imatrix imatrix = measure(half);
  const TensorView& down = source.require("blk.1.ffn_down.weight");
  const TensorView& written = file.require(down.name);
  CHECK(std::ranges::equal(
      written.data, rounded(down, written.type, imatrix.find(down.name, down.shape.back()))));

  convert(small, plain, {.type = "q5_0", .record = false});
  const GgufFile again = GgufFile::open(plain);
  CHECK(has_record(again.metadata()));
  CHECK(!again.metadata().contains("quantize.imatrix.entries_count"));
}

TEST_CASE("an imatrix that is given counts alone") {
  const ModelDirectory model("tiny-llama");
  const auto f32 = model / "f32.gguf", given = model / "given.imatrix", out = model / "out.gguf";
  convert(model.path(), f32, {.type = "f32"});
  const GgufFile source = GgufFile::open(f32);
  const TensorView& up = source.require("blk.0.ffn_up.weight");
  const TensorView& down = source.require("blk.0.ffn_down.weight");
  std::vector<double> rising(static_cast<size_t>(up.shape.back()));
  for (size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<double>(1 + i);
  write_imatrix(given, {{.matrices = {up.name}, .sums = rising, .rows = 1}}, {});
  const ConvertReport report = convert(f32, out, {.type = "q4_0", .imatrix = given});
  CHECK(report.unweighted == report.quantized - 1);
  const GgufFile file = GgufFile::open(out);
  const std::vector<float> importance(rising.begin(), rising.end());
  CHECK(std::ranges::equal(file.require(up.name).data, rounded(up, DType::q4_0, importance)));
  CHECK(std::ranges::equal(file.require(down.name).data, rounded(down, DType::q4_0, {})));
  CHECK(file.metadata().require<std::string>("quantize.imatrix.file") == "given.imatrix");
}

TEST_CASE("a source that cannot be run is rounded plainly, and the report says why") {
  const TemporaryDirectory directory;
  const auto out = directory / "out.gguf";
  const ConvertReport report =
      convert(HEED_TEST_DIR "/models/goldens/tiny-llama.gguf", out,
              {.type = "q4_0", .metadata = {{"tokenizer.ggml.model", "odd"}}});
  CHECK(report.quantized > 0);
  CHECK(report.unweighted == report.quantized);
  CHECK(report.record_problem.find("'odd'") != std::string::npos);
  const GgufFile file = GgufFile::open(out);
  CHECK(!has_record(file.metadata()));
  CHECK(!file.metadata().contains("quantize.imatrix.entries_count"));
}

}  // namespace heed
