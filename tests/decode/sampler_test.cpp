// The sampler against distributions worked out by hand and against a reference that sorts.
#include "engine/decode/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace heed {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Everything off but what a test switches on.
Sampling plain() {
  return {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
}

Sampler sampler(const Sampling& sampling, size_t vocab) {
  return {sampling, static_cast<int64_t>(vocab), kernels(Isa::scalar)};
}

/// Logits of tokens with these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

/// How often each token came, as a share of `draws`.
std::vector<double> frequencies(const Sampling& sampling, const std::vector<float>& logits,
                                const std::vector<Token>& tokens = {}, int draws = 40000) {
  Sampler s = sampler(sampling, logits.size());
  std::vector<double> shares(logits.size());
  for (int i = 0; i < draws; ++i) shares[static_cast<size_t>(s.sample(logits, tokens))] += 1;
  for (double& share : shares) share /= draws;
  return shares;
}

/// 40,000 draws put a share of p within 5 sqrt(p (1-p) / 40000) <= 0.0125 of p, bar one in a
/// million.
void check_distribution(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    const double p = expected[i];
    CHECK(std::abs(actual[i] - p) <= 5 * std::sqrt(p * (1 - p) / 40000) + 1e-12);
  }
}

/// The definitions with a full sort, drawing from the same random numbers.
Token sorted_reference(const Sampling& s, const std::vector<float>& logits, double uniform) {
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return !(logits[i] > -kInfinity); });
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  const float max = logits[order[0]];
  const auto probability = [&](size_t i) { return std::exp(logits[i] - max); };

  if (s.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(s.top_k)));
  if (s.top_p < 1) {
    double all = 0;
    for (const size_t i : order) all += probability(i);
    double sum = 0;
    size_t kept = 0;
    while (kept < order.size() && (kept == 0 || sum < s.top_p * all)) {
      sum += probability(order[kept++]);
    }
    order.resize(kept);
  }
  std::erase_if(order, [&](size_t i) { return probability(i) < s.min_p; });
  std::sort(order.begin(), order.end());

  std::vector<double> weights;
  for (const size_t i : order) {
    weights.push_back(std::exp(static_cast<double>(logits[i] - max) / s.temperature));
  }
  double left = uniform * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < order.size(); ++i) {
    left -= weights[i];
    if (left < 0) return static_cast<Token>(order[i]);
  }
  return static_cast<Token>(order.back());
}

TEST_CASE("greedy takes the likeliest, the first of equals, and never NaN") {
  Sampler s = sampler({}, 5);
  CHECK(s.sample(std::vector<float>{1, 3, 2, 3, 0}, {}) == 1);
  CHECK(s.sample(std::vector<float>{kNan, -3, -2, kNan, -9}, {}) == 2);
  CHECK(s.sample(std::vector<float>{-kInfinity, -kInfinity, -1e30f, kNan, -kInfinity}, {}) == 2);
  CHECK(s.sample(std::vector<float>{0, 1, 2, kInfinity, 3}, {}) == 3);
}

TEST_CASE("no possible token is an error") {
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler s = sampler({.temperature = temperature}, 3);
    CHECK_THROWS_WITH_AS(s.sample(std::vector<float>{kNan, -kInfinity, kNan}, {}),
                         "no token is possible: all 3 logits are NaN or -inf", Error);
  }
}

TEST_CASE("temperature alone draws from the softmax") {
  const auto logits = logits_of({0.1, 0.2, 0.3, 0.4});
  check_distribution(frequencies(plain(), logits), {0.1, 0.2, 0.3, 0.4});

  Sampling half = plain();
  half.temperature = 0.5f;  // squares the probabilities: 1, 4, 9, 16 of 30
  check_distribution(frequencies(half, logits), {1 / 30.0, 4 / 30.0, 9 / 30.0, 16 / 30.0});

  Sampling cold = plain();
  cold.temperature = 1e-6f;
  check_distribution(frequencies(cold, logits), {0, 0, 0, 1});
}

