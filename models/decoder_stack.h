// The stack that Llama made the usual one, which most decoders since share but for details: RMS
// pre-norm, rotary positions, grouped queries, SwiGLU. Touvron et al. 2023. Used by the files of
// those architectures.
#pragma once

#include "engine/graph/graph.h"
#include "models/hyperparameters.h"

namespace heed {

/// In which order the rows of a head's queries and keys lie in the file.
enum class RopeOrder { pairs, halves };

/// Throws Error(format) for keys that are missing or out of bounds, Error(unsupported) for a
/// scaling of positions that is not linear.
ModelGraph decoder_stack(const Hyperparameters& hyperparameters, RopeOrder order);

}  // namespace heed
