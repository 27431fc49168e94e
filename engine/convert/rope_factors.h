// Rotary positions as Llama 3.1 and later scale them: what divides each frequency. Used by the
// converter, which writes them as the tensor that the graph looks for.
#pragma once

#include <string_view>
#include <vector>

#include "engine/convert/json_file.h"
#include "engine/format/metadata.h"

namespace heed {

/// [dims / 2] factors; empty where config.json's rope_type is not "llama3". `metadata` has the keys
/// of the architecture. Throws Error(format) for a number that is missing.
/// Reference: transformers, modeling_rope_utils.py, _compute_llama3_parameters.
std::vector<float> llama3_rope_factors(const JsonFile& config, const Metadata& metadata,
                                       std::string_view architecture);

}  // namespace heed
