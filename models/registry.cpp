#include "models/registry.h"

#include <algorithm>
#include <array>
#include <string>

#include "engine/core/error.h"
#include "models/architectures.h"

namespace heed {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"bert", bert},     Architecture{"gpt2", gpt2},   Architecture{"llama", llama},
    Architecture{"marian", marian}, Architecture{"qwen2", qwen2},
};

}  // namespace

std::span<const Architecture> architectures() {
  return kArchitectures;
}

ModelGraph make_graph(const Metadata& metadata) {
  const std::string& name = metadata.require<std::string>("general.architecture");
  const auto it = std::ranges::find(kArchitectures, name, &Architecture::name);
  if (it != kArchitectures.end()) return it->graph(Hyperparameters(metadata, name));
  std::string known;
  for (const Architecture& a : kArchitectures) known += cat(known.empty() ? "" : ", ", a.name);
  fail(Error::Code::unsupported, "architecture '", name, "' is not known; known are: ", known);
}

}  // namespace heed
