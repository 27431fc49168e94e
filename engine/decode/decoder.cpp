#include "engine/decode/decoder.h"

#include <algorithm>
#include <numeric>

#include "engine/core/error.h"

namespace heed {
namespace {

int64_t checked_context(const Graph& graph, const DecoderOptions& options) {
  if (options.context > graph.dims.context) {
    fail(Error::Code::limit, "context of ", options.context, " tokens: the model was made for ",
         graph.dims.context);
  }
  return options.context;
}

PlanOptions plan_options(const DecoderOptions& options) {
  return {.rows = std::min(options.ubatch, options.context),
          .wanted = Decoder::kLogitRows,
          .positions = options.context,
          .kv_type = options.kv_type,
          .input_squares = options.input_squares};
}

}  // namespace

Decoder::Decoder(const Graph& graph, const Weights& weights, const DecoderOptions& options)
    : weights_(weights),
      vocab_(graph.dims.vocab),
      context_(checked_context(graph, options)),
      team_(options.threads),
      cache_(kv_shape(graph), options.kv_type, options.context),
      plan_(weights, plan_options(options)),
      workspace_(plan_.make_workspace(team_.size())) {
  tokens_.reserve(context_);
  positions_.reserve(plan_.rows());
  wanted_.reserve(kLogitRows);
  logits_.resize(vocab_);
}

void Decoder::check(std::span<const Token> tokens) const {
  if (tokens.empty()) fail(Error::Code::argument, "no tokens to evaluate: expected at least one");
  const int64_t count = static_cast<int64_t>(tokens.size());
  if (position() + count > context_) {
    fail(Error::Code::limit, position() + count, " tokens (", position(), " in the cache, ", count,
         " new) do not fit into a context of ", context_);
  }
  check_ids(tokens);
}

void Decoder::check_ids(std::span<const Token> tokens) const {
  for (const Token token : tokens) {
    if (token < 0 || token >= vocab_) {
      fail(Error::Code::argument, "token ", token, ": expected 0 to ", vocab_ - 1);
    }
  }
}

void Decoder::pass(std::span<const Token> tokens, int64_t wanted) {
  const int64_t count = static_cast<int64_t>(tokens.size());
  positions_.resize(count);
  std::iota(positions_.begin(), positions_.end(), static_cast<int32_t>(position()));
  wanted_.resize(wanted);
  std::iota(wanted_.begin(), wanted_.end(), count - wanted);
  const SequenceRows sequence{.rows = count, .cache = &cache_.view()};
  const Pass pass{.tokens = tokens,
                  .positions = positions_,
                  .sequences = {&sequence, 1},
                  .wanted = wanted_,
                  .out = logits_.data(),
                  .kv_type = cache_.view().type,
                  .cancel = cancel_};
  plan_.run(pass, team_, workspace_, trace_ ? &trace_ : nullptr);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
}

std::span<const float> Decoder::eval(std::span<const Token> tokens) {
  check(tokens);
  while (!tokens.empty()) {
    const size_t count = std::min<size_t>(tokens.size(), plan_.rows());
    pass(tokens.first(count), count == tokens.size() ? 1 : 0);
    tokens = tokens.subspan(count);
  }
  return {logits_.data(), static_cast<size_t>(vocab_)};
}

void Decoder::eval_all(std::span<const Token> tokens, const Rows& rows) {
  check(tokens);
  if (static_cast<int64_t>(logits_.size()) < kLogitRows * vocab_) {
    logits_.resize(kLogitRows * vocab_);
  }
  int64_t row = 0;
  while (!tokens.empty()) {
    const size_t count = std::min<size_t>(tokens.size(), std::min(kLogitRows, plan_.rows()));
    pass(tokens.first(count), static_cast<int64_t>(count));
    for (size_t i = 0; i < count; ++i) {
      rows(row++, {logits_.data() + i * vocab_, static_cast<size_t>(vocab_)});
    }
    tokens = tokens.subspan(count);
  }
}

void Decoder::rewind(int64_t to) {
  if (to < 0 || to > position()) {
    fail(Error::Code::argument, "rewind to position ", to, ": expected 0 to ", position());
  }
  tokens_.resize(to);
}

void Decoder::set_tokens(std::span<const Token> tokens) {
  rewind(0);
  if (tokens.empty()) return;
  check(tokens);
  tokens_.assign(tokens.begin(), tokens.end());
}

int64_t Decoder::bytes(const Graph& graph, const Weights& weights, const DecoderOptions& options) {
  const int64_t context = checked_context(graph, options);
  return KvCache::bytes(kv_shape(graph), options.kv_type, context) +
         Plan(weights, plan_options(options)).bytes(options.threads) +
         graph.dims.vocab * static_cast<int64_t>(sizeof(float));
}

int64_t Decoder::bytes() const {
  return cache_.bytes() + plan_.bytes(team_.size()) +
         static_cast<int64_t>(logits_.size() * sizeof(float));
}

}  // namespace heed