TEST_CASE("NaN and infinite logits while drawing") {
  check_distribution(frequencies(plain(), {kNan, 0, -kInfinity, 0}), {0, 0.5, 0, 0.5});
  check_distribution(frequencies(plain(), {0, kInfinity, kNan}), {0, 1, 0});
}

TEST_CASE("top-k keeps the k likeliest, the smaller ids of equals") {
  Sampling s = plain();
  s.top_k = 2;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 3 / 7.0, 4 / 7.0});
  check_distribution(frequencies(s, {5, 5, 5, 5}), {0.5, 0.5, 0, 0});
  check_distribution(frequencies(s, {1, 5, 5, 5}), {0, 0.5, 0.5, 0});
  s.top_k = 1;
  check_distribution(frequencies(s, {5, 6, 7, 7}), {0, 0, 1, 0});
  s.top_k = 100;
  check_distribution(frequencies(s, logits_of({0.25, 0.75})), {0.25, 0.75});
}

TEST_CASE("top-p keeps the fewest that reach p, and at least one") {
  Sampling s = plain();
  s.top_p = 0.6f;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 3 / 7.0, 4 / 7.0});
  s.top_p = 0.75f;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})),
                     {0, 2 / 9.0, 3 / 9.0, 4 / 9.0});
  s.top_p = 0;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 0, 1});
  // Of what top-k left, 4/7 alone reaches 0.55; of all four it would take two.
  s.top_k = 2;
  s.top_p = 0.55f;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 0, 1});
}

TEST_CASE("min-p drops what is less than its share of the likeliest") {
  Sampling s = plain();
  s.min_p = 0.6f;  // of 0.4: 0.24
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 3 / 7.0, 4 / 7.0});
  s.min_p = 1;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 0, 1});
  // top-p comes first: of all four tokens it takes two to reach 0.55. Of the two that min-p leaves,
  // 4/7 alone would.
  s.min_p = 0.6f;
  s.top_p = 0.55f;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})), {0, 0, 3 / 7.0, 4 / 7.0});
}

TEST_CASE("the cuts look at probabilities before the temperature") {
  Sampling s = plain();
  s.temperature = 2;  // square roots: sqrt(3) and 2
  s.top_p = 0.6f;
  const double both = std::sqrt(3.0) + 2;
  check_distribution(frequencies(s, logits_of({0.1, 0.2, 0.3, 0.4})),
                     {0, 0, std::sqrt(3.0) / both, 2 / both});
}

TEST_CASE("penalties: by hand") {
  // Token 0 came twice, 1 once; 2 never. The window is the last three.
  const std::vector<float> logits = {3, -1, 0.5f};
  const std::vector<Token> tokens = {2, 2, 0, 1, 0};
  Sampling s = plain();
  s.repeat_last_n = 3;
  s.repeat_penalty = 2;
  s.frequency_penalty = 0.25f;
  s.presence_penalty = 0.5f;
  // 3/2 - 0.5 - 0.5 = 0.5; -1*2 - 0.25 - 0.5 = -2.75; 0.5
  const double total = 2 * std::exp(0.5) + std::exp(-2.75);
  check_distribution(frequencies(s, logits, tokens),
                     {std::exp(0.5) / total, std::exp(-2.75) / total, std::exp(0.5) / total});
}

TEST_CASE("penalties apply to greedy, look back as far as they are told, and leave no trace") {
  const std::vector<float> logits = {3, 2.9f, 0};
  Sampling s{.repeat_penalty = 1.5f, .repeat_last_n = 2};
  Sampler two = sampler(s, 3);
  CHECK(two.sample(logits, std::vector<Token>{0}) == 1);
  CHECK(two.sample(logits, std::vector<Token>{0, 2, 2}) == 0);
  CHECK(two.sample(logits, {}) == 0);
  s.repeat_last_n = -1;
  CHECK(sampler(s, 3).sample(logits, std::vector<Token>{0, 2, 2}) == 1);
  s.repeat_last_n = 0;
  CHECK(sampler(s, 3).sample(logits, std::vector<Token>{0, 0, 0}) == 0);
}

