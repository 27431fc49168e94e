// The weights themselves: read, made into the type asked for by all threads, and written, a few
// megabytes at a time, whatever the size of the model. Used by the converter.
#pragma once

#include <cstdint>
#include <span>

#include "engine/convert/row_order.h"
#include "engine/core/thread_team.h"
#include "heed_records.hpp"

namespace heed {

/// Bytes of the source that write_weights() reads.
int64_t source_bytes(std::span<const PlannedTensor> tensors);

/// Writes the data of all tensors in order; the writer was made with their targets. What keeps its
/// type is copied byte for byte. Throws Error(format) naming the tensor and the place of a value
/// that another type cannot hold: NaN, infinity, or one beyond its range. F32 takes any value.
/// `progress` is called on the caller's thread, with bytes of the source.
void write_weights(std::span<const PlannedTensor> tensors, const TensorReader& read,
                   ThreadTeam& team, GgufWriter& writer, const ProgressCallback& progress);

}  // namespace heed
