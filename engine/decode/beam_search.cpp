#include "engine/decode/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/core/error.h"
#include "engine/decode/require.h"

namespace heed {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

/// Logits are looked through in blocks of as many as logsumexp gives the largest of: after it,
/// taking a row's best token costs a look at one block and at the best of each, not at the whole
/// vocabulary.
constexpr int64_t kBlock = kMaximumOf;

void check_token(const char* name, Token token, int64_t vocab) {
  if (token < 0 || token >= vocab) {
    fail(Error::Code::argument, name, " ", token, ": expected 0 to ", vocab - 1);
  }
}

void check_options(const SearchOptions& o, int64_t vocab) {
  constexpr double kMostBeams = 1024;
  require(o.beams >= 1 && o.beams <= kMostBeams, "beam size", static_cast<double>(o.beams),
          "1 to 1024");
  require(o.min_length >= 0, "min_length", static_cast<double>(o.min_length), "0 or more");
  require(std::isfinite(o.length_penalty), "length_penalty", o.length_penalty, "a number");
  require(o.no_repeat_ngram >= 0, "no_repeat_ngram", static_cast<double>(o.no_repeat_ngram),
          "0 or more");
  check_token("end token", o.eos, vocab);
  if (o.forced_bos) check_token("forced first token", *o.forced_bos, vocab);
  if (o.forced_eos) check_token("forced last token", *o.forced_eos, vocab);
  for (const Token token : o.forbidden) check_token("forbidden token", token, vocab);
}

}  // namespace

BeamSearch::BeamSearch(SearchOptions options, int64_t vocab, const Kernels& kernels)
    : options_(std::move(options)), vocab_(vocab), kernels_(kernels) {
  check_options(options_, vocab);
  beams_ = static_cast<size_t>(options_.beams);
  std::erase(options_.forbidden, options_.eos);  // as transformers does: else nothing would end
  live_.reserve(beams_);
  next_.reserve(beams_);
  candidates_.reserve(2 * beams_ + 1);
  finished_.reserve(beams_ + 1);
  const size_t longest = static_cast<size_t>(std::max<int64_t>(0, options_.max_length));
  nodes_.reserve(2 * beams_ * longest);  // of those that go on and of those that end
  history_.resize(longest);
  block_best_.resize(static_cast<size_t>((vocab + kBlock - 1) / kBlock));
}

void BeamSearch::start(std::span<const Token> prompt) {
  prompt_ = static_cast<int64_t>(prompt.size());
  if (prompt.empty()) fail(Error::Code::argument, "no token to start from");
  for (const Token token : prompt) check_token("token", token, vocab_);
  if (prompt_ >= options_.max_length) {
    fail(Error::Code::limit, "max_length of ", options_.max_length, " leaves no room after ",
         prompt_, " tokens that are given");
  }
  nodes_.clear();
  finished_.clear();
  for (const Token token : prompt) {
    add_node(static_cast<int32_t>(nodes_.size()) - 1, token);
  }
  live_.assign(1, {.token = prompt.back(), .node = static_cast<int32_t>(nodes_.size()) - 1});
  length_ = prompt_;
  done_ = false;
}

void BeamSearch::advance(std::span<float> logits) {
  candidates_.clear();
  const std::optional<Token> forced = forced_token();
  for (size_t i = 0; i < live_.size(); ++i) {
    const int32_t row = static_cast<int32_t>(i);
    if (forced) {
      const Candidate candidate{.row = row, .token = *forced, .score = live_[i].score};
      if (is_wanted(candidate.score)) offer(candidate);  // it costs nothing
    } else {
      gather(row, logits.subspan(i * static_cast<size_t>(vocab_), static_cast<size_t>(vocab_)));
    }
  }
  choose();
  done_ = has_ended();
}

std::optional<Token> BeamSearch::forced_token() const {
  if (options_.forced_eos && length_ == options_.max_length - 1) return options_.forced_eos;
  if (options_.forced_bos && length_ == 1) return options_.forced_bos;
  return std::nullopt;
}

/// Offers the tokens that may follow a hypothesis, likeliest first, until one is too unlikely. Of
/// equally likely ones the smaller id comes first.
void BeamSearch::gather(int32_t row, std::span<float> logits) {
  float log_sum = kernels_.logsumexp(logits.data(), vocab_, block_best_.data());
  if (!std::isfinite(log_sum)) {
    fail(Error::Code::format, "no token is possible: logits are NaN, infinite or all -inf");
  }
  forbid(row, logits);
  if (options_.renormalize) log_sum = kernels_.logsumexp(logits.data(), vocab_, nullptr);
  const auto blocks = static_cast<int64_t>(block_best_.size());
  while (true) {
    const auto block = static_cast<size_t>(kernels_.argmax(block_best_.data(), blocks));
    const float logit = block_best_[block];
    if (!(logit > kImpossible)) return;
    const float score = (logit - log_sum) + live_[static_cast<size_t>(row)].score;
    if (!is_wanted(score)) return;
    const Token token = best_of(block, logits);
    offer({.row = row, .token = token, .score = score});
    take_away(token, logits);
  }
}

