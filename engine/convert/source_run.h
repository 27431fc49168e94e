// What a source computes of a few texts: run through its weights in F32, they give the record of a
// conversion, and tell which errors of rounding will count. Used by the converter.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/convert/layerwise_run.h"
#include "engine/convert/record.h"
#include "engine/core/thread_team.h"
#include "engine/graph/input_squares.h"

namespace heed {

/// A model ready to be written.
struct PlannedModel {
  Metadata metadata;
  std::vector<PlannedTensor> tensors;
  TensorReader read;
};

struct SourceRun {
  Record record;
  AllInputSquares input_squares;  ///< of every matrix that multiplies something
};

/// Runs the model's source. The numbers are those of the machine's best kernels: other instruction
/// sets may differ in their last digits. Throws Error(unsupported) or Error(format) for a model or
/// a tokenizer that Heed could not run.
SourceRun run_source(const PlannedModel& model, ThreadTeam& team,
                     const std::function<void(int64_t read_bytes)>& progress);

}  // namespace heed
