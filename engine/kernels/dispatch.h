// Which kernel table to use, and oneDNN's instruction set, which follows.
#pragma once

#include "engine/core/isa.h"
#include "engine/kernels/kernels.h"

namespace heed {

/// The set named by the environment variable HEED_ISA, else the best one; errors as isa_named. A
/// forced set also caps oneDNN's own choice, so that a forced run is forced everywhere; since
/// oneDNN takes that only once and before its first use, Error(unsupported) if it already uses
/// more. Called before the first model is loaded.
Isa choose_isa();

}  // namespace heed
