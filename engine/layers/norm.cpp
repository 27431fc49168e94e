#include "engine/layers/norm.h"

namespace heed {

Params params(const Norm& norm, const Dims& dims) {
  Params list = {{norm.name + ".weight", {dims.width}}};
  if (norm.kind == Norm::Kind::layer) list.push_back({norm.name + ".bias", {dims.width}});
  return list;
}

void NormStep::run(const Run& run, int thread) const {
  const float* x = run.rows(in);  // [rows, width]
  float* y = run.rows(out);       // [rows, width]
  const Range mine = split(run.pass.rows(), thread, run.team.size());
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    norm.apply(run.kernels, x + r * in.width, in.width, y + r * out.width);
  }
}

}  // namespace heed