/// The likeliest token of a block of logits.
Token BeamSearch::best_of(size_t block, std::span<const float> logits) const {
  const int64_t begin = static_cast<int64_t>(block) * kBlock;
  const int64_t count = std::min(kBlock, vocab_ - begin);
  return static_cast<Token>(begin + kernels_.argmax(logits.data() + begin, count));
}

/// Makes a token impossible.
void BeamSearch::take_away(Token token, std::span<float> logits) {
  const size_t block = static_cast<size_t>(token / kBlock);
  logits[static_cast<size_t>(token)] = kImpossible;
  block_best_[block] = logits[static_cast<size_t>(best_of(block, logits))];
}

void BeamSearch::forbid(int32_t row, std::span<float> logits) {
  for (const Token token : options_.forbidden) take_away(token, logits);
  if (length_ < options_.min_length) take_away(options_.eos, logits);
  if (options_.no_repeat_ngram > 0) forbid_repeats(row, logits);
}

/// Forbids what followed earlier on the n - 1 tokens that a hypothesis now ends with.
void BeamSearch::forbid_repeats(int32_t row, std::span<float> logits) {
  const int64_t n = options_.no_repeat_ngram;
  if (length_ < n) return;
  int32_t node = live_[static_cast<size_t>(row)].node;
  for (int64_t i = length_ - 1; i >= 0; --i) {
    history_[static_cast<size_t>(i)] = nodes_[static_cast<size_t>(node)].token;
    node = nodes_[static_cast<size_t>(node)].parent;
  }
  const auto end = history_.begin() + length_;
  const auto last = end - (n - 1);
  for (auto at = history_.begin(); at + n <= end; ++at) {
    if (std::equal(last, end, at)) take_away(at[n - 1], logits);
  }
}

/// Twice as many candidates as beams are kept: so many may end that beams enough are left.
size_t BeamSearch::most_candidates() const {
  return beams_ == 1 ? 1 : 2 * beams_;
}

/// Whether a candidate is one of the best so far. Of equal ones the first to be offered is better.
bool BeamSearch::is_wanted(float score) const {
  return candidates_.size() < most_candidates() || score > candidates_.back().score;
}

/// Keeps a candidate that is wanted in its place.
void BeamSearch::offer(const Candidate& candidate) {
  if (candidates_.size() == most_candidates()) candidates_.pop_back();
  const auto better = [](float score, const Candidate& c) { return score > c.score; };
  candidates_.insert(
      std::upper_bound(candidates_.begin(), candidates_.end(), candidate.score, better), candidate);
}

/// Ends or continues the candidates. Only the best `beams` may end: the others are there to go on.
void BeamSearch::choose() {
  if (candidates_.empty() && finished_.empty()) {  // all is forbidden: this is what there is
    for (const Live& live : live_) finish(live.node, live.score);
  }
  ++length_;
  next_.clear();
  for (size_t rank = 0; rank < candidates_.size(); ++rank) {
    const Candidate& c = candidates_[rank];
    const int32_t parent = live_[static_cast<size_t>(c.row)].node;
    if (c.token == options_.eos || length_ == options_.max_length) {
      if (rank < beams_) finish(add_node(parent, c.token), c.score);
    } else if (next_.size() < beams_) {
      next_.push_back(
          {.parent = c.row, .token = c.token, .score = c.score, .node = add_node(parent, c.token)});
    }
  }
  live_.swap(next_);
}

int32_t BeamSearch::add_node(int32_t parent, Token token) {
  nodes_.push_back({.parent = parent, .token = token});
  return static_cast<int32_t>(nodes_.size()) - 1;
}

/// Adds an ended hypothesis of length_ tokens; the best `beams` stay, of equal ones the earlier.
void BeamSearch::finish(int32_t node, float sum) {
  const float score = normalised(sum, std::max<int64_t>(1, length_ - prompt_));
  const auto better = [](float s, const Finished& f) { return s > f.score; };
  finished_.insert(std::upper_bound(finished_.begin(), finished_.end(), score, better),
                   {.node = node, .score = score});
  if (finished_.size() > beams_) finished_.pop_back();
}

/// Nothing goes on, or what goes on is not taken to become better than the worst that has ended.
bool BeamSearch::has_ended() const {
  if (live_.empty()) return true;
  if (finished_.size() < beams_) return false;
  if (beams_ == 1 || options_.early_stopping == EarlyStopping::yes) return true;
  const bool longest =
      options_.early_stopping == EarlyStopping::never && options_.length_penalty > 0;
  const int64_t length = (longest ? options_.max_length : length_) - prompt_;
  return !(normalised(live_[0].score, length) > finished_.back().score);
}

float BeamSearch::normalised(float sum, int64_t length) const {
  return sum / static_cast<float>(std::pow(static_cast<double>(length), options_.length_penalty));
}

std::vector<BeamSearch::Result> BeamSearch::results() const {
  std::vector<Result> results;
  for (const Finished& finished : finished_) {
    Result result{.score = finished.score};
    for (int32_t node = finished.node; node >= 0; node = nodes_[static_cast<size_t>(node)].parent) {
      result.tokens.push_back(nodes_[static_cast<size_t>(node)].token);
    }
    std::ranges::reverse(result.tokens);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace heed
