// What a pass of a model has to read and to compute, from its weights and its layers alone: the
// numbers that set a measured speed beside the machine's limits. Used by Session::work.
#pragma once

#include "engine/graph/weights.h"
#include "heed_records.hpp"

namespace heed {

/// Rows of one sequence that are computed together.
struct PassShape {
  int64_t before = 0;  ///< tokens of the sequence in the cache already
  int64_t rows = 0;
  int64_t wanted = 0;  ///< the last rows, that go through the head
  KvType kv_type = KvType::bf16;
};

/// The work of one such pass. Attention to a memory is not counted: its length is the source's.
Work pass_work(const Weights& weights, const PassShape& pass);

}  // namespace heed
