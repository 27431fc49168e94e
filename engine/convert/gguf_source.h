// A GGUF file as what a model is converted from. Used by the converter.
#pragma once

#include <vector>

#include "engine/convert/tensor_plan.h"
#include "engine/format/gguf.h"

namespace heed {

/// Every tensor of the file, with the type it has. Matrices, whose types may be chosen, are those
/// of the architecture's graph that its recipe does not keep F32; without `types_may_change` none
/// are, and the architecture need not be known. Throws Error(unsupported) for a part of a split
/// model, and for an architecture that Heed does not know, where that matters.
std::vector<PlannedTensor> plan_gguf(const GgufFile& file, const Metadata& metadata,
                                     bool types_may_change);

}  // namespace heed
