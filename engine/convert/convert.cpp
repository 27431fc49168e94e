#include "engine/convert/convert.h"

#include <array>
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

/// What llama.cpp calls a file most of whose weights have one type (its enum llama_ftype).
struct FileType {
  DType type;
  uint32_t number;
};
constexpr std::array kFileTypes = {
    FileType{DType::f32, 0},     FileType{DType::f16, 1},   FileType{DType::q4_0, 2},
    FileType{DType::q4_1, 3},    FileType{DType::q8_0, 7},  FileType{DType::q5_0, 8},
    FileType{DType::q5_1, 9},    FileType{DType::q2_k, 10}, FileType{DType::q3_k, 11},
    FileType{DType::q4_k, 14},   FileType{DType::q5_k, 16}, FileType{DType::q6_k, 18},
    FileType{DType::iq4_nl, 25}, FileType{DType::bf16, 32},
};

constexpr uint32_t kQuantizationVersion = 2;  // of the block formats: ggml's GGML_QNT_VERSION

void set_general_keys(const Recipe& recipe, const Source& source, DType type, Metadata& metadata) {
  metadata.set("general.architecture", std::string(recipe.architecture));
  metadata.set("general.type", "model");
  metadata.set("general.name", source.name());
  for (const FileType& file : kFileTypes) {
    if (file.type == type) metadata.set("general.file_type", file.number);
  }
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

void convert_source(const Source& source, const std::filesystem::path& out, DType type,
                    ThreadTeam& team, const ConvertProgress& progress) {
  check_spares_source(source, out);
  const Recipe& recipe = find_recipe(source.config());
  Metadata metadata(source.directory().string());
  set_general_keys(recipe, source, type, metadata);
  set_config_keys(recipe, source.config(), metadata);
  if (const auto pooling = pooling_type(source.directory())) {
    metadata.set(cat(recipe.architecture, ".pooling_type"), *pooling);
  }
  set_tokenizer(source, metadata);
  if (recipe.translates) set_generation_keys(source, recipe.architecture, metadata);
  const auto tensors = plan_tensors(recipe, make_graph(metadata), source.weights(), type);
  std::vector<GgufWriter::Tensor> targets;
  targets.reserve(tensors.size());
  for (const PlannedTensor& tensor : tensors) targets.push_back(tensor.target);
  GgufWriter writer(out, metadata, targets);
  write_weights(tensors, source.weights(), team, writer, progress);
  writer.commit();
}

}  // namespace heed
