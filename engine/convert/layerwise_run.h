// Runs a model in F32 whose weights are in no file yet, layer by layer: each is read when it is its
// turn, and forgotten, so that a model of any size needs little memory. Used by the
// converter, to learn what the source computes (source_run.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/convert/row_order.h"
#include "engine/core/thread_team.h"
#include "engine/graph/graph.h"
#include "engine/graph/input_squares.h"
#include "engine/layers/pass.h"

namespace heed {

/// What a layer wrote: some columns of all rows of the sequences, in their order; of a Pool a row
/// for each sequence.
struct LayerOutput {
  const Layer& layer;
  std::string_view name;     ///< of its last step, as a Trace names it
  bool of_memory = false;    ///< of the graph that the main one attends to
  int64_t first_column = 0;  ///< not 0 for a head alone, whose columns come in pieces
  int64_t columns = 0;       ///< here
  int64_t all_columns = 0;
  const float* values = nullptr;  ///< [rows, stride]
  int64_t stride = 0;

  bool is_last_piece() const { return first_column + columns == all_columns; }
};

struct LayerwiseInput {
  std::span<const std::vector<Token>> texts;
  std::span<const std::vector<Token>> targets;  ///< of an encoder-decoder: what its decoder reads
};

struct LayerwiseModel {
  const ModelGraph& graph;
  std::span<const PlannedTensor> tensors;
  const TensorReader& read;
  /// A feed-forward network of more weights is run in parts, each of about so many.
  int64_t most_values = int64_t{24} << 20;
};

/// Who is told of it. What they throw ends the run.
struct LayerwiseOutputs {
  /// Each layer at the level of a block: embeddings, norms, residuals, pool, head; but not the norm
  /// before a head, which belongs to it.
  std::function<void(const LayerOutput&)> layer = {};
  std::function<void(int64_t read_bytes)> progress = {};  ///< of the source, so far
  AllInputSquares* input_squares = nullptr;  ///< gets an entry for each input of matrices
};

/// Tokens must be of the vocabulary, sequences not longer than the model's context. Throws
/// Error(format) as bind_model() does.
void run_layerwise(const LayerwiseModel& model, const LayerwiseInput& input,
                   const LayerwiseOutputs& outputs, ThreadTeam& team);

}  // namespace heed
