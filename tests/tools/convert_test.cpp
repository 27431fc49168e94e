// heed convert: what it writes runs, and what it cannot write leaves all as it was.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "engine/format/gguf.h"
#include "engine/graph/bind.h"
#include "models/registry.h"
#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

/// The one line that convert ends with where there is nothing to warn of.
bool is_report_of(const std::string& text, const std::string& path,
                  const std::string& architecture) {
  return text.starts_with(path + ": " + architecture + ", ") &&
         std::count(text.begin(), text.end(), '\n') == 1;
}

/// A file of 16 MB, whose conversion takes a moment: tensors larger than its model's would be.
void write_large_file(const std::string& path) {
  const GgufFile tiny = GgufFile::open(tiny_model_path("llama"));
  const std::vector<GgufWriter::Tensor> tensors = {
      {"token_embd.weight", DType::f32, {8192, 256}},
      {"blk.0.ffn_up.weight", DType::f32, {8192, 256}}};
  GgufWriter writer(path, tiny.metadata(), tensors);
  std::vector<float> values(8192 * 256);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1009) - 500;
  for (const GgufWriter::Tensor& tensor : tensors) {
    writer.write(tensor.name, std::as_bytes(std::span(values)));
  }
  writer.commit();
}

/// A model of `blocks` blocks, three matrices of 64 MB in each, all zeros.
void write_zeros(const std::string& path, uint32_t blocks) {
  constexpr int64_t kWidth = 1024, kFeedForward = 16384;
  const GgufFile tiny = GgufFile::open(tiny_model_path("llama"));
  Metadata metadata = tiny.metadata();
  metadata.set("llama.block_count", blocks);
  metadata.set("llama.embedding_length", static_cast<uint32_t>(kWidth));
  metadata.set("llama.feed_forward_length", static_cast<uint32_t>(kFeedForward));
  metadata.set("llama.attention.head_count", uint32_t{64});
  metadata.set("llama.attention.head_count_kv", uint32_t{8});
  metadata.set(
      "llama.rope.dimension_count",
      static_cast<uint32_t>(kWidth) / metadata.require<uint32_t>("llama.attention.head_count"));
  std::vector<GgufWriter::Tensor> tensors;
  for (const Param& param : all_params(make_graph(metadata))) {
    if (param.presence == Presence::required) {
      tensors.push_back({param.name, DType::f32, param.shape});
    }
  }
  GgufWriter writer(path, metadata, tensors);
  std::vector<std::byte> zeros(kWidth * kFeedForward * sizeof(float));
  for (const GgufWriter::Tensor& tensor : tensors) {
    const auto bytes = static_cast<size_t>(row_bytes(DType::f32, element_count(tensor.shape)));
    REQUIRE(bytes <= zeros.size());
    writer.write(tensor.name, std::span(zeros).first(bytes));
  }
  writer.commit();
}

const std::string kSource = HEED_TEST_DIR "/convert/goldens/tiny-bert";

TEST_CASE("convert makes a file that embeds") {
  const TemporaryDirectory directory;
  const std::string out = directory / "tiny.gguf";
  for (const std::string type : {"f32", "f16", "q8_0"}) {
    CAPTURE(type);
    const CommandResult result = run_heed({"convert", kSource, "-o", out, "--type", type});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.out == "");
    CHECK(result.err.starts_with(out + ": bert, "));
    CHECK(run_heed({"embed", out, "the dog"}).exit_code == 0);
    CHECK(directory.entries() == 1);
  }
}

TEST_CASE("convert: an old file stays when the new one fails") {
  const TemporaryDirectory directory;
  const std::string out = directory / "old.gguf";
  write_text(out, "precious");
  const std::string missing = directory / "nothing";
  const CommandResult result = run_heed({"convert", missing, "-o", out});
  CHECK(result.exit_code == 1);
  CHECK(is_one_error_line(result.err));
  CHECK(result.err.find(missing) != result.err.npos);
  CHECK(read_text(out) == "precious");
  CHECK(directory.entries() == 1);

  const CommandResult limited =
      run_heed({"convert", kSource, "-o", out}, {.file_size_limit = 5000});
  CHECK(limited.exit_code == 1);
  CHECK(limited.err == "heed: cannot write '" + out + "': File too large\n");
  CHECK(read_text(out) == "precious");
  CHECK(directory.entries() == 1);

  CHECK(run_heed({"convert", kSource, "-o", "/dev/null"}).exit_code == 0);
  const CommandResult full = run_heed({"convert", kSource, "-o", "/dev/full"});
  CHECK(full.exit_code == 1);
  CHECK(is_one_error_line(full.err));
  CHECK(full.err.find("No space left") != full.err.npos);
}

