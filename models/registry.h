// The architectures Heed knows, by the name in a file's general.architecture. Used by the loader,
// `heed show` and the converter.
#pragma once

#include <span>
#include <string_view>

#include "engine/graph/graph.h"
#include "models/hyperparameters.h"

namespace heed {

struct Architecture {
  std::string_view name;
  ModelGraph (*graph)(const Hyperparameters& hyperparameters);
};

std::span<const Architecture> architectures();

/// The graphs of a file's model. Throws Error(unsupported) naming the architecture and those that
/// are known.
ModelGraph make_graph(const Metadata& metadata);

}  // namespace heed
