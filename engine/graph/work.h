// What a pass of a model has to read and to compute, from its weights and its layers alone: the
// numbers that set a measured speed beside the machine's limits. Used by Session::work.
#pragma once

#include "engine/graph/weights.h"

namespace heed {

/// What a computation reads and computes, whatever it takes: beside MachineLimits it says how fast
/// the machine could be.
struct Work {
  int64_t passes = 0;  ///< through the model, each of which reads the weights once
  int64_t bytes = 0;   ///< read by all passes: packed weights, cached keys and values
  /// Multiplications and additions, counted apart, in matrices and attention: by the form in which
  /// the kernels in use multiply.
  int64_t f32_operations = 0;
  int64_t bf16_operations = 0;
  int64_t int8_operations = 0;

  int64_t operations() const { return f32_operations + bf16_operations + int8_operations; }
  Work& operator+=(const Work& other);
};

/// Rows of one sequence that are computed together.
struct PassShape {
  int64_t before = 0;  ///< tokens of the sequence in the cache already
  int64_t rows = 0;
  int64_t wanted = 0;  ///< rows that go through the head
  KvType kv_type = KvType::bf16;
};

/// The work of one such pass. Attention to a memory is not counted: its length is the source's.
Work pass_work(const Weights& weights, const PassShape& pass);

}  // namespace heed
