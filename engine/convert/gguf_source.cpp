#include "engine/convert/gguf_source.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/graph/bind.h"
#include "models/hugging_face/recipe.h"
#include "models/registry.h"

namespace heed {
namespace {

/// Names of the tensors whose types may be chosen.
std::unordered_set<std::string> matrices_of(const Metadata& metadata) {
  std::unordered_set<std::string> names;
  for (const Param& param : all_params(make_graph(metadata))) {
    if (param.shape.size() >= 2) names.insert(param.name);
  }
  const auto& architecture = metadata.require<std::string>("general.architecture");
  for (const Recipe& recipe : recipes()) {
    if (recipe.architecture != architecture) continue;
    for (const TensorRule& rule : recipe.tensors) {
      if (rule.keep_f32) names.erase(std::string(rule.to));
    }
  }
  return names;
}

void check_whole(const GgufFile& file) {
  const auto parts = file.metadata().get_or<uint32_t>("split.count", 0);
  if (parts < 2) return;
  fail(Error::Code::unsupported, file.name(), ": is one of the ", parts,
       " files of a split model: expected a model in one file (llama-gguf-split --merge)");
}

}  // namespace

std::vector<PlannedTensor> plan_gguf(const GgufFile& file, const Metadata& metadata,
                                     bool types_may_change) {
  check_whole(file);
  std::unordered_set<std::string> matrices;
  if (types_may_change) matrices = matrices_of(metadata);
  std::vector<PlannedTensor> tensors;
  for (const TensorView& tensor : file.tensors()) {
    tensors.push_back({.source = &tensor,
                       .target = {tensor.name, tensor.type, tensor.shape},
                       .is_matrix = tensor.shape.size() >= 2 && matrices.contains(tensor.name)});
  }
  return tensors;
}

}  // namespace heed
