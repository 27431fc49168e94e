#include "engine/convert/record.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/core/error.h"

namespace heed {
namespace {

std::vector<float> random_row(std::mt19937& random, size_t width) {
  std::normal_distribution<float> normal;
  std::vector<float> row(width);
  for (float& value : row) value = normal(random);
  return row;
}

std::vector<float> sketch(const std::vector<std::vector<float>>& rows) {
  std::vector<float> sum(RowSketch::kSize);
  for (size_t i = 0; i < rows.size(); ++i) {
    RowSketch row(static_cast<int64_t>(i));
    row.add(0, rows[i]);
    row.add_to(sum);
  }
  return sum;
}

double length(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

Record decoder_record() {
  return {.texts = {{1, 2, 3}, {4}},
          .layers = {{"token_embd", std::vector<float>(32, 0.5F)},
                     {"output", std::vector<float>(32, -1)}},
          .kept = 2,
          .likeliest = {7, 8, 9, 7, 1, 2, 3, 4},
          .log_probs = {-1, -2, -1, -2, -1, -2, -1, -2}};
}

Record encoder_record() {
  return {.texts = {{1, 2, 3}, {4}},
          .layers = {{"pool", std::vector<float>(32, 0.5F)}},
          .embeddings = {1, 2, 3, 4, 5, 6}};
}

std::string problem_with(const Metadata& metadata) {
  try {
    read_record(metadata);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// The metadata of a record with one key changed.
template <typename T>
Metadata spoiled(const Record& record, const char* key, T value) {
  Metadata metadata("file");
  write_record(record, metadata);
  metadata.set(key, Metadata::Value(std::move(value)));
  return metadata;
}

}  // namespace

TEST_CASE("sketches are as far apart as the rows' directions are") {
  std::mt19937 random(5);
  double ratio = 0;
  constexpr int kTimes = 50;
  for (int time = 0; time < kTimes; ++time) {
    std::vector<std::vector<float>> rows, moved;
    double squares = 0;  // of the distances of rows of length 1
    for (int i = 0; i < 8; ++i) {
      const std::vector<float> row = random_row(random, 200), noise = random_row(random, 200);
      std::vector<float> other(200);
      for (size_t c = 0; c < 200; ++c) other[c] = 3 * (row[c] + 0.1F * noise[c]);
      double square = 0;
      for (size_t c = 0; c < 200; ++c) {
        square += std::pow(row[c] / length(row) - other[c] / length(other), 2);
      }
      squares += square;
      rows.push_back(row);
      moved.push_back(other);
    }
    std::vector<float> difference = sketch(rows);
    const std::vector<float> other = sketch(moved);
    for (size_t i = 0; i < difference.size(); ++i) difference[i] -= other[i];
    ratio += length(difference) / std::sqrt(squares * RowSketch::kSize) / kTimes;
  }
  CHECK(ratio == doctest::Approx(1).epsilon(0.05));
}

TEST_CASE("a row in pieces has the sketch of the whole, and a row of zeros has none") {
  std::mt19937 random(6);
  const std::vector<float> row = random_row(random, 100);
  RowSketch pieces(3), whole(3), other(4);
  pieces.add(0, std::span(row).first(37));
  pieces.add(37, std::span(row).subspan(37));
  whole.add(0, row);
  other.add(0, row);
  std::vector<float> a(RowSketch::kSize), b(RowSketch::kSize), c(RowSketch::kSize);
  pieces.add_to(a);
  whole.add_to(b);
  other.add_to(c);
  CHECK(a == b);
  CHECK(a != c);
  CHECK(length(sketch({std::vector<float>(10)})) == 0);
}

TEST_CASE("a record is read as it was written") {
  for (const Record& record : {decoder_record(), encoder_record()}) {
    Metadata metadata;
    CHECK_FALSE(has_record(metadata));
    CHECK(read_record(metadata) == std::nullopt);
    write_record(record, metadata);
    CHECK(has_record(metadata));
    CHECK(read_record(metadata) == record);
  }
  Record translator = decoder_record();
  translator.targets = {{5, 6}, {7, 8}};
  Metadata metadata;
  write_record(translator, metadata);
  CHECK(read_record(metadata) == translator);
}

TEST_CASE("records that are damaged are refused by key") {
  const Record decoder = decoder_record(), encoder = encoder_record();
  using Counts = std::vector<uint32_t>;
  using Floats = std::vector<float>;
  using Tokens = std::vector<int32_t>;
  using Names = std::vector<std::string>;
  CHECK(problem_with(spoiled(decoder, "heed.record.version", uint32_t{2})) ==
        "file: key 'heed.record.version': expected 1, found 2");
  CHECK(problem_with(spoiled(decoder, "heed.record.token_counts", Counts{3, 2})) ==
        "file: key 'heed.record.tokens' has 4 values, expected 5");
  CHECK(problem_with(spoiled(decoder, "heed.record.token_counts", Counts{3})) ==
        "file: key 'heed.record.tokens' has 4 values, expected 3");
  CHECK(problem_with(spoiled(decoder, "heed.record.token_counts", Counts{4, 0})) ==
        "file: key 'heed.record.token_counts': expected 1 to 32, found 0");
  CHECK(problem_with(spoiled(decoder, "heed.record.token_counts", Counts{4000000000})) ==
        "file: key 'heed.record.token_counts': expected 1 to 32, found 4000000000");
  Metadata none = spoiled(decoder, "heed.record.token_counts", Counts{});
  none.set("heed.record.tokens", Metadata::Value(Tokens{}));
  CHECK(problem_with(none) == "file: key 'heed.record.token_counts' has 0 values, expected 1");
  CHECK(problem_with(spoiled(decoder, "heed.record.layers", Names{"token_embd"})) ==
        "file: key 'heed.record.sketches' has 64 values, expected 32");
  CHECK(problem_with(spoiled(encoder, "heed.record.sketches", Floats(32, NAN)))
            .starts_with("file: key 'heed.record.sketches': expected finite numbers, found"));
  CHECK(problem_with(spoiled(decoder, "heed.record.likeliest", Tokens{1, 2, 3})) ==
        "file: key 'heed.record.likeliest' has 3 values, expected 128");
  CHECK(problem_with(spoiled(decoder, "heed.record.log_probs", Floats{-1})) ==
        "file: key 'heed.record.log_probs' has 1 values, expected 8");
  CHECK(problem_with(spoiled(encoder, "heed.record.embeddings", Floats(3))) ==
        "file: key 'heed.record.embeddings' has 3 values, expected 2");
  Metadata one_target = spoiled(decoder, "heed.record.target_tokens", Tokens{1});
  one_target.set("heed.record.target_token_counts", Metadata::Value(Counts{1}));
  CHECK(problem_with(one_target) ==
        "file: key 'heed.record.target_token_counts' has 1 values, expected 2");
}

}  // namespace heed
