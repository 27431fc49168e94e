// What the recipes of models/decoder_stack.h have in common.
#pragma once

#include <string_view>

#include "models/hugging_face/recipe.h"

namespace heed {

/// Where config.json says how rotary positions are scaled (names as in KeyRule).
inline constexpr std::string_view kRopeTypeKeys =
    "rope_scaling.rope_type|rope_scaling.type|rope_parameters.rope_type";

/// Keys and tensors of `model_type`, an architecture of the same name; biases where there are any.
Recipe hugging_face_decoder_stack(std::string_view model_type, RowOrder queries, RowOrder keys);

}  // namespace heed
