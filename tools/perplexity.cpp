// heed perplexity: how well a model predicts a text, and how near it stays to a reference.
// The text is read in windows of -c tokens, one after the other; each starts with the beginning-of-
// text token where the model has one, else its first token is given and not counted. Intervals are
// those of a mean of independent tokens, which tokens of one text are only roughly; the ratio of
// two perplexities has that of the differences token by token.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/terminal.h"

namespace heed {
namespace {

/// Of each predicted token, in order.
struct Tally {
  std::vector<double> losses = {};            // -ln p(token)
  std::vector<double> reference_losses = {};  // the same of the reference
  std::vector<double> divergences = {};       // KL(reference || model)
  int64_t agreements = 0;                     // of the likeliest token
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
  std::string_view notes() const override {
    return "95 %: where the figure probably lies for all text of the kind, from what single\n"
           "tokens vary by; the model's ratio to its reference from their differences.\n";
  }
  void run(Words& words, Output& out) override;

 private:
  using Windows = std::vector<std::vector<Token>>;
  Windows windows(const Tokenizer& tokenizer, std::vector<Token> tokens) const;
  Model load_reference(const Model& model) const;
  std::string report(const Tally& tally) const;

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

/// Runs windows of tokens through a model and, a few rows at a time, through its reference.
class Comparison {
 public:
  Comparison(Session& session, Session* reference, int64_t all_tokens)
      : session_(session), reference_(reference), all_tokens_(all_tokens), bar_("predicting") {}

  void add(std::span<const Token> window);
  Tally& tally() { return tally_; }

 private:
  void compare(std::span<const float> logits, std::span<const float> expected, Token next);

  Session& session_;
  Session* reference_;  // may be null
  Tally tally_;
  int64_t done_tokens_ = 0;
  int64_t all_tokens_;
  ProgressBar bar_;
};

void Comparison::add(std::span<const Token> window) {
  constexpr size_t kRows = 128;  // of the reference's logits that are kept
  session_.rewind(0);
  if (reference_ != nullptr) reference_->rewind(0);
  std::vector<float> expected;  // [rows, vocab]
  for (size_t at = 0; at < window.size(); at += kRows) {
    const std::span<const Token> part = window.subspan(at, std::min(kRows, window.size() - at));
    expected.clear();
    if (reference_ != nullptr) {
      reference_->eval_all(part, [&](int64_t, std::span<const float> logits) {
        expected.insert(expected.end(), logits.begin(), logits.end());
      });
    }
    session_.eval_all(part, [&](int64_t row, std::span<const float> logits) {
      const size_t next = at + static_cast<size_t>(row) + 1;
      if (next == window.size()) return;
      const size_t begin = expected.empty() ? 0 : static_cast<size_t>(row) * logits.size();
      const size_t size = expected.empty() ? 0 : logits.size();
      compare(logits, std::span(expected).subspan(begin, size), window[next]);
    });
    done_tokens_ += static_cast<int64_t>(part.size());
    bar_.update(done_tokens_, all_tokens_);
  }
}

/// A row of logits with that of the reference, which may be empty.
void Comparison::compare(std::span<const float> logits, std::span<const float> expected,
                         Token next) {
  const double scale = log_sum_exp(logits);
  tally_.losses.push_back(scale - logits[static_cast<size_t>(next)]);
  if (expected.empty()) return;
  const double expected_scale = log_sum_exp(expected);
  tally_.reference_losses.push_back(expected_scale - expected[static_cast<size_t>(next)]);
  double divergence = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_expected = expected[i] - expected_scale;
    divergence += std::exp(log_expected) * (log_expected - (logits[i] - scale));
  }
  tally_.divergences.push_back(divergence);
  const auto top = [](std::span<const float> row) {
    return std::max_element(row.begin(), row.end()) - row.begin();
  };
  if (top(logits) == top(expected)) ++tally_.agreements;
}

void Perplexity::run(Words& words, Output& out) {
  model_.take_name(words);
  words.require_end();
  const std::string text = take_text(std::nullopt, file_, words, "-f FILE");
  const Model model = model_.load();
  if (model.info().kind != ModelKind::decoder) {
    throw Error(Error::Code::unsupported,
                "perplexity needs a decoder: " + model.info().path.string() +
                    " is of architecture '" + model.info().architecture + "'");
  }
  if (session_.context == 0) session_.context = std::min<int64_t>(512, model.info().context);
  if (session_.context < 2) throw UsageError("a window has at least 2 tokens");
  Session session(model, session_.options(model_));
  std::optional<Session> reference;
  if (reference_exact_ || !reference_.empty()) {
    reference.emplace(load_reference(model), session_.options(model_));
  }

  const Windows all = windows(model.tokenizer(), model.tokenizer().encode(text));
  if (all.empty()) throw UsageError("the text is shorter than two tokens");
  int64_t count = 0;
  for (const std::vector<Token>& window : all) count += static_cast<int64_t>(window.size());
  catch_interrupts();
  Comparison comparison(session, reference ? &*reference : nullptr, count);
  for (const std::vector<Token>& window : all) comparison.add(window);
  out.write(report(comparison.tally()));
}

/// A figure, and the range in which it lies with a probability of 95 %.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;

