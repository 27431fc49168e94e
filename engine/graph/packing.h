// Matrices that wait to be packed. All of them are noted first; then threads take slices of them in
// turn, so that none waits for another before the last slice, however long a page of memory or of
// the file lets it wait. Used by weights.cpp; its hooks are set by whoever loads weights.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
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
  /// Called by any thread, by several at once, with tensors that are packed: many at a time.
  std::function<void(std::span<const TensorView* const>)> release;
  std::function<void(double fraction)> progress;  ///< called by the caller's thread
};

class Packing {
 public:
  explicit Packing(const Kernels& kernels) : kernels_(&kernels) {}

  /// Panels of a type and their memory.
  struct Form {
    Panels panels;
    std::byte* data = nullptr;
  };

  /// Notes that `group`, whose tensors must outlive this, is to be packed in all of `forms`.
  void add(RowGroup group, std::vector<Form> forms);

  /// Packs what was noted, with all threads of the team.
  void run(ThreadTeam& team, const PackHooks& hooks);

 private:
  struct Matrix {
    RowGroup group;
    std::vector<Form> forms;
    int64_t bytes;              ///< of all forms
    std::atomic<int64_t> left;  ///< slices that are not packed yet
  };
  /// What a thread packs at a time.
  struct Slice {
    Matrix* matrix;
    Range panels;
  };

  void largest_first();
  void pack(const Slice& slice) const;
  void finish(const Matrix& matrix, const PackHooks& hooks);

  const Kernels* kernels_;
  std::deque<Matrix> matrices_;
  std::vector<Slice> slices_;
  std::mutex mutex_;                         // of the next two
  std::vector<const TensorView*> finished_;  ///< and not released yet
  size_t finished_bytes_ = 0;
};

}  // namespace heed
