// heed score: the log-probability of each token of a text.
#include <cmath>
#include <cstdio>
#include <numeric>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"

namespace heed {
namespace {

class Score : public Verb {
 public:
  About about() const override {
    return {.name = "score",
            .arguments = "MODEL [TEXT]",
            .summary = "log-probability of each token of a text",
            .example = "  heed score smollm2 \"The capital of France is Paris.\""};
  }
  void add_flags(Flags& flags) override {
    flags.add("-p,--prompt", "TEXT", text_, "the text");
    flags.add("-f,--file", "FILE", file_, "read it from a file; - is stdin");
    flags.add("--no-special", no_special_, "add no beginning or end tokens");
    flags.add("--json", json_, "{\"tokens\":[...],\"logprobs\":[null,...]}");
    model_.add_flags(flags);
    session_.add_flags(flags);
  }
  void run(Words& words, Output& out) override;

 private:
  ModelArguments model_;
  SessionArguments session_;
  std::optional<std::string> text_;
  std::string file_;
  bool no_special_ = false;
  bool json_ = false;
};

void Score::run(Words& words, Output& out) {
  model_.take_name(words);
  const std::string text = take_text(text_, file_, words, "TEXT");
  const Model model = model_.load();
  Session session(model, session_.options(model_));
  const std::vector<Token> tokens = model.tokenizer().encode(text, {.add_special = !no_special_});
  const std::vector<double> logprobs = session.score(tokens);

  if (json_) {
    Json json = {{"tokens", tokens}, {"logprobs", Json::array()}};
    if (!tokens.empty()) json["logprobs"].push_back(nullptr);  // nothing comes before the first
    for (const double logprob : logprobs) json["logprobs"].push_back(logprob);
    out.write(json_line(json));
    return;
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string logprob = i == 0 ? "-" : fixed(logprobs[i - 1], 4);
    out.write(padded(logprob, 10) + padded(std::to_string(tokens[i]), 8) +
              one_line(model.tokenizer().piece(tokens[i]), 0) + "\n");
  }
  out.flush();
  if (!logprobs.empty()) {
    const double sum = std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
    const double count = static_cast<double>(logprobs.size());
    std::fprintf(stderr, "%zu tokens, sum %.4f, perplexity %.3f\n", tokens.size(), sum,
                 std::exp(-sum / count));
  }
}

}  // namespace

std::unique_ptr<Verb> make_score() {
  return std::make_unique<Score>();
}

}  // namespace heed
