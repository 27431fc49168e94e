// heed score: the log-probability of each token of a text, or of the translations of other texts.
#include <cmath>
#include <cstdio>
#include <numeric>

#include "tools/arguments.h"
#include "tools/input.h"
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
            .example =
                "  heed score smollm2 \"The capital of France is Paris.\"\n"
                "  heed score en-de --source english.txt -f german.txt"};
  }
  void add_flags(Flags& flags) override {
    flags.add("-p,--prompt", "TEXT", text_, "the text");
    flags.add("-f,--file", "FILE", file_, "read it from a file; - is stdin");
    flags.add("--source", "FILE", source_, "of what the lines of -f are translations");
    flags.add("--no-special", no_special_, "add no beginning or end tokens");
    flags.add("--json", json_, "{\"tokens\":[...],\"logprobs\":[null,...]}");
    model_.add_flags(flags);
    session_.add_flags(flags);
  }
  void run(Words& words, Output& out) override;

 private:
  void score_text(Words& words, Output& out) const;
  void score_translations(Words& words, Output& out) const;

  ModelArguments model_;
  SessionArguments session_;
  std::optional<std::string> text_;
  std::string file_;
  std::string source_;
  bool no_special_ = false;
  bool json_ = false;
};

/// On stderr: results alone go to stdout.
void report_sum(size_t tokens, double sum, double scored) {
  if (scored == 0) return;
  std::fprintf(stderr, "%zu tokens, sum %.4f, perplexity %.3f\n", tokens, sum,
               std::exp(-sum / scored));
}

void Score::run(Words& words, Output& out) {
  model_.take_name(words);
  return source_.empty() ? score_text(words, out) : score_translations(words, out);
}

/// One line a translation: the sum of its tokens, how many they are, the text.
void Score::score_translations(Words& words, Output& out) const {
  words.require_end();
  if (file_.empty() || text_) throw UsageError("'--source' needs translations: -f FILE");
  const std::vector<std::string> sources = read_lines(source_);
  const std::vector<std::string> targets = read_lines(file_);
  if (sources.size() != targets.size()) {
    throw UsageError("'" + source_ + "' has " + std::to_string(sources.size()) + " lines, '" +
                     file_ + "' has " + std::to_string(targets.size()));
  }
  Session session(model_.load(), {.threads = model_.threads});
  const std::vector<PairScore> scores = session.score_pairs(sources, targets);
  double total = 0;
  size_t tokens = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const std::vector<double>& logprobs = scores[i].logprobs;
    const double sum = std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
    total += sum;
    tokens += logprobs.size();
    if (json_) {
      out.write(json_line(
          {{"index", i}, {"sum", sum}, {"tokens", scores[i].tokens}, {"logprobs", logprobs}}));
    } else {
      out.write(padded(fixed(sum, 4), 12) + padded(std::to_string(logprobs.size()), 6) +
                one_line(targets[i], 0) + "\n");
    }
  }
  out.flush();
  report_sum(tokens, total, static_cast<double>(tokens));
}

void Score::score_text(Words& words, Output& out) const {
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
  report_sum(tokens.size(), std::accumulate(logprobs.begin(), logprobs.end(), 0.0),
             static_cast<double>(logprobs.size()));
}

}  // namespace

std::unique_ptr<Verb> make_score() {
  return std::make_unique<Score>();
}

}  // namespace heed
