// A matrix product as steps run it: the part that attention, feed-forward and head have in common.
// Threads split the matrix's rows or the input's, never a sum.
#pragma once

#include <optional>
#include <vector>

#include "engine/layers/linear_part.h"
#include "engine/layers/norm.h"

namespace heed {

/// out = epilogue(norm(in) W^T + b). Several parts (q|k|v) read the same input and write their
/// columns side by side.
struct LinearStep {
  Buffer in;
  std::optional<BoundNorm> norm;  ///< applied to each input row first
  bool wanted_only = false;       ///< only the pass's wanted rows, gathered: the head
  bool tail = false;              ///< see Run::first_row
  /// Where input is rounded to int8, round what is left of it as well, and add both products: 16
  /// bits for little more than 8, since the weights are read once. For the head, whose input error
  /// goes straight into the answer.
  bool fine = false;
  std::vector<LinearPart> parts;
  Epilogue epilogue;  ///< its bias is each part's own
  Buffer out;
  /// The one matrix that reads `out`, if nothing else does: where it wants its input in bf16, `out`
  /// holds that, and needs a third of the memory traffic.
  std::optional<LinearPart> reader;
  /// `out` holds bf16, row by row, unless the run is traced; then parts are those of one step.
  bool rounds_out = false;
  /// Where a step whose reader this is has written `in`, if that wants a form of bf16.
  std::optional<Buffer> rounded_in;
  int64_t shared_input = -1;  ///< arena offset of the prepared input of many rows

  void run(const Run& run, int thread) const;

  /// Arena bytes of the prepared input of `rows` rows, and scratch bytes of a thread.
  int64_t input_bytes(int64_t rows) const;
  int64_t scratch_bytes(const Kernels& kernels, int64_t rows) const;

 private:
  int64_t row_count(const Run& run) const;
  bool splits_rows(const Run& run) const;
  Range rows_of(const Run& run, int thread) const;
  MatmulInput prepare(const Run& run, int thread, ScratchSplitter& scratch) const;
  void prepare_rows(const Run& run, const MatmulInput& input, Range rows, float* normed) const;
  void multiply(const Run& run, int thread, const LinearPart& part, MatmulArgs args) const;
  void multiply_fine(const Run& run, MatmulArgs args) const;
};

}  // namespace heed
