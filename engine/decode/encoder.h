// An encoder at work: sequences of tokens in, one pooled vector each out. Sequences lie side by
// side in a pass without padding. Used by `heed embed` and the sessions of the API.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "engine/graph/plan.h"

namespace heed {

struct EncoderOptions {
  int64_t rows = 2048;  ///< tokens of a pass; raised to the longest sequence a model takes
  int threads = 1;
  KvType kv_type = KvType::f32;
  AllInputSquares* input_squares = nullptr;  ///< see PlanOptions
};

class Encoder {
 public:
  /// `weights` (and the graph) must outlive the encoder.
  Encoder(const Graph& graph, const Weights& weights, const EncoderOptions& options);

  /// out [sequences, width]: one row each. Throws, before any work: Error(limit) for a sequence
  /// longer than context() or more than rows() tokens in all, Error(argument) for an empty
  /// sequence or an id outside the vocabulary.
  void run(std::span<const std::vector<Token>> sequences, float* out,
           Pooling pooling = Pooling::model);

  int64_t width() const { return plan_.out_width(); }
  int64_t context() const { return context_; }
  int64_t rows() const { return plan_.rows(); }
  int threads() const { return team_.size(); }
  int64_t bytes() const { return plan_.bytes(team_.size()); }
  /// Bytes that an encoder will have.
  static int64_t bytes(const Graph& graph, const Weights& weights, const EncoderOptions& options);
  void set_trace(Trace trace) { trace_ = std::move(trace); }
  /// Once the flag is set, no pass begins any more: Error(cancelled). It must outlive this.
  void set_cancel(const std::atomic<bool>* flag) { cancel_ = flag; }

 private:
  void gather(std::span<const std::vector<Token>> sequences);

  int64_t vocab_;
  int64_t context_;
  KvType kv_type_;
  ThreadTeam team_;
  Plan plan_;
  Workspace workspace_;
  std::vector<Token> tokens_;
  std::vector<int32_t> positions_;
  std::vector<SequenceRows> rows_;
  Trace trace_;
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace heed
