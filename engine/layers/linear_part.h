// One matrix of a product, and the forms of its input. Steps that come before a product write its
// input in such a form themselves.
#pragma once

#include <algorithm>

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
    if (panels.in_parts) return InputForm::f32_tiles;
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

/// Rounds a row into row `r` of `rows`, which are of a form of bf16.
void write_row(const Kernels& kernels, InputForm form, const float* x, int64_t columns, int64_t r,
               uint16_t* rows);

}  // namespace heed