TEST_CASE("logit bias adds, and -inf forbids") {
  Sampling s;
  s.logit_bias = {{0, 1.5f}, {2, -kInfinity}};
  CHECK(sampler(s, 3).sample(std::vector<float>{1, 2, 9}, {}) == 0);
  s = plain();
  s.logit_bias = {{1, std::log(3.0f)}};
  check_distribution(frequencies(s, {0, 0}), {0.25, 0.75});
}

TEST_CASE("settings out of range are named") {
  const auto message = [](Sampling s) -> std::string {
    try {
      sampler(s, 10);
    } catch (const Error& error) {
      CHECK(error.code() == Error::Code::argument);
      return error.what();
    }
    return "accepted";
  };
  CHECK(message({.temperature = -1}) == "temperature is -1, expected 0 or more");
  CHECK(message({.temperature = kNan}) == "temperature is nan, expected 0 or more");
  CHECK(message({.top_k = -1}) == "top_k is -1, expected 0 or more");
  CHECK(message({.top_p = 1.5f}) == "top_p is 1.5, expected 0 to 1");
  CHECK(message({.min_p = -0.5f}) == "min_p is -0.5, expected 0 to 1");
  CHECK(message({.repeat_penalty = 0}) == "repeat_penalty is 0, expected more than 0");
  CHECK(message({.repeat_last_n = -2}) == "repeat_last_n is -2, expected -1 or more");
  CHECK(message({.logit_bias = {{10, 1.0f}}}) ==
        "logit_bias names token 10, the vocabulary has 10");
  CHECK(message({}) == "accepted");
}

TEST_CASE("the same choices as a full sort, for any combination of cuts") {
  RandomNumbers random(7);
  for (int round = 0; round < 400; ++round) {
    const size_t vocab = 1 + random.next() % 3000;
    std::vector<float> logits(vocab);
    for (float& logit : logits) {
      logit = static_cast<float>(8 * (random.uniform() + random.uniform() - 1));
      if (round % 3 == 0) logit = std::round(logit);  // many equals
      if (random.next() % 50 == 0) logit = random.next() % 2 == 0 ? kNan : -kInfinity;
    }
    logits[random.next() % vocab] = 7;
    const Sampling s{.temperature = static_cast<float>(0.2 + 2 * random.uniform()),
                     .top_k = std::vector{0, 1, 2, 40, 1000, 100000}[random.next() % 6],
                     .top_p = std::vector{1.0f, 0.95f, 0.5f, 0.01f}[random.next() % 4],
                     .min_p = std::vector{0.0f, 0.05f, 0.5f}[random.next() % 3],
                     .seed = random.next()};
    CAPTURE(round);
    CAPTURE(s.top_k);
    CAPTURE(s.top_p);
    CAPTURE(s.min_p);
    Sampler tested = sampler(s, vocab);
    RandomNumbers same(s.seed);
    for (int draw = 0; draw < 10; ++draw) {
      REQUIRE(tested.sample(logits, {}) == sorted_reference(s, logits, same.uniform()));
    }
  }
}

TEST_CASE("the same seed gives the same tokens, another seed others") {
  // From the published SplitMix64: the first outputs for the seed 1234567.
  RandomNumbers random(1234567);
  CHECK(random.next() == 6457827717110365317u);
  CHECK(random.next() == 3203168211198807973u);

  const std::vector<float> logits(1000, 0.0f);
  const auto draws = [&](uint64_t seed) {
    Sampling s = plain();
    s.seed = seed;
    Sampler drawn = sampler(s, logits.size());
    std::vector<Token> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(drawn.sample(logits, tokens));
    return tokens;
  };
  CHECK(draws(1) == draws(1));
  CHECK(draws(1) != draws(2));
}

}  // namespace
}  // namespace heed
