#include "engine/layers/pool.h"

#include <algorithm>

namespace heed {

void PoolStep::run(const Run& run, int thread) const {
  const auto& sequences = run.pass.sequences;
  const Pooling how = run.pass.pooling == Pooling::model ? kind : run.pass.pooling;
  const Range mine = split(static_cast<int64_t>(sequences.size()), thread, run.team.size());
  for (int64_t s = mine.begin; s < mine.end; ++s) {
    const float* x = run.rows(in) + sequences[s].first_row * in.width;  // [rows, width]
    const int64_t rows = sequences[s].rows;
    float* pooled = run.rows(out) + s * out.width;
    std::copy_n(how == Pooling::last ? x + (rows - 1) * in.width : x, in.width, pooled);
    if (how != Pooling::mean) continue;
    for (int64_t r = 1; r < rows; ++r) run.kernels.add(x + r * in.width, in.width, pooled);
    run.kernels.scale(1 / static_cast<float>(rows), in.width, pooled);
  }
}

}  // namespace heed
