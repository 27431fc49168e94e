// An encoder at work: sequences of tokens in, one pooled vector each out. Sequences lie side by
// side in a pass without padding. Used by `heed embed` and the sessions of the API.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
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

/// How run_all() encodes its sequences.
struct PassOptions {
  Pooling pooling = Pooling::model;
  int64_t batch_tokens = 512;  ///< of a pass, about: 1 to Encoder::rows()
  /// Gets the number of sequences that are done, on the caller's thread; what it throws ends the
  /// work.
  std::function<void(int64_t done)> progress = {};
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

  /// The same for any number of sequences, in as many passes as they need. Where there are many
  /// short ones each thread has passes of its own and waits for no other: the numbers are the same.
  void run_all(std::span<const std::vector<Token>> sequences, float* out,
               const PassOptions& options);

  int64_t width() const { return plan_.out_width(); }
  int64_t context() const { return context_; }
  KvType kv_type() const { return kv_type_; }
  int64_t rows() const { return plan_.rows(); }
  int threads() const { return team_.size(); }
  /// For what else there is to do for the sequences, between calls.
  ThreadTeam& team() { return team_; }
  int64_t bytes() const { return bytes(plan_, own_plan_, team_.size()); }
  /// Bytes that an encoder will have.
  static int64_t bytes(const Graph& graph, const Weights& weights, const EncoderOptions& options);
  void set_trace(Trace trace) { trace_ = std::move(trace); }
  /// Once the flag is set, no pass begins any more: Error(cancelled). It must outlive this.
  void set_cancel(const std::atomic<bool>* flag) { cancel_ = flag; }

 private:
  /// What a pass reads; the lists keep their memory.
  struct Lists {
    std::vector<Token> tokens;
    std::vector<int32_t> positions;
    std::vector<SequenceRows> rows;
  };

  /// A thread with passes of its own.
  struct Worker {
    ThreadTeam team{1};
    Workspace workspace;
    Lists lists = {};
  };

  static int64_t bytes(const Plan& plan, const std::optional<Plan>& own_plan, int threads);
  void gather(std::span<const std::vector<Token>> sequences, int64_t most, Lists& lists) const;
  Pass pass(const Lists& lists, float* out, Pooling pooling) const;
  void run_shared(std::span<const std::vector<Token>> sequences, float* out,
                  const PassOptions& options);

  int64_t vocab_;
  int64_t context_;
  KvType kv_type_;
  ThreadTeam team_;
  Plan plan_;                     // of passes of all threads together
  std::optional<Plan> own_plan_;  // of a thread's own, where there are several threads
  Workspace workspace_;
  Lists lists_;
  std::vector<Worker> workers_;  // [threads], made when they are first needed
  Trace trace_;
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace heed