TEST_CASE("convert: a GGUF file, rounded again with a warning, and its metadata edited") {
  const TemporaryDirectory directory;
  const std::string q8 = directory / "q8.gguf";
  const std::string out = directory / "out.gguf";
  const CommandResult once =
      run_heed({"convert", tiny_model_path("llama"), "-o", q8, "--type", "q8_0"});
  CHECK(is_report_of(once.err, q8, "llama"));
  const CommandResult twice = run_heed({"convert", q8, "-o", out, "--type", "q4_0"});
  CHECK(twice.exit_code == 0);
  CHECK(twice.err.starts_with("heed: warning: "));
  CHECK(twice.err.find(" matrices were quantised before: their errors add up\n") != twice.err.npos);
  const CommandResult edited =
      run_heed({"convert", q8, "-o", out, "--set", "general.name=a=b", "--set", "my.key=0.5"});
  CHECK(is_report_of(edited.err, out, "llama"));
  const std::string shown = run_heed({"show", out}).out;
  CHECK(shown.find("\"a=b\"") != shown.npos);
  CHECK(shown.find("my.key") != shown.npos);
  for (const char* bad : {"general.name", "=value"}) {
    const CommandResult result = run_heed({"convert", q8, "-o", out, "--set", bad});
    CHECK(result.exit_code == 2);
    CHECK(result.err.find(std::string("'--set' takes KEY=VALUE, not '") + bad) != result.err.npos);
  }
  CHECK(run_heed({"convert", q8, "-o", out, "--tensor-type", "nothing=q8_0"}).exit_code == 2);
}

TEST_CASE("imatrix and convert: from a text to a weighed model") {
  const TemporaryDirectory directory;
  const std::string text = directory / "book.txt";
  const std::string measured = directory / "book.imatrix";
  const std::string out = directory / "out.gguf";
  write_text(text, "a b c d a b c d");
  const CommandResult result =
      run_heed({"imatrix", tiny_model_path("llama"), "-f", text, "-o", measured});
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out == "");
  CHECK(result.err.starts_with(measured + ": "));
  const CommandResult weighed = run_heed(
      {"convert", tiny_model_path("llama"), "-o", out, "--type", "q4_0", "--imatrix", measured});
  CHECK(is_report_of(weighed.err, out, "llama"));
  const CommandResult other = run_heed(
      {"convert", tiny_model_path("bert"), "-o", out, "--type", "q4_0", "--imatrix", measured});
  CHECK(other.exit_code == 1);
  CHECK(is_one_error_line(other.err));
  CHECK(run_heed({"imatrix", tiny_model_path("llama"), "-f", text}).exit_code == 2);
}

TEST_CASE("convert: a source that cannot be run is converted with one warning, by what it costs") {
  const TemporaryDirectory directory;
  const std::string out = directory / "out.gguf";
  const auto warning = [&](const std::string& type) {
    const CommandResult result = run_heed({"convert", tiny_model_path("llama"), "-o", out, "--type",
                                           type, "--set", "tokenizer.ggml.model=odd"});
    CHECK(result.exit_code == 0);
    return result.err;
  };
  CHECK(warning("f16").starts_with("heed: warning: no record for heed verify: "));
  CHECK(warning("q8_0").starts_with(
      "heed: warning: no record for heed verify, errors not weighed: "));
}

TEST_CASE("convert: memory does not grow with the model") {
  const TemporaryDirectory directory;
  const std::string source = directory / "source.gguf";
  write_zeros(source, 4);
  // AddressSanitizer keeps what was freed for a while: that is no memory of the converter's.
  ::setenv("ASAN_OPTIONS", "quarantine_size_mb=0", 1);
  REQUIRE(std::filesystem::file_size(source) > 800'000'000);
  for (const char* type : {"q4_0", "f16"}) {
    CAPTURE(type);
    const CommandResult result =
        run_heed({"convert", source, "-o", directory / "out.gguf", "--type", type, "-t", "2"});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.err.find("warning") == result.err.npos);  // it was run, too
    CHECK(result.peak_bytes < 300'000'000 + 2 * 64'000'000);
    MESSAGE("peak of " << result.peak_bytes / 1'000'000 << " MB");
  }
  ::unsetenv("ASAN_OPTIONS");
}

// As a user would: convert to a name that holds something precious, and lose power.
TEST_CASE("convert: killed at any moment, the old file stays and nothing is left behind") {
  const TemporaryDirectory directory;
  const std::string source = directory / "source.gguf";
  const std::string out = directory / "out.gguf";
  write_large_file(source);
  write_text(out, "precious");
  double whole = 0;  // seconds of a conversion that nobody stops
  {
    const TemporaryDirectory other;
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run_heed({"convert", source, "-o", other / "out.gguf", "--type", "q4_k"}).exit_code ==
            0);
    whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::mt19937 random(1);
  std::uniform_real_distribution<double> moment(0, whole);
  int killed = 0;
  for (int i = 0; i < 20; ++i) {
    const CommandResult result =
        run_heed({"convert", source, "-o", out, "--type", "q4_k"}, {.kill_after = moment(random)});
    const bool was_killed = result.exit_code == 128 + SIGKILL;
    killed += was_killed;
    if (read_text(out) != "precious") {  // it was faster this time, or killed when it was done
      CHECK((was_killed || result.exit_code == 0));
      CHECK(run_heed({"show", out}).exit_code == 0);
      write_text(out, "precious");
    } else {
      CHECK(was_killed);
    }
    CHECK(directory.entries() <= 3);  // what one killed run left goes with the next
  }
  CHECK(killed > 0);
  REQUIRE(run_heed({"convert", source, "-o", out, "--type", "q4_k"}).exit_code == 0);
  CHECK(directory.entries() == 2);
  CHECK(run_heed({"show", out}).exit_code == 0);
}

}  // namespace
}  // namespace heed
