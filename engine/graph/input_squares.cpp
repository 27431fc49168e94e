#include "engine/graph/input_squares.h"

namespace heed {

void InputSquaresStep::run(const Run& run, int thread) const {
  const int64_t rows = run.pass.rows();
  const Range columns = split(static_cast<int64_t>(squares->sums.size()), thread, run.team.size());
  double* sums = squares->sums.data();
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = run.rows(in) + r * in.width;
    for (int64_t c = columns.begin; c < columns.end; ++c) sums[c] += double{row[c]} * row[c];
  }
  if (thread == 0) squares->rows += rows;
}

}  // namespace heed
