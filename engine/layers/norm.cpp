#include "engine/layers/norm.h"

namespace heed {

Params params(const Norm& norm, const Dims& dims) {
  Params list = {{norm.name + ".weight", {dims.width}}};
  if (norm.kind == Norm::Kind::layer) list.push_back({norm.name + ".bias", {dims.width}});
  return list;
}

void NormStep::run(const Run& run, int thread) const {
  const int64_t first = run.first_row(tail), rows = run.pass.rows() - first;
  const float* x = run.rows(in) + first * in.width;  // [rows, width]
  float* y = run.rows(out) + first * out.width;      // [rows, width]
  const InputForm form = reader ? form_for(run, *reader, rounded, rows) : InputForm::f32;
  const bool both = form != InputForm::f32;
  uint16_t* halves = both ? run.halves(rounded) + first * rounded.width : nullptr;
  const Range mine = split(rows, thread, run.team.size());
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    float* row = y + r * out.width;
    norm.apply(run.kernels, x + r * in.width, in.width, row);
    if (both) write_row(run.kernels, form, row, out.width, r, halves);
  }
}

}  // namespace heed
