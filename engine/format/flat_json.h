// JSON as checkpoints have it, in the header of safetensors and in the index of shards: flat, no
// key twice in an object. Used by the readers of both.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace heed {

/// `subject` begins the sentence of errors: "m.safetensors: header". Throws Error(format) for what
/// is not JSON, nested deeper than three levels, or ambiguous.
nlohmann::json parse_flat_json(std::span<const std::byte> bytes, const std::string& subject);

}  // namespace heed
