// The sampler of sampler.h. Each cut keeps a prefix of the tokens in order of likelihood, so cuts
// may be taken in whichever order is cheapest as long as each sees the tokens the definition says;
// none needs the order itself, only where it ends.
#include "engine/decode/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/error.h"
#include "engine/decode/require.h"

namespace heed {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

void check(const Sampling& s, int64_t vocab) {
  require(s.temperature >= 0 && std::isfinite(s.temperature), "temperature", s.temperature,
          "0 or more");
  require(s.top_k >= 0, "top_k", s.top_k, "0 or more");
  require(s.top_p >= 0 && s.top_p <= 1, "top_p", s.top_p, "0 to 1");
  require(s.min_p >= 0 && s.min_p <= 1, "min_p", s.min_p, "0 to 1");
  require(s.repeat_penalty > 0 && std::isfinite(s.repeat_penalty), "repeat_penalty",
          s.repeat_penalty, "more than 0");
  require(std::isfinite(s.presence_penalty), "presence_penalty", s.presence_penalty, "a number");
  require(std::isfinite(s.frequency_penalty), "frequency_penalty", s.frequency_penalty, "a number");
  require(s.repeat_last_n >= -1, "repeat_last_n", s.repeat_last_n, "-1 or more");
  for (const auto& [token, bias] : s.logit_bias) {
    if (token < 0 || token >= vocab) {
      fail(Error::Code::argument, "logit_bias names token ", token, ", the vocabulary has ", vocab);
    }
    require(!std::isnan(bias), "logit_bias", bias, "a number");
  }
}

}  // namespace

Sampler::Sampler(const Sampling& sampling, int64_t vocab, const Kernels& kernels)
    : sampling_(sampling), random_(sampling.seed), argmax_(kernels.argmax) {
  check(sampling, vocab);
  const Sampling& s = sampling_;
  const bool penalties =
      s.repeat_last_n != 0 &&
      (s.repeat_penalty != 1 || s.presence_penalty != 0 || s.frequency_penalty != 0);
  const size_t size = static_cast<size_t>(vocab);
  if (penalties) counts_.assign(size, 0);
  if (penalties || !s.logit_bias.empty()) adjusted_.resize(size);
  if (s.temperature > 0) {
    const size_t k = static_cast<size_t>(s.top_k);
    candidates_.reserve(k > 0 ? std::min(2 * k, size) : size);
    weights_.reserve(candidates_.capacity());
  }
}

Token Sampler::sample(std::span<const float> logits, std::span<const Token> tokens) {
  if (!adjusted_.empty()) {
    std::copy(logits.begin(), logits.end(), adjusted_.begin());
    adjust(tokens);
    logits = adjusted_;
  }
  const int64_t best = argmax_(logits.data(), static_cast<int64_t>(logits.size()));
  const float max = logits[static_cast<size_t>(best)];
  if (!(max > kNever)) {
    fail(Error::Code::format, "no token is possible: all ", logits.size(),
         " logits are NaN or -inf");
  }
  if (sampling_.temperature == 0 || std::isinf(max)) return static_cast<Token>(best);

  // min-p depends on the likeliest token alone, so it may go first and spare work, unless top-p
  // comes between, whose sum runs over what top-k left.
  const float floor = sampling_.min_p > 0 ? max + std::log(sampling_.min_p) : kNever;
  if (sampling_.top_p < 1) {
    keep_nucleus(logits, max);
    std::erase_if(candidates_, [floor](const Candidate& c) { return c.logit < floor; });
  } else {
    keep_top_k(logits, floor);
  }
  return draw(max);
}

