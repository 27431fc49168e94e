// A model as data: layers, and how they are put together. A file in models/ reads metadata and
// returns a Graph; bind finds its weights, plan turns it into steps. Printable and comparable.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/layers/attention.h"
#include "engine/layers/embedding.h"
#include "engine/layers/feed_forward.h"
#include "engine/layers/head.h"
#include "engine/layers/norm.h"
#include "engine/layers/pool.h"

namespace heed {

struct Layer;

/// x + body(x).
struct Residual {
  std::vector<Layer> body;

  bool operator==(const Residual&) const;
};

/// `count` copies of `body`, one after the other; tensors of copy i are named NAME.(first + i).
struct Blocks {
  int64_t first = 0;
  int64_t count = 0;
  std::string name = "blk";
  std::vector<Layer> body;

  bool operator==(const Blocks&) const;
};

struct Layer {
  using Spec = std::variant<Embedding, Norm, Attention, FeedForward, Pool, Head, Residual, Blocks>;
  Spec spec;

  template <typename T>
  Layer(T layer) : spec(std::move(layer)) {}  // NOLINT: a layer is written where one is expected
  bool operator==(const Layer&) const = default;
};

// Written out: clang 16 crashes on the defaults of types that hold themselves.
inline bool Residual::operator==(const Residual& other) const {
  return body == other.body;
}
inline bool Blocks::operator==(const Blocks& other) const {
  return first == other.first && count == other.count && name == other.name && body == other.body;
}

/// A stack of layers over one residual stream.
struct Graph {
  Dims dims;
  std::vector<Layer> layers;

  bool operator==(const Graph&) const = default;
};

/// A model: one graph, or two of which `main` attends to the output of `memory` (a decoder and its
/// encoder).
struct ModelGraph {
  Graph main;
  std::optional<Graph> memory;

  ModelGraph() = default;
  ModelGraph(Graph only) : main(std::move(only)) {}  // NOLINT: most models have one graph
  ModelGraph(Graph first, Graph attended) : main(std::move(first)), memory(std::move(attended)) {}
  bool operator==(const ModelGraph&) const = default;
};

/// The model as text, one layer a line, blocks indented once.
std::string to_text(const ModelGraph& model);

/// The model as a DOT digraph.
std::string to_dot(const ModelGraph& model);

}  // namespace heed
