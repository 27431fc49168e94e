// The writers of rows behind quant.h's quantize_row. Each instruction set has its own, compiled
// from the same source (generic/); all write the same bytes. Used inside engine/quant and by tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/isa.h"

namespace heed {

/// Writes the n values at src, whole blocks of them, to dst. importance is null or has n finite
/// values >= 0. What they mean: quantize_row.
using RowWriter = void(const float* src, std::byte* dst, int64_t n,
                       const float* importance) noexcept;

/// One for each type.
struct RowWriters {
  RowWriter *f32, *f16, *bf16;
  RowWriter *q4_0, *q4_1, *q5_0, *q5_1, *q8_0, *iq4_nl;
  RowWriter *q2_k, *q3_k, *q4_k, *q5_k, *q6_k;
};

/// Those of `isa`, which only a machine that has it may call.
const RowWriters& row_writers(Isa isa);

extern const RowWriters kScalarRowWriters;
extern const RowWriters kAvx2RowWriters;
extern const RowWriters kAvx512RowWriters;

}  // namespace heed
