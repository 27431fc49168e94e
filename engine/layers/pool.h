// One vector for a whole sequence: the mean of its tokens', or the first's, or the last's.
// Reference: Reimers and Gurevych 2019 (Sentence-BERT). The last layer of encoders that embed.
#pragma once

#include "engine/layers/pass.h"

namespace heed {

struct Pool {
  Pooling kind = Pooling::mean;  ///< not `model`

  bool operator==(const Pool&) const = default;
};

/// Writes one row for each sequence of the pass.
struct PoolStep {
  Pooling kind = Pooling::mean;  ///< where the pass does not say
  Buffer in;
  Buffer out;

  void run(const Run& run, int thread) const;
};

}  // namespace heed
