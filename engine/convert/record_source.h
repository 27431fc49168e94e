// Makes the record of a conversion: a few texts, run through the source's weights in F32. Used by
// the converter.
#pragma once

#include <functional>

#include "engine/convert/layerwise_run.h"
#include "engine/convert/record.h"
#include "engine/core/thread_team.h"

namespace heed {

/// The record of a file with `metadata`, whose tensors will be made of `tensors`. The numbers are
/// those of the machine's best kernels: other instruction sets may differ in their last digits.
/// Throws Error(unsupported) or Error(format) for a model or a tokenizer that Heed could not run.
Record record_source(const Metadata& metadata, std::span<const PlannedTensor> tensors,
                     const TensorReader& read, ThreadTeam& team,
                     const std::function<void(int64_t read_bytes)>& progress);

}  // namespace heed
