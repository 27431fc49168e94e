// A model in memory: its file, graph and packed weights. Immutable once made; sessions share it.
#pragma once

#include <memory>

#include "engine/format/gguf.h"
#include "engine/graph/weights.h"

namespace heed {

struct LoadedModel {
  GgufFile file;
  Graph graph;
  BoundGraph bound;
  std::unique_ptr<const Weights> weights;  ///< points into graph, bound and file

  explicit LoadedModel(GgufFile opened) : file(std::move(opened)) {}
  LoadedModel(const LoadedModel&) = delete;
};

}  // namespace heed