  template <typename F>
  Estimate as(F f) const {
    return {f(value), f(low), f(high)};
  }
};

constexpr double kDeviations = 1.96;  // of a normal distribution, between which 95 % of it lies

/// Of a mean, from its standard error.
Estimate estimate_mean(std::span<const double> values) {
  const Statistics s = statistics(values);
  const double margin = kDeviations * s.sd / std::sqrt(static_cast<double>(values.size()));
  return {s.mean, s.mean - margin, s.mean + margin};
}

/// Of the value that a share of all values lies below: the ranks within which it falls are those of
/// a binomial distribution.
Estimate estimate_quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double last = static_cast<double>(values.size() - 1);
  const double margin = kDeviations * std::sqrt(last * share * (1 - share));
  const auto at = [&](double rank) {
    return values[static_cast<size_t>(std::clamp(rank, 0.0, last))];
  };
  return {at(share * last), at(share * last - margin), at(std::ceil(share * last + margin))};
}

/// Of a share of `count` cases: Wilson's interval, which stays between 0 and 1.
Estimate estimate_share(int64_t cases, size_t count) {
  const double n = static_cast<double>(count);
  const double p = static_cast<double>(cases) / n;
  const double z = kDeviations * kDeviations / n;
  const double middle = (p + z / 2) / (1 + z);
  const double margin = std::sqrt(z * (p * (1 - p) + z / 4)) / (1 + z);
  return {p, middle - margin, middle + margin};
}

/// "KL mean     0.002600   95 %: 0.0024 to 0.0028"
std::string line(std::string_view name, const Estimate& e, int digits, std::string_view unit = "") {
  const std::string value = fixed(e.value, digits) + std::string(unit);
  return padded(std::string(name), 12) + padded(value, 12) + "95 %: " + fixed(e.low, digits) +
         " to " + fixed(e.high, digits) + std::string(unit) + "\n";
}

void add(Json& json, const std::string& name, const Estimate& e) {
  json[name] = e.value;
  json[name + "_low"] = e.low;
  json[name + "_high"] = e.high;
}

std::string Perplexity::report(const Tally& tally) const {
  const auto exp = [](double x) { return std::exp(x); };
  const auto percent = [](double x) { return 100 * x; };
  const Estimate perplexity = estimate_mean(tally.losses).as(exp);
  Json json = {{"tokens", tally.losses.size()}, {"context", session_.context}};
  add(json, "perplexity", perplexity);
  std::string text = line("perplexity", perplexity, 4);
  if (!tally.divergences.empty()) {
    std::vector<double> differences = tally.losses;
    for (size_t i = 0; i < differences.size(); ++i) differences[i] -= tally.reference_losses[i];
    const Estimate reference = estimate_mean(tally.reference_losses).as(exp);
    const Estimate ratio = estimate_mean(differences).as(exp);
    const Estimate kl = estimate_mean(tally.divergences);
    const Estimate kl_99 = estimate_quantile(tally.divergences, 0.99);
    const Estimate agreement = estimate_share(tally.agreements, tally.losses.size());
    add(json, "reference_perplexity", reference);
    add(json, "ratio", ratio);
    add(json, "kl_mean", kl);
    add(json, "kl_99", kl_99);
    add(json, "top1_agreement", agreement);
    text += line("reference", reference, 4);
    text += line("difference", ratio.as([](double r) { return 100 * (r - 1); }), 2, " %");
    text += line("KL mean", kl, 6) + line("KL 99 %", kl_99, 6);
    text += line("same top 1", agreement.as(percent), 2, " %");
  }
  text += std::to_string(tally.losses.size()) + " tokens in windows of " +
          std::to_string(session_.context) + "\n";
  return json_ ? json_line(json) : text;
}

}  // namespace

std::unique_ptr<Verb> make_perplexity() {
  return std::make_unique<Perplexity>();
}

}  // namespace heed
