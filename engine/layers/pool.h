// One vector for a whole sequence: the mean of its tokens', or the first's, or the last's.
// Reference: Reimers and Gurevych 2019 (Sentence-BERT). The last layer of encoders that embed.
#pragma once

#include "engine/layers/pass.h"

namespace heed {

struct Pool {
  enum class Kind { none, mean, cls, last };  // GGUF's numbers for pooling_type: 0, 1, 2, 3

  Kind kind = Kind::mean;

  bool operator==(const Pool&) const = default;
};

/// Writes one row for each sequence of the pass.
struct PoolStep {
  Pool::Kind kind = Pool::Kind::mean;
  Buffer in;
  Buffer out;

  void run(const Run& run, int thread) const;
};

}  // namespace heed
