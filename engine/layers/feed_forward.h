// The position-wise feed-forward network: widen, activate (and gate), narrow.
// References: Vaswani et al. 2017, section 3.3; gated: Shazeer 2020 (GLU variants).
#pragma once

#include <string>

#include "engine/kernels/kernels.h"
#include "engine/layers/param.h"

namespace heed {

struct FeedForward {
  enum Tensor { up, down, up_bias, down_bias, gate, gate_bias };

  std::string name = "ffn";
  int64_t width = 0;  ///< of the hidden layer
  Activation activation = Activation::gelu;
  bool gated = false;  ///< down(activation(gate x) * up x) instead of down(activation(up x))
  Presence bias = Presence::optional;

  bool operator==(const FeedForward&) const = default;
};

/// NAME_up [ffn_width, width], NAME_down [width, ffn_width], their biases; gated: NAME_gate.
Params params(const FeedForward& ffn, const Dims& dims);

}  // namespace heed
