// A matrix product as steps run it: the part that attention, feed-forward and head have in common.
// Threads split the matrix's rows or the input's, never a sum.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/layers/norm.h"
#include "engine/layers/pass.h"

namespace heed {

/// As many rows as make every table choose the form of many.
inline constexpr int64_t kManyRows = 64;

/// One packed matrix of a product. A gated one alternates gate and up panels, both padded to whole
/// panels, so that its output is as wide as they are together, halved.
struct LinearPart {
  Panels panels;
  const float* bias = nullptr;  // [rows of the matrix] or null
  /// Rows are taken as if there were many: whatever else a batch holds, a row gets the same bits.
  bool many_rows = false;
  /// The matrix again, as Kernels::many_rows_type: for input in tiles, which would unpack `panels`
  /// each time. Without data where `panels` serves that too.
  Panels for_tiles;

  const Panels& panels_for(InputForm form) const {
    return form == InputForm::bf16_tiles && for_tiles.data ? for_tiles : panels;
  }
  InputForm input_form(const Kernels& kernels, int64_t rows) const {
    return kernels.matmul_input(panels.type, panels.columns, as_many(rows));
  }
  int64_t scratch_bytes(const Kernels& kernels, int64_t rows) const {
    const auto scratch = [&](DType type) {
      return kernels.matmul_scratch(type, panels.columns, as_many(rows));
    };
    return for_tiles.data ? std::max(scratch(panels.type), scratch(for_tiles.type))
                          : scratch(panels.type);
  }

 private:
  int64_t as_many(int64_t rows) const { return many_rows ? std::max(rows, kManyRows) : rows; }
};

/// The form in which rows that `reader` alone reads are written to a buffer that has room for
/// floats: a form of bf16, or f32. Who traces a run wants floats.
InputForm form_for(const Run& run, const LinearPart& reader, const Buffer& buffer, int64_t rows);

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
  bool in_is_readers = false;  ///< `in` was written by a step whose reader this is
  int64_t shared_input = -1;   ///< arena offset of the prepared input of many rows

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
