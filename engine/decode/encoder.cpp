#include "engine/decode/encoder.h"

#include <algorithm>

#include "engine/core/error.h"

namespace heed {

namespace {

PlanOptions encoder_plan_options(const Graph& graph, const EncoderOptions& options) {
  return {.rows = std::max(options.rows, graph.dims.context),
          .wanted = 0,
          .positions = graph.dims.context,
          .kv_type = options.kv_type,
          .input_squares = options.input_squares};
}

}  // namespace

Encoder::Encoder(const Graph& graph, const Weights& weights, const EncoderOptions& options)
    : vocab_(graph.dims.vocab),
      context_(graph.dims.context),
      kv_type_(options.kv_type),
      team_(options.threads),
      plan_(weights, encoder_plan_options(graph, options)),
      workspace_(plan_.make_workspace(team_.size())) {}

int64_t Encoder::bytes(const Graph& graph, const Weights& weights, const EncoderOptions& options) {
  return Plan(weights, encoder_plan_options(graph, options)).bytes(options.threads);
}

void Encoder::gather(std::span<const std::vector<Token>> sequences) {
  tokens_.clear();
  positions_.clear();
  rows_.clear();
  for (const std::vector<Token>& sequence : sequences) {
    const int64_t count = static_cast<int64_t>(sequence.size());
    if (count == 0) fail(Error::Code::argument, "a sequence of no tokens: expected at least one");
    if (count > context_) {
      fail(Error::Code::limit, "a sequence of ", count, " tokens: the model takes ", context_);
    }
    rows_.push_back({.first_row = static_cast<int64_t>(tokens_.size()), .rows = count});
    for (int64_t i = 0; i < count; ++i) {
      if (sequence[i] < 0 || sequence[i] >= vocab_) {
        fail(Error::Code::argument, "token ", sequence[i], ": expected 0 to ", vocab_ - 1);
      }
      tokens_.push_back(sequence[i]);
      positions_.push_back(static_cast<int32_t>(i));
    }
  }
  if (static_cast<int64_t>(tokens_.size()) > plan_.rows()) {
    fail(Error::Code::limit, tokens_.size(), " tokens in one pass: at most ", plan_.rows());
  }
}

void Encoder::run(std::span<const std::vector<Token>> sequences, float* out, Pooling pooling) {
  gather(sequences);
  if (sequences.empty()) return;
  plan_.run({.tokens = tokens_,
             .positions = positions_,
             .sequences = rows_,
             .out = out,
             .kv_type = kv_type_,
             .pooling = pooling,
             .cancel = cancel_},
            team_, workspace_, trace_ ? &trace_ : nullptr);
}

}  // namespace heed
