// heed perplexity: how well a model predicts a text, and how near it stays to a reference.
// The text is read in windows of -c tokens, one after the other; each starts with the beginning-of-
// text token where the model has one, else its first token is given and not counted.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

/// Sums over predicted tokens.
struct Tally {
  std::vector<double> losses = {};       // -ln p(token)
  std::vector<double> divergences = {};  // KL(reference || model)
  int64_t agreements = 0;                // same likeliest token
};

class Perplexity : public Verb {
 public:
  About about() const override {
    return {.name = "perplexity",
            .arguments = "MODEL -f FILE",
            .summary = "perplexity of a text; distance from a reference",
            .example = "  heed perplexity smollm2 -f book.txt -c 2000 -n 2000 --reference-exact"};
  }
  void add_flags(Flags& flags) override;
  void run(Words& words, Output& out) override;

 private:
  using Windows = std::vector<std::vector<Token>>;
  Windows windows(const Tokenizer& tokenizer, std::vector<Token> tokens) const;
  Model load_reference(const Model& model) const;
  std::string report(Tally& tally) const;

  ModelArguments model_;
  SessionArguments session_;
  std::string file_;
  std::string reference_;
  int64_t limit_ = -1;
  bool reference_exact_ = false;
  bool json_ = false;
};

void Perplexity::add_flags(Flags& flags) {
  flags.add("-f,--file", "FILE", file_, "the text; - is stdin");
  flags.add("-n,--tokens", "N", limit_, "only the first N tokens");
  flags.add("--reference", "MODEL", reference_, "also KL divergence and agreement with this model");
  flags.add("--reference-exact", reference_exact_, "the reference (or MODEL itself) with --exact");
  flags.add("--json", json_, "one JSON object");
  model_.add_flags(flags);
  session_.add_flags(flags, "tokens of a window; 0 = 512, or what the model has");
}

Perplexity::Windows Perplexity::windows(const Tokenizer& tokenizer,
                                        std::vector<Token> tokens) const {
  if (limit_ >= 0) tokens.resize(std::min(tokens.size(), static_cast<size_t>(limit_)));
  const std::optional<Token> bos = tokenizer.bos();
  const bool starts = bos && !tokens.empty() && tokens[0] == *bos;
  const size_t room = static_cast<size_t>(session_.context);
  Windows result;
  for (size_t at = 0; at < tokens.size();) {
    std::vector<Token> window;
    if (starts && at > 0) window.push_back(*bos);
    while (at < tokens.size() && window.size() < room) window.push_back(tokens[at++]);
    if (window.size() > 1) result.push_back(std::move(window));
  }
  return result;
}

Model Perplexity::load_reference(const Model& model) const {
  ModelArguments arguments = model_;
  if (!reference_.empty()) arguments.name = reference_;
  arguments.exact = reference_exact_;
  Model reference = arguments.load();
  if (reference.info().vocab != model.info().vocab) {
    throw UsageError("--reference has a vocabulary of " + std::to_string(reference.info().vocab) +
                     " tokens, the model " + std::to_string(model.info().vocab));
  }
  return reference;
}

double log_sum_exp(std::span<const float> logits) {
  const float max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return max + std::log(sum);
}

/// Compares a row of logits, whose log_sum_exp is `scale`, with that of the reference.
void compare(std::span<const float> logits, double scale, std::span<const float> expected,
             Tally& tally) {
  const double expected_scale = log_sum_exp(expected);
  double divergence = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_expected = expected[i] - expected_scale;
    divergence += std::exp(log_expected) * (log_expected - (logits[i] - scale));
  }
  tally.divergences.push_back(divergence);
  const auto top = [](std::span<const float> row) {
    return std::max_element(row.begin(), row.end()) - row.begin();
  };
  if (top(logits) == top(expected)) ++tally.agreements;
}

