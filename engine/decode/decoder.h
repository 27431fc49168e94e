// A decoder at work on one sequence: its cache, its plan and its memory. Prefill and decode are the
// same call with many tokens or one. Used by generation, scoring and the sessions of the API.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <vector>

#include "engine/decode/kv_cache.h"
#include "engine/graph/plan.h"

namespace heed {

struct DecoderOptions {
  int64_t context = 4096;
  int64_t ubatch = 512;  ///< rows of a pass
  int threads = 1;
  KvType kv_type = KvType::bf16;
  AllInputSquares* input_squares = nullptr;  ///< see PlanOptions
};

class Decoder {
 public:
  /// `weights` (and the graph) must outlive the decoder. Throws Error(limit) if the context is
  /// longer than the model was made for.
  Decoder(const Graph& graph, const Weights& weights, const DecoderOptions& options);

  /// Appends tokens; returns the logits [vocab] of the last one, valid until the next call. Throws,
  /// before any work: Error(limit) with both numbers if they do not fit, Error(argument) for no
  /// tokens or an id outside the vocabulary.
  std::span<const float> eval(std::span<const Token> tokens);

  /// Tokens of a pass whose logits are all computed: bounds the memory of [rows, vocab].
  static constexpr int64_t kLogitRows = 32;

  /// Appends tokens and hands out the logits of each, `row` counted from the first of them; passes
  /// are of up to kLogitRows.
  using Rows = std::function<void(int64_t row, std::span<const float> logits)>;
  void eval_all(std::span<const Token> tokens, const Rows& rows);

  /// Throws Error(argument) for an id outside the vocabulary.
  void check_ids(std::span<const Token> tokens) const;

  void rewind(int64_t position);
  const std::vector<Token>& tokens() const { return tokens_; }  ///< in the cache
  int64_t position() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t context() const { return context_; }
  int threads() const { return team_.size(); }
  int64_t bytes() const;
  /// Bytes that a decoder will have. Throws as the constructor does.
  static int64_t bytes(const Graph& graph, const Weights& weights, const DecoderOptions& options);

  /// The cache's content as bytes: of the first `tokens` positions (KvCache::parts).
  std::vector<std::span<std::byte>> cache_parts(int64_t tokens) { return cache_.parts(tokens); }
  /// Says which tokens' keys and values the cache holds. Throws as eval() does.
  void set_tokens(std::span<const Token> tokens);
  int64_t ubatch() const { return plan_.rows(); }
  KvType kv_type() const { return cache_.view().type; }
  const Kernels& kernels() const { return weights_.kernels(); }
  void set_trace(Trace trace) { trace_ = std::move(trace); }
  /// Once the flag is set, no pass begins any more: Error(cancelled). It must outlive this.
  void set_cancel(const std::atomic<bool>* flag) { cancel_ = flag; }

 private:
  void check(std::span<const Token> tokens) const;
  /// Runs up to a ubatch of tokens; logits of the last `wanted` of them end up in logits_.
  void pass(std::span<const Token> tokens, int64_t wanted);

  const Weights& weights_;
  int64_t vocab_;
  int64_t context_;
  ThreadTeam team_;
  KvCache cache_;  // first of what takes memory: a context that is too long fails by its name
  Plan plan_;
  Workspace workspace_;
  std::vector<Token> tokens_;
  std::vector<int32_t> positions_;
  std::vector<int64_t> wanted_;
  std::vector<float> logits_;  // [wanted, vocab]
  Trace trace_;
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace heed
