// Which tensor of a checkpoint becomes which tensor of a model file: the graph says what there must
// be, the recipe what it is called elsewhere. Used by the converter.
#pragma once

#include <vector>

#include "engine/convert/type_mix.h"
#include "engine/format/checkpoint.h"
#include "engine/format/gguf.h"
#include "engine/graph/graph.h"
#include "models/hugging_face/recipe.h"

namespace heed {

struct PlannedTensor {
  const TensorView* source = nullptr;  ///< of the same shape, or with 1s before it
  GgufWriter::Tensor target;
};

/// The tensors of a file, in the order of the graphs. Vectors and what the recipe says stay F32,
/// the others get the types of the mix. Throws Error(format) that lists every tensor that is
/// missing, of another shape or of a type without numbers, and Error(unsupported) that lists those
/// the graph has no use for.
std::vector<PlannedTensor> plan_tensors(const Recipe& recipe, const ModelGraph& model,
                                        const Checkpoint& weights, const TypeMix& mix);

}  // namespace heed
