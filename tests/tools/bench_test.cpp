// heed bench, as one types it: each test's rate, what it reads and computes, and how far that is
// from the machine's limits.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/command.h"

namespace heed {
namespace {

using Json = nlohmann::json;

Json bench_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "bench");
  arguments.insert(arguments.end(), {"-r", "2", "-t", "1", "-o", "json"});
  const CommandResult result = run_heed(arguments);
  REQUIRE(result.exit_code == 0);
  return Json::parse(result.out);
}

/// The share is that of the limit that is named, and no other limit is nearer.
void check_share(const Json& test) {
  CAPTURE(test.dump());
  const auto ratio = [&](const std::string& speed) {
    CHECK(test[speed].get<double>() > 0);
    CHECK(test["limit_" + speed].get<double>() > 0);
    return test[speed].get<double>() / test["limit_" + speed].get<double>();
  };
  const double share = test["share_of_limit"];
  CHECK(share > 0);
  CHECK(share == doctest::Approx(ratio(test["limit"])));
  CHECK(share >= ratio("gflops") * (1 - 1e-9));
  if (test.contains("gb_per_s")) CHECK(share >= ratio("gb_per_s") * (1 - 1e-9));
}

std::vector<std::string> cells(const std::string& line, char separator) {
  std::istringstream stream(line);
  std::vector<std::string> result;
  for (std::string cell; std::getline(stream, cell, separator);) result.push_back(cell);
  if (line.ends_with(separator)) result.emplace_back();
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  return cells(text, '\n');
}

}  // namespace

TEST_CASE("bench of a decoder: rates, reading, arithmetic, and the share of the limit") {
  const Json tests = bench_json({tiny_model_path("llama"), "-p", "32", "-n", "8", "-d", "0,16"});
  REQUIRE(tests.size() == 4);
  const std::vector<std::string> names = {"pp32", "tg8", "pp32@d16", "tg8@d16"};
  for (size_t i = 0; i < tests.size(); ++i) {
    CHECK(tests[i]["test"] == names[i]);
    CHECK(tests[i]["unit"] == "t/s");
    for (const std::string field : {"median", "mean", "weight_bytes", "peak_memory_bytes"}) {
      CHECK(tests[i][field].get<double>() > 0);
    }
    CHECK(tests[i]["sd"].get<double>() >= 0);
    CHECK(tests[i]["repetitions"] == 2);
    CHECK(tests[i]["threads"] == 1);
    CHECK(!tests[i].contains("profile"));
    check_share(tests[i]);
  }
  // A written token reads all packed weights once, and little else while the context is short; a
  // prompt reads them once altogether.
  const auto bytes_a_token = [](const Json& test) {
    return 1e9 * test["gb_per_s"].get<double>() / test["median"].get<double>();
  };
  const double weights = tests[1]["weight_bytes"];
  CHECK(bytes_a_token(tests[1]) > 0.5 * weights);
  CHECK(bytes_a_token(tests[1]) < 2 * weights);
  CHECK(bytes_a_token(tests[0]) < weights / 8);
}

TEST_CASE("bench --profile: where the time goes, beside the share of the limit") {
  const Json tests = bench_json({tiny_model_path("llama"), "-p", "0", "-n", "4", "--profile"});
  REQUIRE(tests.size() == 1);
  check_share(tests[0]);
  double shares = 0;
  for (const Json& step : tests[0]["profile"]) shares += step["share"].get<double>();
  CHECK(shares == doctest::Approx(1));
}

TEST_CASE("bench as CSV: a line a test, as many cells as the header names") {
  const CommandResult result =
      run_heed({"bench", tiny_model_path("llama"), "-p", "8", "-n", "4", "-r", "1", "-o", "csv"});
  REQUIRE(result.exit_code == 0);
  const std::vector<std::string> lines = lines_of(result.out);
  REQUIRE(lines.size() >= 3);
  CHECK(lines[0] == "test,median,mean,sd,unit,gb_per_s,gflops,share_of_limit");
  for (size_t i = 1; i <= 2; ++i) {
    const std::vector<std::string> row = cells(lines[i], ',');
    REQUIRE(row.size() == 8);
    CHECK(row[4] == "t/s");
    for (const size_t number : {1, 2, 5, 6}) CHECK(std::stod(row[number]) >= 0);
    CHECK(std::stod(row[6]) > 0);
  }
}

TEST_CASE("bench as a table: every row has every column") {
  const CommandResult result =
      run_heed({"bench", tiny_model_path("llama"), "-p", "8", "-n", "4", "-r", "1", "--profile"});
  REQUIRE(result.exit_code == 0);
  const std::vector<std::string> lines = lines_of(result.out);
  REQUIRE(lines.size() >= 5);
  CHECK(lines[0] == "| test | median | mean ± sd | unit | GB/s | GFLOP/s | of the limit |");
  for (size_t i = 1; i < 4; ++i) CHECK(std::ranges::count(lines[i], '|') == 8);
  CHECK(lines[2].find(" % of ") != std::string::npos);
  CHECK(result.out.find("| steps of tg4 | calls | ms | share |") != std::string::npos);
}

TEST_CASE("bench of an encoder: sentences share the reading of weights, one alone does not") {
  const Json tests = bench_json({tiny_model_path("bert")});
  REQUIRE(tests.size() == 3);
  CHECK(tests[0]["unit"] == "sentences/s");
  CHECK(tests[1]["unit"] == "t/s");
  CHECK(tests[2]["unit"] == "ms");
  for (const Json& test : tests) check_share(test);
  for (const size_t together : {0, 1}) {
    CHECK(tests[together]["limit"] == "gflops");
    CHECK(!tests[together].contains("gb_per_s"));
  }
  CHECK(tests[0]["gflops"] == tests[1]["gflops"]);
  CHECK(tests[2]["gb_per_s"] > 0);
}

}  // namespace heed
