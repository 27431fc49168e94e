// What a layer says of its tensors, once: the loader, `heed show`, the converter's checks and the
// tests' random-weight models all read the same list.
#pragma once

#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace heed {

/// Sizes that a graph has only one of, and every layer may need.
struct Dims {
  int64_t width = 0;    ///< of the residual stream
  int64_t vocab = 0;    ///< tokens; 0 where there are none
  int64_t context = 0;  ///< longest sequence the model was made for

  bool operator==(const Dims&) const = default;
};

enum class Presence { required, optional };

/// One tensor of a layer. Its name in the file is the scope ("blk.3.") followed by `name`.
struct Param {
  std::string name;  ///< "attn_q.weight"
  Shape shape;       ///< [out, in] for matrices
  Presence presence = Presence::required;
  bool shared = false;  ///< by all blocks: its name has no scope
};

using Params = std::vector<Param>;

}  // namespace heed
