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
#include "engine/convert/rope_factors.h"
#include "engine/convert/source_run.h"
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

bool is_rounded(const PlannedTensor& tensor) {
  return tensor.source->type != tensor.target.type && has_blocks(tensor.target.type);
}

/// To fewer than 8 bits: only then are errors weighed by what a run of the source has shown. Beside
/// 8 bits the input, which is rounded to 8 bits too, loses as much whatever the weights.
bool is_rounded_coarsely(const PlannedTensor& tensor) {
  return is_rounded(tensor) && tensor.target.type != DType::q8_0;
}

/// Finds the importance of every matrix that is about to be rounded to blocks.
ConvertReport weigh(std::span<PlannedTensor> tensors, const std::optional<Imatrix>& imatrix) {
  ConvertReport report;
  for (PlannedTensor& tensor : tensors) {
    if (!is_rounded(tensor)) continue;
    ++report.quantized;
    if (has_blocks(tensor.source->type) || tensor.scale) ++report.quantized_twice;
    if (imatrix && (is_rounded_coarsely(tensor) || !imatrix->path().empty())) {
      tensor.importance = imatrix->find(tensor.target.name, tensor.target.shape.back());
    }
    if (tensor.importance.empty()) ++report.unweighted;
  }
  return report;
}

/// The keys that llama.cpp's quantiser writes; without an imatrix, none.
void set_imatrix_keys(const std::optional<Imatrix>& imatrix, Metadata& metadata) {
  const std::string prefix = "quantize.imatrix.";
  for (const char* key : {"file", "dataset", "entries_count", "chunks_count"}) {
    metadata.remove(prefix + key);
  }
  if (!imatrix) return;
  const ImatrixText& text = imatrix->text();
  if (!imatrix->path().empty()) {
    metadata.set(prefix + "file", imatrix->path().filename().string());
  }
  if (!text.datasets.empty()) metadata.set(prefix + "dataset", text.datasets.front());
  metadata.set(prefix + "entries_count", static_cast<uint32_t>(imatrix->size()));
  metadata.set(prefix + "chunks_count", text.chunks);
}

/// What is asked of a run of the source.
struct RunUse {
  bool record = false;      ///< to be kept in the file
  bool importance = false;  ///< of the columns of its matrices

  explicit operator bool() const { return record || importance; }
};

/// What Heed cannot run has neither record nor importance: then `problem` says why.
std::optional<Imatrix> use_run(PlannedModel& model, const RunUse& use, const ConvertTarget& target,
                               const ProgressCallback& progress, std::string& problem) {
  const int64_t all = source_bytes(model.tensors);
  try {
    const SourceRun run = run_source(
        model, target.team, [&](int64_t read_bytes) { progress(std::min(read_bytes, all), all); });
    if (use.record) write_record(run.record, model.metadata);
    if (!use.importance) return std::nullopt;
    return Imatrix(run.input_squares, {.datasets = {"heed convert's own texts"},
                                       .chunks = static_cast<uint32_t>(run.record.texts.size())});
  } catch (const Error& error) {
    const bool misfit = error.code() == Error::Code::format;
    if (!misfit && error.code() != Error::Code::unsupported) throw;
    problem = error.what();
    return std::nullopt;
  }
}

/// The last steps are the same for every source.
ConvertReport write_model(PlannedModel model, const Conversion& conversion, bool recorded,
                          const ConvertTarget& target) {
  const RunUse use = {.record = recorded,
                      .importance = conversion.record && !conversion.imatrix &&
                                    std::ranges::any_of(model.tensors, is_rounded_coarsely)};
  int64_t before = 0;  // bytes of what has been done
  const ProgressCallback progress = [&](int64_t done, int64_t all) {
    if (target.progress) target.progress(before + done, use ? 2 * all : all);
  };
  std::optional<Imatrix> measured;
  std::string problem;
  if (use) {
    measured = use_run(model, use, target, progress, problem);
    before = source_bytes(model.tensors);
  }
  const std::optional<Imatrix>& imatrix = conversion.imatrix ? conversion.imatrix : measured;
  ConvertReport report = weigh(model.tensors, imatrix);
  report.record_problem = problem;
  if (report.quantized > 0) set_imatrix_keys(imatrix, model.metadata);
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
