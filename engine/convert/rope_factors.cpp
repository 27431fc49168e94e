#include "engine/convert/rope_factors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "engine/core/error.h"
#include "models/hugging_face/decoder_stack.h"

namespace heed {
namespace {

/// A number of the object that config.json calls rope_scaling, or of late rope_parameters.
double rope_number(const JsonFile& config, std::string_view key) {
  const auto [name, value] = config.find_first(cat("rope_scaling.", key, "|rope_parameters.", key));
  if (!value) config.refuse("'", name, "' is missing");
  if (!value->is_number() || value->get<double>() <= 0) {
    config.refuse("'", name, "': expected a number above 0, found ", to_text(*value));
  }
  return value->get<double>();
}

}  // namespace

std::vector<float> llama3_rope_factors(const JsonFile& config, const Metadata& metadata,
                                       std::string_view architecture) {
  const Json* type = config.find_first(kRopeTypeKeys).value;
  if (!type || *type != "llama3") return {};
  const double factor = rope_number(config, "factor");
  const double low = rope_number(config, "low_freq_factor");
  const double high = rope_number(config, "high_freq_factor");
  const double context = rope_number(config, "original_max_position_embeddings");
  const auto number = [&](std::string_view key) {
    return metadata.require<int64_t>(cat(architecture, key));
  };
  const int64_t dims =
      metadata.get_or<int64_t>(cat(architecture, ".rope.dimension_count"),
                               number(".embedding_length") / number(".attention.head_count"));
  const double base = metadata.require<float>(cat(architecture, ".rope.freq_base"));
  std::vector<float> factors;
  for (int64_t i = 0; i < dims / 2; ++i) {
    const double turns =  // of the pair, over the context the model was made for
        context * std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims)) /
        (2 * std::numbers::pi);
    // Fast pairs stay, slow ones are slowed down by the factor, those between by a part of it.
    const double smooth = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
  }
  return factors;
}

}  // namespace heed
