// Which tensor of a checkpoint becomes which tensor of a model file: the graph says what there must
// be, the recipe what it is called elsewhere. Used by the converter.
#pragma once

#include <span>
#include <vector>

#include "engine/format/checkpoint.h"
#include "engine/format/gguf.h"
#include "engine/graph/graph.h"
#include "models/hugging_face/recipe.h"

namespace heed {

struct PlannedTensor {
  /// Of the same shape, or with 1s before it; or transposed; or of another number of rows.
  const TensorView* source = nullptr;
  GgufWriter::Tensor target;
  RowOrder order = RowOrder::same;         ///< of the source
  int64_t heads = 1;                       ///< whose halves its rows are
  bool is_matrix = false;                  ///< its type may be chosen
  std::span<const float> importance = {};  ///< of its columns; empty: all alike
  int64_t first_row = 0;  ///< of the source; in order `same`, rows beyond its end are zeros
  /// F32, what integers were multiplied by: one number for all, or one for each row of the source.
  const TensorView* scale = nullptr;
};

/// The tensors of a file with `metadata`, in the order of the graphs, all F32 so far; vectors and
/// what the recipe says will stay so. Throws Error(format) that lists every tensor that is missing,
/// of another shape or of a type without numbers, and Error(unsupported) that lists those the graph
/// has no use for.
std::vector<PlannedTensor> plan_tensors(const Recipe& recipe, const Metadata& metadata,
                                        const Checkpoint& weights);

}  // namespace heed
