// A model in memory: its file, graph and packed weights. Immutable once made; sessions share it.
#pragma once

#include <memory>

#include "engine/format/gguf.h"
#include "engine/graph/weights.h"

namespace heed {

struct LoadedModel {
  GgufFile file;
  ModelGraph graph;
  BoundModel bound;
  // Both point into graph, bound and file.
  std::unique_ptr<const Weights> weights;         ///< of graph.main
  std::unique_ptr<const Weights> memory_weights;  ///< of graph.memory, where there is one

  explicit LoadedModel(GgufFile opened) : file(std::move(opened)) {}
  LoadedModel(const LoadedModel&) = delete;
};

}  // namespace heed
