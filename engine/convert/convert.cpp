#include "engine/convert/convert.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/convert/config_keys.h"
#include "engine/convert/generation.h"
#include "engine/convert/gguf_source.h"
#include "engine/convert/modules.h"
#include "engine/convert/record_source.h"
#include "engine/convert/rope_factors.h"
#include "engine/convert/tokenizer.h"
#include "engine/core/error.h"
#include "models/registry.h"

namespace heed {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of the block formats: ggml's GGML_QNT_VERSION

void set_types(const TypeMix& mix, Metadata& metadata) {
  metadata.set("general.file_type", mix.file_type);
  metadata.set("general.quantization_version", kQuantizationVersion);
}

/// All the keys that a directory gives.
Metadata read_metadata(const Source& source, const Recipe& recipe, const TypeMix& mix) {
  Metadata metadata(source.directory().string());
  metadata.set("general.architecture", std::string(recipe.architecture));
  metadata.set("general.type", "model");
  metadata.set("general.name", source.name());
  set_types(mix, metadata);
  set_config_keys(recipe, source.config(), metadata);
  if (const auto pooling = pooling_type(source.directory())) {
    metadata.set(cat(recipe.architecture, ".pooling_type"), *pooling);
  }
  set_tokenizer(source, metadata);
  if (recipe.translates) set_generation_keys(source, recipe.architecture, metadata);
  return metadata;
}

bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code ignored;
  return std::filesystem::equivalent(a, b, ignored);
}

/// A slip of the hand in the output's name must not cost the only copy of the weights.
void check_spares_source(const Source& source, const std::filesystem::path& out) {
  const auto beside = source.path(out.filename().string());
  if (out.extension() == ".gguf" || !is_same_file(out, beside)) return;
  fail(Error::Code::argument, "'", out.string(),
       "' is a file of the directory to convert: expected an output of another name");
}

/// Metadata may be edited in place: the weights are copied as they are.
void check_spares_source(const GgufFile& source, std::span<const PlannedTensor> tensors,
                         const std::filesystem::path& out) {
  const bool copied = std::ranges::all_of(
      tensors, [](const PlannedTensor& t) { return t.source->type == t.target.type; });
  if (copied || !is_same_file(out, source.name())) return;
  fail(Error::Code::argument, "'", out.string(),
       "' is the file to convert, whose weights would be lost: expected another output");
}

bool has_blocks(DType type) {
  return info(type).block > 1;
}

/// Finds the importance of every matrix that is about to be rounded to blocks.
ConvertReport weigh(std::span<PlannedTensor> tensors, const std::optional<Imatrix>& imatrix) {
  ConvertReport report;
  for (PlannedTensor& tensor : tensors) {
    const DType from = tensor.source->type;
    const DType to = tensor.target.type;
    if (from == to || !has_blocks(to)) continue;
    ++report.quantized;
    if (has_blocks(from) || tensor.scale) ++report.quantized_twice;
    if (!imatrix) continue;
    tensor.importance = imatrix->find(tensor.target.name, tensor.target.shape.back());
    if (tensor.importance.empty()) ++report.unweighted;
  }
  return report;
}

/// The keys that llama.cpp's quantiser writes.
void set_imatrix_keys(const Imatrix& imatrix, Metadata& metadata) {
  metadata.set("quantize.imatrix.file", imatrix.path().filename().string());
  if (!imatrix.text().datasets.empty()) {
    metadata.set("quantize.imatrix.dataset", imatrix.text().datasets.front());
  }
  metadata.set("quantize.imatrix.entries_count", static_cast<uint32_t>(imatrix.size()));
  metadata.set("quantize.imatrix.chunks_count", imatrix.text().chunks);
}

/// A model ready to be written.
struct PlannedModel {
  Metadata metadata;
  std::vector<PlannedTensor> tensors;
  TensorReader read;
};

/// What Heed could not run has no record.
void set_record(PlannedModel& model, const ConvertTarget& target, const ProgressCallback& progress,
                ConvertReport& report) {
  const int64_t all = source_bytes(model.tensors);
  try {
    const Record record =
        record_source(model.metadata, model.tensors, model.read, target.team,
                      [&](int64_t read_bytes) { progress(std::min(read_bytes, all), all); });
    write_record(record, model.metadata);
  } catch (const Error& error) {
    const bool misfit = error.code() == Error::Code::format;
    if (!misfit && error.code() != Error::Code::unsupported) throw;
    report.record_problem = error.what();
  }
}

/// The last steps are the same for every source.
ConvertReport write_model(PlannedModel model, const Conversion& conversion, bool recorded,
                          const ConvertTarget& target) {
  ConvertReport report = weigh(model.tensors, conversion.imatrix);
  if (conversion.imatrix) set_imatrix_keys(*conversion.imatrix, model.metadata);
  int64_t before = 0;  // bytes of what has been done
  const ProgressCallback progress = [&](int64_t done, int64_t all) {
    if (target.progress) target.progress(before + done, recorded ? 2 * all : all);
  };
  if (recorded) {
    set_record(model, target, progress, report);
    before = source_bytes(model.tensors);
  }
  std::vector<GgufWriter::Tensor> tensors;
  tensors.reserve(model.tensors.size());
  for (const PlannedTensor& tensor : model.tensors) tensors.push_back(tensor.target);
  GgufWriter writer(target.path, model.metadata, tensors);
  write_weights(model.tensors, model.read, target.team, writer, progress);
  writer.commit();
  return report;
}

}  // namespace

ConvertReport convert_directory(const Source& source, const Conversion& conversion,
                                const ConvertTarget& target) {
  check_spares_source(source, target.path);
  const TypeMix& mix = conversion.mix ? *conversion.mix : find_type_mix("f16");
  const Recipe recipe = find_recipe(source.config());
  Metadata metadata = read_metadata(source, recipe, mix);
  edit_metadata(conversion.edits, metadata);
  auto tensors = plan_tensors(recipe, metadata, source.weights());
  const std::vector<float> factors =
      llama3_rope_factors(source.config(), metadata, recipe.architecture);
  const TensorView made = {.name = "rope_freqs.weight",
                           .type = DType::f32,
                           .shape = {std::ssize(factors)},
                           .data = std::as_bytes(std::span(factors))};
  if (!factors.empty()) {
    tensors.push_back({.source = &made, .target = {made.name, made.type, made.shape}});
  }
  choose_types(tensors, &mix, conversion.type_rules);
  const auto read = [&](const TensorView& tensor, int64_t offset, std::span<std::byte> bytes) {
    source.weights().copy(tensor, offset, bytes);
  };
  return write_model({std::move(metadata), std::move(tensors), read}, conversion, conversion.record,
                     target);
}

ConvertReport convert_gguf(const GgufFile& source, const Conversion& conversion,
                           const ConvertTarget& target) {
  Metadata metadata = source.metadata();
  if (conversion.mix) set_types(*conversion.mix, metadata);
  edit_metadata(conversion.edits, metadata);
  const bool types_may_change = conversion.mix || !conversion.type_rules.empty();
  auto tensors = plan_gguf(source, metadata, types_may_change);
  choose_types(tensors, conversion.mix, conversion.type_rules);
  check_spares_source(source, tensors, target.path);
  const auto read = [&](const TensorView& tensor, int64_t offset, std::span<std::byte> bytes) {
    source.copy(tensor, offset, bytes);
  };
  const bool recorded = conversion.record && types_may_change && !has_record(metadata);
  return write_model({std::move(metadata), std::move(tensors), read}, conversion, recorded, target);
}

}  // namespace heed
