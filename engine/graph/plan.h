// Turns packed weights into a flat array of steps over one arena: norms become prologues of the
// matrices that read them, residual sums and activations their epilogues; buffers share memory by
// liveness. One plan serves prefill and decode: kernels choose by the number of rows at hand.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "engine/core/aligned.h"
#include "engine/graph/input_squares.h"
#include "engine/graph/weights.h"

namespace heed {

struct PlanOptions {
  int64_t rows = 512;             ///< most rows of a pass
  int64_t wanted = 512;           ///< most wanted rows of a pass
  int64_t positions = 0;          ///< positions lie below this
  KvType kv_type = KvType::bf16;  ///< of all keys and values, a memory's included
  /// Of a graph that attends to this one's output: a pass then ends with the keys and values that
  /// graph needs of it, written to SequenceRows::memory. Must outlive the plan.
  const Weights* attended_by = nullptr;
  /// Gets an entry for each input of matrices, to which every pass adds. Norms then are steps of
  /// their own. Must outlive the plan; one plan at a time may run.
  AllInputSquares* input_squares = nullptr;
};

/// What looks on while a plan runs.
struct Trace {
  /// Called before the first step (no name, no values) and after each step, with its name and what
  /// it wrote [rows, stride]. Must not throw: the other threads wait for it.
  std::function<void(std::string_view name, const float* values, int64_t stride)> call;
  /// Steps then write all rows, as floats. Else they write what they do when nobody looks on, and
  /// `values` above is null.
  bool values = true;

  explicit operator bool() const { return call != nullptr; }
};

/// Memory that a plan runs in: one per session.
struct Workspace {
  AlignedBuffer arena;
  AlignedBuffer scratch;
};

class Plan {
 public:
  /// Throws Error(unsupported) for an arrangement of layers that no step carries out.
  Plan(const Weights& weights, const PlanOptions& options);

  Workspace make_workspace(int threads) const;

  /// Runs the pass. Nothing is allocated. Rows, positions and tokens must be within what the plan
  /// and the graph were made for: the caller checks. Throws Error(cancelled) as Pass::cancel says.
  void run(const Pass& pass, ThreadTeam& team, Workspace& workspace,
           const Trace* trace = nullptr) const;

  const std::vector<Step>& steps() const { return steps_; }
  int64_t rows() const { return options_.rows; }
  int64_t wanted() const { return options_.wanted; }
  int64_t out_width() const { return out_width_; }
  int64_t bytes(int threads) const { return arena_bytes_ + threads * scratch_bytes_; }

 private:
  friend class Planner;

  const Kernels* kernels_;
  PlanOptions options_;
  std::vector<Step> steps_;
  int64_t arena_bytes_ = 0;
  int64_t scratch_bytes_ = 0;
  int64_t out_width_ = 0;
};

}  // namespace heed
