#include "engine/decode/encoder.h"

#include <algorithm>
#include <atomic>

#include "engine/core/error.h"

namespace heed {

namespace {

/// Tokens, about, of a pass that a thread makes alone. Longer sequences are for all threads.
constexpr int64_t kOwnTokens = 256;

/// No pass of many has fewer: kernels for few rows may round in another way, and where passes end
/// depends on the number of threads.
constexpr int64_t kLeastTokens = 64;

PlanOptions encoder_plan_options(const Graph& graph, const EncoderOptions& options) {
  return {.rows = std::max(options.rows, graph.dims.context),
          .wanted = 0,
          .positions = graph.dims.context,
          .kv_type = options.kv_type,
          .input_squares = options.input_squares};
}

/// None where one thread does all, or all add to the same sums.
std::optional<Plan> make_own_plan(const Graph& graph, const Weights& weights,
                                  const EncoderOptions& options) {
  if (options.threads == 1 || options.input_squares) return std::nullopt;
  PlanOptions own = encoder_plan_options(graph, options);
  own.rows = kOwnTokens + kLeastTokens;
  return std::make_optional<Plan>(weights, own);
}

int64_t count_tokens(std::span<const std::vector<Token>> sequences) {
  int64_t tokens = 0;
  for (const std::vector<Token>& sequence : sequences) tokens += std::ssize(sequence);
  return tokens;
}

/// Consecutive sequences for passes of a plan, of `most` tokens or one longer sequence: at last
/// fewer, the `share`-th part of what is left, so that threads come to their ends together.
std::vector<std::span<const std::vector<Token>>> cut(std::span<const std::vector<Token>> sequences,
                                                     const Plan& plan, int64_t most,
                                                     int64_t share) {
  std::vector<std::span<const std::vector<Token>>> passes;
  int64_t left = count_tokens(sequences);
  while (!sequences.empty()) {
    const int64_t wanted = std::clamp(left / share, std::min(kLeastTokens, most), most);
    size_t count = 0;
    int64_t tokens = 0;
    for (const std::vector<Token>& sequence : sequences) {
      const int64_t with = tokens + std::ssize(sequence);
      const bool little_left = left - tokens < kLeastTokens && left <= plan.rows();
      if (count > 0 && with > wanted && !little_left) break;
      tokens = with;
      ++count;
    }
    passes.push_back(sequences.first(count));
    sequences = sequences.subspan(count);
    left -= tokens;
  }
  return passes;
}

}  // namespace

Encoder::Encoder(const Graph& graph, const Weights& weights, const EncoderOptions& options)
    : vocab_(graph.dims.vocab),
      context_(graph.dims.context),
      kv_type_(options.kv_type),
      team_(options.threads),
      plan_(weights, encoder_plan_options(graph, options)),
      own_plan_(make_own_plan(graph, weights, options)),
      workspace_(plan_.make_workspace(team_.size())) {}

int64_t Encoder::bytes(const Plan& plan, const std::optional<Plan>& own_plan, int threads) {
  return plan.bytes(threads) + (own_plan ? threads * own_plan->bytes(1) : 0);
}

int64_t Encoder::bytes(const Graph& graph, const Weights& weights, const EncoderOptions& options) {
  return bytes(Plan(weights, encoder_plan_options(graph, options)),
               make_own_plan(graph, weights, options), options.threads);
}

/// Throws Error for sequences that a pass of at most `most` tokens cannot take.
void Encoder::gather(std::span<const std::vector<Token>> sequences, int64_t most,
                     Lists& lists) const {
  lists.tokens.clear();
  lists.positions.clear();
  lists.rows.clear();
  for (const std::vector<Token>& sequence : sequences) {
    const int64_t count = std::ssize(sequence);
    if (count == 0) fail(Error::Code::argument, "a sequence of no tokens: expected at least one");
    if (count > context_) {
      fail(Error::Code::limit, "a sequence of ", count, " tokens: the model takes ", context_);
    }
    lists.rows.push_back({.first_row = std::ssize(lists.tokens), .rows = count});
    for (int64_t i = 0; i < count; ++i) {
      if (sequence[i] < 0 || sequence[i] >= vocab_) {
        fail(Error::Code::argument, "token ", sequence[i], ": expected 0 to ", vocab_ - 1);
      }
      lists.tokens.push_back(sequence[i]);
      lists.positions.push_back(static_cast<int32_t>(i));
    }
  }
  if (std::ssize(lists.tokens) > most) {
    fail(Error::Code::limit, lists.tokens.size(), " tokens in one pass: at most ", most);
  }
}

Pass Encoder::pass(const Lists& lists, float* out, Pooling pooling) const {
  return {.tokens = lists.tokens,
          .positions = lists.positions,
          .sequences = lists.rows,
          .out = out,
          .kv_type = kv_type_,
          .pooling = pooling,
          .cancel = cancel_};
}

void Encoder::run(std::span<const std::vector<Token>> sequences, float* out, Pooling pooling) {
  gather(sequences, plan_.rows(), lists_);
  if (sequences.empty()) return;
  plan_.run(pass(lists_, out, pooling), team_, workspace_, trace_ ? &trace_ : nullptr);
}

void Encoder::run_all(std::span<const std::vector<Token>> sequences, float* out,
                      const PassOptions& options) {
  const int threads = team_.size();
  const auto fits = [](const std::vector<Token>& s) { return std::ssize(s) <= kOwnTokens; };
  const bool shared = own_plan_ && !trace_ && std::ranges::all_of(sequences, fits) &&
                      count_tokens(sequences) >= 2 * threads * kOwnTokens;
  if (shared) return run_shared(sequences, out, options);
  const int64_t most = std::clamp(options.batch_tokens, int64_t{1}, rows());
  int64_t done = 0;
  for (const auto& pass : cut(sequences, plan_, most, 1)) {
    run(pass, out + done * width(), options.pooling);
    done += std::ssize(pass);
    if (options.progress) options.progress(done);
  }
}

void Encoder::run_shared(std::span<const std::vector<Token>> sequences, float* out,
                         const PassOptions& options) {
  const int threads = team_.size();
  while (std::ssize(workers_) < threads) {
    workers_.push_back({.workspace = own_plan_->make_workspace(1)});
  }
  const int64_t most = std::clamp(options.batch_tokens / threads, int64_t{1}, kOwnTokens);
  const auto passes = cut(sequences, *own_plan_, most, 2 * threads);
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> done = 0;
  team_.run([&](int thread) {
    Worker& worker = workers_[static_cast<size_t>(thread)];
    for (size_t i; !team_.failed() && (i = next.fetch_add(1)) < passes.size();) {
      const int64_t first = passes[i].data() - sequences.data();
      gather(passes[i], own_plan_->rows(), worker.lists);
      own_plan_->run(pass(worker.lists, out + first * width(), options.pooling), worker.team,
                     worker.workspace);
      done += std::ssize(passes[i]);
      if (thread == 0 && options.progress) options.progress(done);
    }
  });
  if (options.progress) options.progress(std::ssize(sequences));
}

}  // namespace heed
