// Rows of a planned tensor, read from a checkpoint that has them in another order. Used by the
// converter where it reads weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/convert/tensor_plan.h"

namespace heed {

/// Fills `out` with a tensor's data from byte `offset` on. Several threads call it at once.
using TensorReader =
    std::function<void(const TensorView& tensor, int64_t offset, std::span<std::byte> out)>;

/// The element of the source that element `index` of the target is made of.
int64_t source_element(const PlannedTensor& tensor, int64_t index);

/// Fills `out` with elements of the target from `first` on, in the source's type; whole rows, if it
/// has rows. Types of blocks have RowOrder::same.
void read_rows(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
               std::span<std::byte> out);

/// The same rows as floats: integers become what they stand for, F64 is rounded, to infinity beyond
/// F32. `bytes` is room that keeps its memory.
void read_floats(const PlannedTensor& tensor, int64_t first, const TensorReader& read,
                 std::vector<std::byte>& bytes, std::span<float> out);

}  // namespace heed
