// The vocabulary head: a score for each token of the vocabulary. The last layer of decoders.
#pragma once

#include <string>

#include "engine/layers/param.h"

namespace heed {

struct Head {
  enum Tensor { weight, tied_weight, bias };

  std::string name = "output";
  std::string tied;  ///< table to use where the file has no matrix of the head's own; empty: none
  /// Where a quantised matrix wants its input as int8: give it twice, what one rounding loses being
  /// rounded again. Logits err half as much, for twice the work.
  bool fine = true;

  bool operator==(const Head&) const = default;
};

/// NAME [vocab, width] (optional where tied), the tied table, and an optional bias [vocab].
Params params(const Head& head, const Dims& dims);

}  // namespace heed
