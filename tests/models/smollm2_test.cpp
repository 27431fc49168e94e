// The real decoder against transformers in f32 (goldens/make_smollm2.py) and against itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/api/library.h"
#include "tests/support/paths.h"

namespace heed {
namespace {

/// What two models say of the same tokens, token by token.
struct Agreement {
  double kl = 0;              ///< mean, nats
  double top1 = 0;            ///< share of tokens with the same likeliest successor
  double log_likelihood = 0;  ///< mean of the second model's, minus the first's
};

std::vector<double> log_softmax(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - max);
  std::vector<double> result(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) result[i] = logits[i] - max - std::log(sum);
  return result;
}

Agreement compare(Session& reference, Session& other, std::span<const Token> tokens) {
  constexpr size_t kChunk = 128;  // bounds the memory of [rows, vocab]
  Agreement sum;
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += kChunk) {
    const auto chunk = tokens.subspan(begin, std::min(kChunk, tokens.size() - begin));
    std::vector<std::vector<double>> expected;
    reference.eval_all(chunk, [&](int64_t, std::span<const float> logits) {
      expected.push_back(log_softmax(logits));
    });
    other.eval_all(chunk, [&](int64_t row, std::span<const float> logits) {
      const std::vector<double>& p = expected[row];
      const std::vector<double> q = log_softmax(logits);
      for (size_t i = 0; i < p.size(); ++i) sum.kl += std::exp(p[i]) * (p[i] - q[i]);
      sum.top1 +=
          std::ranges::max_element(p) - p.begin() == std::ranges::max_element(q) - q.begin();
      if (begin + row + 1 < tokens.size()) {
        const Token next = tokens[begin + row + 1];
        sum.log_likelihood += q[next] - p[next];
      }
    });
  }
  const double count = static_cast<double>(tokens.size());
  return {sum.kl / count, sum.top1 / count, sum.log_likelihood / (count - 1)};
}

}  // namespace

TEST_CASE("exact: greedy text and logits are those of transformers") {
  const auto path = stored_model_to_run("smollm2.gguf");
  if (!path) return;
  const auto golden = nlohmann::json::parse(read_file(test_dir() / "models/goldens/smollm2.json"));
  const size_t stride = golden["stride"];
  const Model model = Model::load(path->string(), {.exact = true});
  Session session(model, {.context = 256});
  for (const auto& c : golden["cases"]) {
    CAPTURE(c["prompt"].get<std::string>());
    const std::vector<Token> ids = c["ids"];
    CHECK(model.tokenizer().encode(c["prompt"].get<std::string>()) == ids);
    session.rewind(0);
    std::span<const float> logits = session.eval(ids);
    float most = 0;
    for (size_t i = 0; i < c["logits"].size(); ++i) {
      most = std::max(most, std::abs(logits[i * stride] - c["logits"][i].get<float>()));
    }
    CHECK(most < 1e-2f);
    std::vector<Token> greedy;
    for (size_t i = 0; i < c["greedy"].size(); ++i) {
      greedy.push_back(static_cast<Token>(std::ranges::max_element(logits) - logits.begin()));
      logits = session.eval({&greedy.back(), 1});
    }
    CHECK(greedy == c["greedy"].get<std::vector<Token>>());
  }
}

TEST_CASE("fast path: 2,000 tokens of a book agree with the exact one") {
  const auto path = stored_model_to_run("smollm2.gguf");
  const auto book = shared_data("book.txt");
  if (!path || !book) return;
  const Model exact = Model::load(path->string(), {.exact = true});
  std::vector<Token> tokens = exact.tokenizer().encode(read_file(*book));
  tokens.resize(2000);
  Session reference(exact, {.context = 2048});
  const Model model = Model::load(path->string());
  for (const KvType kv_type : {KvType::bf16, KvType::q8}) {
    const bool q8 = kv_type == KvType::q8;
    Session fast(model, {.context = 2048, .kv_type = kv_type});
    reference.rewind(0);
    const Agreement agreement = compare(reference, fast, tokens);
    MESSAGE((q8 ? "q8" : "bf16") << ": mean KL " << agreement.kl << ", top-1 "
                                 << 100 * agreement.top1 << " %, perplexity "
                                 << 100 * (std::exp(-agreement.log_likelihood) - 1) << " % higher");
    CHECK(agreement.kl <= 0.0026);
    CHECK(agreement.top1 >= (q8 ? 0.965 : 0.97));
    CHECK(std::abs(std::exp(-agreement.log_likelihood) - 1) <= 0.005);
  }
}

}  // namespace heed
