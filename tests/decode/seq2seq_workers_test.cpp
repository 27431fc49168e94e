// Sources shared out among threads: the translations of one Seq2Seq, on the caller's thread.
#include "engine/decode/seq2seq_workers.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

using Sources = std::vector<std::vector<Token>>;

const std::vector<Token> kPrompt = {1};

Sources some_sources() {
  Sources sources;
  for (size_t i = 0; i < 40; ++i) {
    sources.emplace_back(1 + i * 7 % 19, static_cast<Token>(i % 80));
    sources.back().front() = static_cast<Token>((i * i + 3) % 80);
  }
  return sources;
}

Seq2SeqOptions options_of(int threads) {
  return {.batch = 8, .threads = threads, .search = {.beams = 3, .max_length = 24, .eos = 2}};
}

struct Translated {
  std::vector<Token> tokens;
  float score = 0;
  bool operator==(const Translated&) const = default;
};

/// The best of each source.
template <typename Translator>
std::vector<Translated> translate(Translator& translator, const Sources& sources) {
  std::vector<Translated> all(sources.size());
  size_t count = 0;
  const auto here = std::this_thread::get_id();
  translator.translate(sources, kPrompt,
                       [&](size_t index, std::vector<BeamSearch::Result> results) {
                         CHECK(std::this_thread::get_id() == here);
                         REQUIRE(!results.empty());
                         all[index] = {results.front().tokens, results.front().score};
                         ++count;
                         return true;
                       });
  CHECK(count == sources.size());
  return all;
}

}  // namespace

TEST_CASE("sources shared out among threads: the translations of one that does all") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(preferred_isa()),
                        /*exact=*/true);
  const Sources sources = some_sources();
  Seq2Seq one(model.model(), model.weights(), model.memory_weights(), options_of(1));
  const std::vector<Translated> expected = translate(one, sources);
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    Seq2SeqWorkers workers(model.model(), model.weights(), model.memory_weights(),
                           options_of(threads));
    CHECK(workers.bytes() > 0);
    CHECK(translate(workers, sources) == expected);
    CHECK(translate(workers, sources) == expected);  // nothing is left of the first call
  }
}

TEST_CASE("sources shared out among threads: what ends one's work ends that of all") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(preferred_isa()),
                        /*exact=*/true);
  Sources sources = some_sources();
  Seq2SeqWorkers workers(model.model(), model.weights(), model.memory_weights(), options_of(2));
  int calls = 0;
  workers.translate(sources, kPrompt, [&](size_t, const std::vector<BeamSearch::Result>&) {
    ++calls;
    return false;
  });
  CHECK(calls == 1);
  const auto fail_at_once = [](size_t, const std::vector<BeamSearch::Result>&) -> bool {
    throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH_AS(workers.translate(sources, kPrompt, fail_at_once), "enough",
                       std::runtime_error);
  const std::atomic<bool> cancelled = true, going = false;
  workers.set_cancel(&cancelled);
  const auto go_on = [](size_t, const std::vector<BeamSearch::Result>&) { return true; };
  CHECK_THROWS_WITH_AS(workers.translate(sources, kPrompt, go_on), "cancelled", Error);
  workers.set_cancel(&going);
  CHECK(translate(workers, sources).size() == sources.size());
  sources[39].clear();
  CHECK_THROWS_WITH_AS(workers.translate(sources, kPrompt, go_on),
                       "a source of no tokens: expected at least one", Error);
}

}  // namespace heed
