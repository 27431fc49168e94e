// heed embed: texts in, vectors out, in three forms.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

const std::string kBert = tiny_model_path("bert");

std::vector<std::vector<float>> parse_lines(const std::string& text) {
  std::vector<std::vector<float>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    rows.emplace_back();
    for (float value = 0; numbers >> value;) rows.back().push_back(value);
  }
  return rows;
}

TEST_CASE("embed writes a vector of length 1 for each text") {
  const CommandResult result = run_heed({"embed", kBert, "the dog", "a cat"});
  CHECK(result.exit_code == 0);
  const auto rows = parse_lines(result.out);
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    REQUIRE(row.size() == 32);
    double squares = 0;
    for (const float value : row) squares += static_cast<double>(value) * value;
    CHECK(squares == doctest::Approx(1).epsilon(1e-5));
  }
  CHECK(rows[0] != rows[1]);
}

TEST_CASE("embed: words, files, stdin, JSON and NumPy hold the same numbers") {
  const TemporaryDirectory directory;
  const std::string file = directory / "texts.txt";
  const std::string npy = directory / "out.npy";
  write_text(file, "the dog\r\na cat");
  const auto rows = parse_lines(run_heed({"embed", kBert, "the dog", "a cat"}).out);
  CHECK(parse_lines(run_heed({"embed", kBert, "-f", file}).out) == rows);
  CHECK(parse_lines(run_heed({"embed", kBert}, {.input = "the dog\na cat\n"}).out) == rows);

  std::istringstream lines(run_heed({"embed", kBert, "-f", file, "--json"}).out);
  size_t index = 0;
  for (std::string line; std::getline(lines, line); ++index) {
    const auto json = nlohmann::json::parse(line);
    CHECK(json["index"] == index);
    CHECK(json["embedding"].get<std::vector<float>>() == rows[index]);
  }
  CHECK(index == 2);

  write_text(npy, "old");
  const CommandResult result = run_heed({"embed", kBert, "-f", file, "--npy", npy});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "");
  const std::string bytes = read_text(npy);
  REQUIRE(bytes.size() == 128 + 2 * 32 * sizeof(float));
  CHECK(bytes.starts_with(std::string("\x93NUMPY\x01\x00\x76\x00", 10)));
  CHECK(
      bytes.substr(10).starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 32), }"));
  CHECK(bytes[127] == '\n');
  CHECK(std::memcmp(bytes.data() + 128, rows[0].data(), 32 * sizeof(float)) == 0);
  CHECK(directory.entries() == 2);  // nothing temporary is left
}

TEST_CASE("embed: an array that cannot be written leaves the old file") {
  const TemporaryDirectory directory;
  const CommandResult full = run_heed({"embed", kBert, "a", "--npy", "/dev/full"});
  CHECK(full.exit_code == 1);
  CHECK(full.err == "heed: cannot write '/dev/full': No space left on device\n");
  const std::string nowhere = directory / "no/out.npy";
  CHECK(run_heed({"embed", kBert, "a", "--npy", nowhere}).err ==
        "heed: cannot write '" + nowhere + "': No such file or directory\n");
}

TEST_CASE("embed: a text that is too long is an error, unless it may be cut") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "dog ";
  const CommandResult refused = run_heed({"embed", kBert, text});
  CHECK(refused.exit_code == 1);
  CHECK(is_one_error_line(refused.err));
  CHECK(refused.err.find("48") != refused.err.npos);
  const CommandResult cut = run_heed({"embed", kBert, text, "--truncate"});
  CHECK(cut.exit_code == 0);
  CHECK(parse_lines(cut.out).size() == 1);
}

TEST_CASE("embed: pooling and length can be chosen") {
  const auto plain = run_heed({"embed", kBert, "the dog"}).out;
  CHECK(run_heed({"embed", kBert, "the dog", "--pooling", "mean"}).out == plain);
  CHECK(run_heed({"embed", kBert, "the dog", "--pooling", "cls"}).out != plain);
  CHECK(run_heed({"embed", kBert, "the dog", "--no-normalize"}).out != plain);
}

TEST_CASE("embed: a decoder is refused") {
  const CommandResult result = run_heed({"embed", tiny_model_path("llama"), "text"});
  CHECK(result.exit_code == 1);
  CHECK(is_one_error_line(result.err));
}

}  // namespace
}  // namespace heed
