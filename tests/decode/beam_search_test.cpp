// The search against transformers' generate() on a toy model whose logits are a table
// (goldens/make_beam_search.py), and against a full sort.
#include "engine/decode/beam_search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "tests/support/paths.h"

namespace heed {
namespace {

using Json = nlohmann::json;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Token kEos = 0;
constexpr Token kStart = 1;

SearchOptions options_of(const Json& given) {
  SearchOptions options{.beams = given["num_beams"],
                        .min_length = given.value("min_length", 0),
                        .max_length = given.value("max_length", 20),
                        .length_penalty = given.value("length_penalty", 1.0),
                        .no_repeat_ngram = given.value("no_repeat_ngram_size", 0),
                        .eos = kEos,
                        .renormalize = given.value("renormalize_logits", false)};
  if (given.contains("early_stopping")) {
    const bool never = given["early_stopping"] == "never";
    options.early_stopping = never ? EarlyStopping::never : EarlyStopping::yes;
  }
  if (given.contains("forced_bos_token_id")) options.forced_bos = given["forced_bos_token_id"];
  if (given.contains("forced_eos_token_id")) options.forced_eos = given["forced_eos_token_id"];
  if (given.contains("bad_words_ids")) {
    for (const Json& word : given["bad_words_ids"]) options.forbidden.push_back(word[0]);
  }
  return options;
}

std::vector<Token> prompt_of(const Json& given) {
  std::vector<Token> prompt = {kStart};
  if (given.contains("prefix")) {
    for (const Json& token : given["prefix"]) prompt.push_back(token);
  }
  return prompt;
}

/// Runs a search whose logits are the golden's table.
std::vector<BeamSearch::Result> run(BeamSearch& search, const Json& golden,
                                    const std::vector<Token>& prompt) {
  const auto vocab = golden["vocab"].get<size_t>();
  const auto phases = golden["phases"].get<size_t>();
  const Json& table = golden["table"];
  search.start(prompt);
  while (!search.done()) {
    std::vector<float> logits;
    const size_t phase = static_cast<size_t>(search.length()) % phases;
    for (const BeamSearch::Live& live : search.live()) {
      const size_t row = (phase * vocab + static_cast<size_t>(live.token)) * vocab;
      for (size_t i = 0; i < vocab; ++i) logits.push_back(table[row + i].get<float>() / 1000);
    }
    search.advance(logits);
  }
  return search.results();
}

}  // namespace

TEST_CASE("a search finds what transformers' generate() finds, with its scores") {
  const Json golden = Json::parse(read_file(test_dir() / "decode/goldens/beam_search.json"));
  for (const Isa isa : machine_isas()) {
    for (const Json& test : golden["cases"]) {
      const Json& options = test["options"];
      CAPTURE(options.dump());
      BeamSearch search(options_of(options), golden["vocab"], kernels(isa));
      const auto results = run(search, golden, prompt_of(options));
      const Json& expected = test["results"];
      REQUIRE(results.size() == expected.size());
      for (size_t i = 0; i < results.size(); ++i) {
        CAPTURE(i);
        CHECK(results[i].tokens == expected[i]["tokens"].get<std::vector<Token>>());
        if (expected[i]["score"].is_null()) continue;  // greedy has none there
        CHECK(results[i].score ==
              doctest::Approx(expected[i]["score"].get<double>()).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a search starts anew without a trace of the last") {
  const Json golden = Json::parse(read_file(test_dir() / "decode/goldens/beam_search.json"));
  const SearchOptions options{.beams = 4, .max_length = 20, .no_repeat_ngram = 2, .eos = kEos};
  BeamSearch used(options, golden["vocab"], kernels(Isa::scalar));
  run(used, golden, {kStart, 9, 8});
  const auto again = run(used, golden, {kStart});
  BeamSearch fresh(options, golden["vocab"], kernels(Isa::scalar));
  const auto first = run(fresh, golden, {kStart});
  REQUIRE(again.size() == first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK(again[i].tokens == first[i].tokens);
    CHECK(again[i].score == first[i].score);
  }
}

TEST_CASE("a step's choice is that of a full sort, ties by the earlier hypothesis and token") {
  constexpr size_t kVocab = 1031;  // four blocks and a bit
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 2);
  for (const size_t beams : {2, 7, 40}) {
    CAPTURE(beams);
    const int64_t count = static_cast<int64_t>(beams);
    BeamSearch search({.beams = count, .max_length = 9, .eos = kEos}, kVocab, kernels(Isa::scalar));
    search.start(std::vector<Token>{kStart});
    for (int step = 0; step < 4; ++step) {
      const std::vector<BeamSearch::Live> live(search.live().begin(), search.live().end());
      std::vector<float> logits(live.size() * kVocab);
      for (float& logit : logits) logit = std::round(normal(random) * 4) / 4;  // many ties
      struct Candidate {
        float score;
        int32_t parent;
        Token token;
      };
      std::vector<Candidate> all;
      for (size_t row = 0; row < live.size(); ++row) {
        const float* x = &logits[row * kVocab];
        const float sum = kernels(Isa::scalar).logsumexp(x, kVocab, nullptr);
        for (size_t i = 0; i < kVocab; ++i) {
          all.push_back(
              {(x[i] - sum) + live[row].score, static_cast<int32_t>(row), static_cast<Token>(i)});
        }
      }
      std::ranges::stable_sort(all, [](auto& a, auto& b) { return a.score > b.score; });
      std::erase_if(all, [](const Candidate& c) { return c.token == kEos; });
      search.advance(logits);
      REQUIRE(search.live().size() == beams);
      for (size_t i = 0; i < beams; ++i) {
        CAPTURE(i);
        CHECK(search.live()[i].score == all[i].score);
        CHECK(search.live()[i].parent == all[i].parent);
        CHECK(search.live()[i].token == all[i].token);
      }
    }
  }
}

TEST_CASE("fewer possible tokens than beams give fewer hypotheses, none ends the search") {
  const std::vector<float> logits = {-kInf, 0, 1, -kInf};
  const auto step = [&](BeamSearch& search) {
    std::vector<float> rows;
    for (size_t i = 0; i < search.live().size(); ++i) {
      rows.insert(rows.end(), logits.begin(), logits.end());
    }
    search.advance(rows);
  };
  BeamSearch few({.beams = 4, .max_length = 3, .eos = kEos}, 4, kernels(Isa::scalar));
  few.start(std::vector<Token>{kStart});
  step(few);
  CHECK(few.live().size() == 2);
  step(few);
  CHECK(few.done());
  CHECK(few.results().size() == 4);

  SearchOptions unique{.beams = 2, .max_length = 9, .no_repeat_ngram = 1, .eos = kEos};
  BeamSearch none(unique, 4, kernels(Isa::scalar));
  none.start(std::vector<Token>{kStart});
  while (!none.done()) step(none);  // 1 is there, 2 follows, then nothing can
  REQUIRE(none.results().size() == 1);
  CHECK(none.results()[0].tokens == std::vector<Token>{1, 2});

  unique.forbidden = {2};
  BeamSearch nothing(unique, 4, kernels(Isa::scalar));
  nothing.start(std::vector<Token>{kStart});
  step(nothing);
  REQUIRE(nothing.done());
  CHECK(nothing.results()[0].tokens == std::vector<Token>{1});
  CHECK(nothing.results()[0].score == 0);
}

TEST_CASE("what cannot be searched is refused") {
  const Kernels& k = kernels(Isa::scalar);
  CHECK_THROWS_WITH_AS(BeamSearch({.beams = 0}, 9, k), "beam size is 0, expected 1 to 1024", Error);
  CHECK_THROWS_AS(BeamSearch({.beams = 4, .length_penalty = kInf}, 9, k), Error);
  CHECK_THROWS_AS(BeamSearch({.min_length = -1}, 9, k), Error);
  CHECK_THROWS_AS(BeamSearch({.no_repeat_ngram = -1}, 9, k), Error);
  CHECK_THROWS_WITH_AS(BeamSearch({.eos = 9}, 9, k), "end token 9: expected 0 to 8", Error);
  CHECK_THROWS_AS(BeamSearch({.forbidden = {-1}}, 9, k), Error);
  CHECK_THROWS_AS(BeamSearch({.forced_bos = 9}, 9, k), Error);

  BeamSearch search({.beams = 2, .max_length = 3}, 2, k);
  CHECK_THROWS_WITH_AS(search.start(std::vector<Token>{1, 1, 1}),
                       "max_length of 3 leaves no room after 3 tokens that are given", Error);
  CHECK_THROWS_AS(search.start({}), Error);
  CHECK_THROWS_AS(search.start(std::vector<Token>{2}), Error);
  for (const float bad : {std::nanf(""), kInf}) {
    search.start(std::vector<Token>{1});
    std::vector<float> logits = {0, bad};
    CHECK_THROWS_AS(search.advance(logits), Error);
  }
  search.start(std::vector<Token>{1});
  std::vector<float> none = {-kInf, -kInf};
  CHECK_THROWS_AS(search.advance(none), Error);
}

}  // namespace heed