/// Runs a window through the model and, a few rows at a time, the reference.
void tally_window(Session& session, Session* reference, std::span<const Token> window,
                  Tally& tally) {
  constexpr size_t kRows = 128;  // of the reference's logits that are kept
  session.rewind(0);
  if (reference != nullptr) reference->rewind(0);
  std::vector<float> expected;  // [rows, vocab]
  for (size_t at = 0; at < window.size(); at += kRows) {
    const std::span<const Token> part = window.subspan(at, std::min(kRows, window.size() - at));
    expected.clear();
    if (reference != nullptr) {
      reference->eval_all(part, [&](int64_t, std::span<const float> logits) {
        expected.insert(expected.end(), logits.begin(), logits.end());
      });
    }
    session.eval_all(part, [&](int64_t row, std::span<const float> logits) {
      const size_t next = at + static_cast<size_t>(row) + 1;
      if (next == window.size()) return;
      const double scale = log_sum_exp(logits);
      tally.losses.push_back(scale - logits[static_cast<size_t>(window[next])]);
      if (expected.empty()) return;
      const size_t begin = static_cast<size_t>(row) * logits.size();
      compare(logits, scale, std::span(expected).subspan(begin, logits.size()), tally);
    });
  }
}

void Perplexity::run(Words& words, Output& out) {
  model_.take_name(words);
  words.require_end();
  const std::string text = take_text(std::nullopt, file_, words, "-f FILE");
  const Model model = model_.load();
  if (session_.context == 0) session_.context = std::min<int64_t>(512, model.info().context);
  Session session(model, session_.options(model_));
  std::optional<Session> reference;
  if (reference_exact_ || !reference_.empty()) {
    reference.emplace(load_reference(model), session_.options(model_));
  }

  const Windows all = windows(model.tokenizer(), model.tokenizer().encode(text));
  if (all.empty()) throw UsageError("the text is shorter than two tokens");
  Tally tally;
  {
    ProgressBar bar("predicting");
    catch_interrupts();
    for (size_t i = 0; i < all.size(); ++i) {
      bar.update(static_cast<int64_t>(i), static_cast<int64_t>(all.size()));
      tally_window(session, reference ? &*reference : nullptr, all[i], tally);
    }
  }
  out.write(report(tally));
}

std::string Perplexity::report(Tally& tally) const {
  const Statistics loss = statistics(tally.losses);
  const double count = static_cast<double>(tally.losses.size());
  const double margin = 1.96 * loss.sd / std::sqrt(count);
  const double low = std::exp(loss.mean - margin);
  const double high = std::exp(loss.mean + margin);
  Json json = {{"tokens", tally.losses.size()},
               {"context", session_.context},
               {"perplexity", std::exp(loss.mean)},
               {"low", low},
               {"high", high}};
  std::string text = "perplexity  " + fixed(std::exp(loss.mean), 4) + "   95 %: " + fixed(low, 3) +
                     " to " + fixed(high, 3) + ", " + std::to_string(tally.losses.size()) +
                     " tokens in windows of " + std::to_string(session_.context) + "\n";
  if (!tally.divergences.empty()) {
    const double kl = statistics(tally.divergences).mean;
    const size_t rank = static_cast<size_t>(0.99 * (count - 1));
    std::nth_element(tally.divergences.begin(),
                     tally.divergences.begin() + static_cast<ptrdiff_t>(rank),
                     tally.divergences.end());
    const double kl99 = tally.divergences[rank];
    const double agreement = static_cast<double>(tally.agreements) / count;
    json.update({{"kl_mean", kl}, {"kl_99", kl99}, {"top1_agreement", agreement}});
    text += "KL mean     " + fixed(kl, 6) + "\nKL 99 %     " + fixed(kl99, 6) + "\nsame top 1  " +
            fixed(100 * agreement, 2) + " %\n";
  }
  return json_ ? json_line(json) : text;
}

}  // namespace

std::unique_ptr<Verb> make_perplexity() {
  return std::make_unique<Perplexity>();
}

}  // namespace heed
