// What heed.h costs: the same answers, written by the engine's own classes and through C, in turn
// in one process. Prints the median of the ratios of neighbouring runs. usage: interface-bench
// MODEL [TOKENS [ROUNDS]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "engine/api/library.h"
#include "engine/c_api/support.h"
#include "heed.h"

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(heed_status status) {
  if (status == HEED_OK) return;
  std::fprintf(stderr, "%s\n", heed_last_error());
  std::exit(1);
}

void through_c(heed_session* session, const std::vector<heed::Token>& prompt,
               const heed_generate_params& params) {
  check(heed_generate_start(session, prompt.data(), prompt.size(), &params));
  for (int32_t more = 1; more != 0;) {
    const char* text = nullptr;
    size_t length = 0;
    check(heed_generate_next(session, &text, &length, &more));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 128;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 15;
  const std::vector<heed::Token> prompt = {1, 2, 3, 4};
  const heed::GenerateOptions options{.max_tokens = tokens, .ignore_eos = true};

  heed_model* c_model = nullptr;
  heed_session* c_session = nullptr;
  check(heed_model_load(argv[1], nullptr, &c_model));
  check(heed_session_new(c_model, nullptr, &c_session));
  // One copy of the weights: two would differ by where they lie in memory.
  heed::Session inside(heed::c_api::models().find(c_model)->model);
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = tokens;
  params.ignore_eos = 1;

  // Two sessions inside: how much two of them differ, by where their caches lie, is no cost of C.
  heed::Session other(heed::c_api::models().find(c_model)->model);
  const auto answer = [&](heed::Session& session) {
    session.rewind(0);
    session.start(prompt, options);
    while (session.next()) {
    }
  };
  const std::vector<std::function<void()>> ways = {[&] { answer(inside); }, [&] { answer(other); },
                                                   [&] {
                                                     check(heed_rewind(c_session, 0));
                                                     through_c(c_session, prompt, params);
                                                   }};
  for (const auto& way : ways) way();
  std::vector<std::vector<double>> ratios(ways.size());
  for (int i = 0; i < rounds; ++i) {
    std::vector<double> seconds(ways.size());
    for (size_t w = 0; w < ways.size(); ++w) {  // another one begins each time
      const size_t at = (w + static_cast<size_t>(i)) % ways.size();
      seconds[at] = seconds_of(ways[at]);
    }
    for (size_t w = 0; w < ways.size(); ++w) ratios[w].push_back(seconds[w] / seconds[0]);
  }
  for (auto& list : ratios) std::ranges::sort(list);
  const auto median = [&](size_t way) { return ratios[way][ratios[way].size() / 2]; };
  std::printf("%lld tokens, median of %d: through C %.4f, another session of the engine %.4f\n",
              static_cast<long long>(tokens), rounds, median(2), median(1));
  heed_session_free(c_session);
  heed_model_free(c_model);
}
