#include "engine/layers/linear_part.h"

namespace heed {

InputForm form_for(const Run& run, const LinearPart& reader, const Buffer& buffer, int64_t rows) {
  const InputForm form = reader.input_form(run.kernels, rows);
  const bool fits = buffer.width == reader.panels.columns;
  const bool written = form == InputForm::bf16 || (form == InputForm::bf16_tiles && fits);
  return written && !run.traced ? form : InputForm::f32;
}

void write_row(const Kernels& kernels, InputForm form, const float* x, int64_t columns, int64_t r,
               uint16_t* rows) {
  if (form == InputForm::bf16) {
    kernels.to_bf16(x, columns, rows + r * columns);
  } else if (form == InputForm::f32_tiles) {
    kernels.to_f32_tiles(x, columns, r, rows);
  } else {
    kernels.to_bf16_tiles(x, columns, r, rows);
  }
}

}  // namespace heed
