// An encoder-decoder at work on many sources at once: each goes through the encoder once, then all
// hypotheses of all sources go through the decoder together, a token each a pass. A source that has
// ended leaves its place to the next. Used by the sessions of the API.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/decode/beam_search.h"
#include "engine/decode/cell_masks.h"
#include "engine/decode/kv_cache.h"
#include "engine/graph/plan.h"

namespace heed {

struct Seq2SeqOptions {
  int64_t batch = 32;  ///< sources at work at once
  int threads = 1;
  KvType kv_type = KvType::f32;
  SearchOptions search = {};

  bool operator==(const Seq2SeqOptions&) const = default;
};

/// Sources that wait to be translated, by one Seq2Seq or by several side by side.
class SourceQueue {
 public:
  explicit SourceQueue(std::span<const std::vector<Token>> sources) : sources_(sources) {}

  std::span<const std::vector<Token>> sources() const { return sources_; }
  /// Those that nobody has taken.
  size_t left() const {
    return sources_.size() - std::min(sources_.size(), next_.load(std::memory_order_relaxed));
  }
  /// The next one's index; nothing if there is none.
  std::optional<size_t> take() {
    const size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    return index < sources_.size() ? std::optional(index) : std::nullopt;
  }

 private:
  std::span<const std::vector<Token>> sources_;
  std::atomic<size_t> next_ = 0;
};

class Seq2Seq {
 public:
  using Tokens = std::vector<Token>;
  /// Receives what the search has found for source `index`, in the order in which searches end.
  /// Returning false stops the work.
  using Done = std::function<bool(size_t index, std::vector<BeamSearch::Result> results)>;

  /// The weights of model.main (the decoder) and model.memory (the encoder); all must outlive this.
  /// Throws Error(limit) where max_length is more than the model was made for.
  Seq2Seq(const ModelGraph& model, const Weights& weights, const Weights& memory_weights,
          const Seq2SeqOptions& options);

  /// Translates every source, beginning with `prompt`: a start token and a prefix. Throws, before
  /// any work, Error(argument) for an empty source or an id outside the vocabulary, Error(limit)
  /// for a source of more than source_context() tokens or a prompt as long as max_length.
  void translate(std::span<const Tokens> sources, std::span<const Token> prompt, const Done& done);
  /// The same for those that the queue gives.
  void translate(SourceQueue& queue, std::span<const Token> prompt, const Done& done);

  /// Natural-log probability of every token of targets[i] after the first, a start token, given
  /// sources[i] and the tokens before it. Throws as translate() does.
  std::vector<std::vector<double>> score(std::span<const Tokens> sources,
                                         std::span<const Tokens> targets);

  /// Hands out the logits [vocab] after each token of `target`, the first a start token, given
  /// `source` and the tokens before it. Throws as translate() does.
  using Rows = std::function<void(int64_t row, std::span<const float> logits)>;
  void eval_all(const Tokens& source, const Tokens& target, const Rows& rows);

  int64_t source_context() const { return encoder_.positions; }
  int64_t target_context() const { return decoder_.positions; }
  int threads() const { return team_.size(); }
  int64_t bytes() const;
  void set_trace(Trace trace) { trace_ = std::move(trace); }
  /// Once the flag is set, no pass begins any more: Error(cancelled). It must outlive this.
  void set_cancel(const std::atomic<bool>* flag) { cancel_ = flag; }

 private:
  /// A plan and the lists of a pass, which keep their memory.
  struct Runner {
    Runner(const Graph& graph, const Weights& weights, const PlanOptions& options, int threads);

    void clear();
    void add_row(Token token, int64_t position, int32_t cell, const uint16_t* visible);

    int64_t vocab;
    int64_t positions;
    Plan plan;
    Workspace workspace;
    std::vector<Token> tokens;
    std::vector<int32_t> row_positions;
    std::vector<SequenceRows> sequences;
    std::vector<int64_t> wanted;
    std::vector<int32_t> cells;
    std::vector<const uint16_t*> visible;
  };

  /// What the encoder made of a source: keys and values that all its hypotheses share.
  struct Encoded {
    Encoded(const ModelGraph& model, const Seq2SeqOptions& options);

    size_t source = 0;
    int64_t tokens = 0;
    KvCache memory;
  };

  /// A place for a source and its search.
  struct Slot {
    Slot(const ModelGraph& model, const Seq2SeqOptions& options, const Kernels& kernels);

    bool busy = false;
    int64_t first_row = 0;
    Encoded encoded;
    BeamSearch search;
    CellMasks masks;
    KvCache cache;
    std::vector<int32_t> parents;
  };

  static void check(std::span<const Tokens> sequences, int64_t most, int64_t vocab,
                    const char* what);
  void encode(std::span<const Tokens> sources, std::span<Encoded* const> encoded);
  void encode_ahead(SourceQueue& queue, size_t wanted);
  void admit(SourceQueue& queue, std::span<const Token> prompt);
  void begin(Slot& slot, std::span<const Token> prompt);
  void prefill(Slot& slot, std::span<const Token> prompt);
  void step();
  void score_batch(std::span<const Tokens> sources, std::span<const Tokens> targets,
                   std::vector<std::vector<double>>& scores);
  void predict(std::span<const Tokens> sources, std::span<const std::span<const Token>> targets);
  void run(Runner& runner, float* out);

  const Kernels& kernels_;
  Seq2SeqOptions options_;
  ThreadTeam team_;
  Runner encoder_;
  Runner decoder_;
  std::vector<Slot> slots_;
  std::vector<Encoded> ahead_;    // sources that wait for a place
  std::vector<Encoded*> coming_;  // of them those that still do; or whatever goes to the encoder
  std::vector<Slot*> busy_;
  std::vector<float> logits_;  // [rows, vocab]
  Trace trace_;
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace heed
