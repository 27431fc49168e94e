// What heed.h costs: the same answers of one session, written by the engine's own classes and
// through C, in turn. Prints the median of the ratios of neighbouring runs.
// usage: interface-bench MODEL [TOKENS [ROUNDS]]
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
  const int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 32;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 100;
  const std::vector<heed::Token> prompt = {1, 2, 3, 4};
  const heed::GenerateOptions options{.max_tokens = tokens, .ignore_eos = true};
  heed_generate_params params;
  heed_generate_params_init(&params);
  params.max_tokens = tokens;
  params.ignore_eos = 1;

  heed_model* model = nullptr;
  heed_session* session = nullptr;
  check(heed_model_load(argv[1], nullptr, &model));
  check(heed_session_new(model, nullptr, &session));
  // One session for both: two would differ by where their caches lie in memory.
  heed::Session& inside = heed::c_api::sessions().find(session)->session;
  const auto through_engine = [&] {
    inside.rewind(0);
    inside.start(prompt, options);
    while (inside.next()) {
    }
  };
  const auto through_both = [&] {
    check(heed_rewind(session, 0));
    through_c(session, prompt, params);
  };
  through_engine();
  through_both();
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    double engine = 0, c = 0;
    if (i % 2 == 0) engine = seconds_of(through_engine);
    c = seconds_of(through_both);
    if (i % 2 != 0) engine = seconds_of(through_engine);
    ratios.push_back(c / engine);
  }
  std::ranges::sort(ratios);
  const auto quantile = [&](double q) {
    return ratios[static_cast<size_t>(q * static_cast<double>(ratios.size() - 1))];
  };
  std::printf(
      "%lld tokens, through C over the engine's own: median of %d %.4f, quartiles %.4f %.4f\n",
      static_cast<long long>(tokens), rounds, quantile(0.5), quantile(0.25), quantile(0.75));
  heed_session_free(session);
  heed_model_free(model);
}