/// Adds the biases, then penalises the tokens of the window.
void Sampler::adjust(std::span<const Token> tokens) noexcept {
  for (const auto& [token, bias] : sampling_.logit_bias) {
    adjusted_[static_cast<size_t>(token)] += bias;
  }
  if (counts_.empty()) return;

  const size_t window = static_cast<size_t>(sampling_.repeat_last_n);  // -1: the largest there is
  tokens = tokens.last(std::min(window, tokens.size()));
  for (const Token token : tokens) ++counts_[static_cast<size_t>(token)];
  for (const Token token : tokens) {
    int32_t& count = counts_[static_cast<size_t>(token)];
    if (count == 0) continue;  // done at its first occurrence
    float& logit = adjusted_[static_cast<size_t>(token)];
    // Dividing a negative logit would make the token likelier.
    logit = logit > 0 ? logit / sampling_.repeat_penalty : logit * sampling_.repeat_penalty;
    logit -= static_cast<float>(count) * sampling_.frequency_penalty + sampling_.presence_penalty;
    count = 0;
  }
}

/// Fills candidates_ with the k likeliest tokens, or all if top_k is 0, whose logit is at least
/// `floor`. One pass: the buffer holds 2k, and each time it is full the better half stays and its
/// least logit becomes the mark to pass. A later token of equal logit has a larger id: it loses.
void Sampler::keep_top_k(std::span<const float> logits, float floor) {
  candidates_.clear();
  const size_t k = sampling_.top_k > 0 ? static_cast<size_t>(sampling_.top_k) : logits.size();
  const auto keep_k = [&] {
    const auto last = candidates_.begin() + static_cast<ptrdiff_t>(k) - 1;
    std::nth_element(candidates_.begin(), last, candidates_.end(), Likelier{});
    candidates_.resize(k);
  };
  float mark = kNever;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float logit = logits[i];
    if (!(logit > mark && logit >= floor)) continue;
    candidates_.push_back({logit, static_cast<Token>(i)});
    if (candidates_.size() == 2 * k) {
      keep_k();
      mark = candidates_.back().logit;
    }
  }
  if (candidates_.size() > k) keep_k();
}

/// Fills candidates_ with the fewest likeliest of the top-k tokens whose probabilities reach top_p,
/// at least one.
void Sampler::keep_nucleus(std::span<const float> logits, float max) {
  const auto weight = [max](float logit) { return logit > kNever ? std::exp(logit - max) : 0.0f; };
  double total = 0;
  if (sampling_.top_k > 0) {
    keep_top_k(logits, kNever);
    for (const Candidate& candidate : candidates_) total += weight(candidate.logit);
  } else {
    for (const float logit : logits) total += weight(logit);
    // Tokens each less likely than (1 - p) / n reach 1 - p together at most: the others suffice.
    // What the margin lets in besides only has to be cut again.
    const double share = (1.0 - sampling_.top_p) * total / static_cast<double>(logits.size());
    constexpr float kMargin = 0.01f;
    keep_top_k(logits, max + static_cast<float>(std::log(share)) - kMargin);
  }

  // A quickselect by probability: halve, sum up the likelier half, go on in one of the two.
  double wanted = sampling_.top_p * total;
  auto first = candidates_.begin();
  auto last = candidates_.end();
  while (last - first > 1) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, Likelier{});
    double likelier = 0;
    for (auto c = first; c != middle; ++c) likelier += weight(c->logit);
    if (likelier >= wanted) {
      last = middle;
    } else {
      wanted -= likelier;
      first = middle;
    }
  }
  candidates_.erase(last, candidates_.end());
}

/// Draws one of candidates_ at the temperature. The cuts leave them in the order of a library's
/// nth_element; going by id makes the choice depend on the set alone.
Token Sampler::draw(float max) noexcept {
  const auto by_id = [](const Candidate& a, const Candidate& b) { return a.id < b.id; };
  if (!std::is_sorted(candidates_.begin(), candidates_.end(), by_id)) {
    std::sort(candidates_.begin(), candidates_.end(), by_id);
  }
  weights_.clear();
  double total = 0;
  for (const Candidate& candidate : candidates_) {
    weights_.push_back(
        std::exp(static_cast<double>(candidate.logit - max) / sampling_.temperature));
    total += weights_.back();
  }
  double left = random_.uniform() * total;
  for (size_t i = 0; i < weights_.size(); ++i) {
    left -= weights_[i];
    if (left < 0) return candidates_[i].id;
  }
  return candidates_.back().id;  // rounding
}

}  // namespace heed
