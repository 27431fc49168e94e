// What the columns of a graph's matrices meet: sums of the squares of their inputs. A plan adds
// them up where it is asked to (PlanOptions::input_squares). Used by `heed imatrix` and the
// converter.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/layers/pass.h"

namespace heed {

/// One input, and the matrices that read it.
struct InputSquares {
  std::vector<std::string> matrices;  ///< "blk.0.attn_q.weight", ...
  std::vector<double> sums;           // [columns], over all rows
  int64_t rows = 0;
};

/// In the order of the plan's steps. Entries stay where they are: steps add to them.
using AllInputSquares = std::deque<InputSquares>;

/// Adds the squares of all rows of `in`. Threads split the columns.
struct InputSquaresStep {
  Buffer in;
  InputSquares* squares = nullptr;
  Buffer out;  ///< in again: a step says what it leaves

  void run(const Run& run, int thread) const;
};

}  // namespace heed
