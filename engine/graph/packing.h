// Matrices that wait to be packed. All of them are noted first; then threads take slices of them in
// turn, so that none waits for another before the last slice, however long a page of memory or of
// the file lets it wait. Used by weights.cpp alone.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/core/thread_team.h"
#include "engine/kernels/kernels.h"

namespace heed {

/// Panels that the rows of a tensor take.
inline int64_t panel_count(const TensorView& tensor) {
  return (tensor.shape[0] + kPanelRows - 1) / kPanelRows;
}

/// Tensors whose rows become one matrix: one after the other, or panels taken in turn.
struct RowGroup {
  std::vector<const TensorView*> tensors;
  bool alternate = false;

  int64_t columns() const { return tensors.front()->shape[1]; }
  DType type() const { return tensors.front()->type; }
  int64_t panels() const {
    int64_t count = 0;
    for (const TensorView* tensor : tensors) count += panel_count(*tensor);
    return count;
  }
};

/// What else is done while weights are packed.
struct PackHooks {
  /// Done by the caller's thread before it takes part, while the others pack already.
  std::function<void()> meanwhile;
  std::function<void(const TensorView&)> release;  ///< a tensor is packed; called by any thread
  std::function<void(double fraction)> progress;   ///< called by the caller's thread
};

class Packing {
 public:
  explicit Packing(const Kernels& kernels) : kernels_(&kernels) {}

  /// Notes that `group`, which must stay as it is, is to become `panels`, whose memory is `data`.
  void add(RowGroup group, const Panels& panels, std::byte* data);

  /// Packs what was noted, with all threads of the team.
  void run(ThreadTeam& team, const PackHooks& hooks);

 private:
  struct Matrix {
    RowGroup group;
    Panels panels;
    std::byte* data;
    std::atomic<int64_t> left;  ///< slices that are not packed yet
  };
  /// What a thread packs at a time.
  struct Slice {
    Matrix* matrix;
    Range panels;
  };

  void pack(const Slice& slice) const;

  const Kernels* kernels_;
  std::deque<Matrix> matrices_;
  std::vector<Slice> slices_;
};

}  // namespace heed
