#include "engine/convert/convert.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/convert/config_keys.h"
#include "engine/convert/generation.h"
#include "engine/convert/modules.h"
#include "engine/convert/tokenizer.h"
#include "engine/core/error.h"
#include "models/registry.h"

namespace heed {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of the block formats: ggml's GGML_QNT_VERSION

void set_general_keys(const Recipe& recipe, const Source& source, const TypeMix& mix,
                      Metadata& metadata) {
  metadata.set("general.architecture", std::string(recipe.architecture));
  metadata.set("general.type", "model");
  metadata.set("general.name", source.name());
  metadata.set("general.file_type", mix.file_type);
  metadata.set("general.quantization_version", kQuantizationVersion);
}

/// A slip of the hand in the output's name must not cost the only copy of the weights.
void check_spares_source(const Source& source, const std::filesystem::path& out) {
  std::error_code ignored;
  const auto beside = source.path(out.filename().string());
  if (out.extension() == ".gguf" || !std::filesystem::equivalent(out, beside, ignored)) return;
  fail(Error::Code::argument, "'", out.string(),
       "' is a file of the directory to convert: expected an output of another name");
}

}  // namespace

void convert_source(const Source& source, const std::filesystem::path& out, const TypeMix& mix,
                    ThreadTeam& team, const ConvertProgress& progress) {
  check_spares_source(source, out);
  const Recipe& recipe = find_recipe(source.config());
  Metadata metadata(source.directory().string());
  set_general_keys(recipe, source, mix, metadata);
  set_config_keys(recipe, source.config(), metadata);
  if (const auto pooling = pooling_type(source.directory())) {
    metadata.set(cat(recipe.architecture, ".pooling_type"), *pooling);
  }
  set_tokenizer(source, metadata);
  if (recipe.translates) set_generation_keys(source, recipe.architecture, metadata);
  const auto tensors = plan_tensors(recipe, make_graph(metadata), source.weights(), mix);
  std::vector<GgufWriter::Tensor> targets;
  targets.reserve(tensors.size());
  for (const PlannedTensor& tensor : tensors) targets.push_back(tensor.target);
  GgufWriter writer(out, metadata, targets);
  write_weights(tensors, source.weights(), team, writer, progress);
  writer.commit();
}

}  // namespace heed
