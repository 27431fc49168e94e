// Finds a graph's tensors in a file: every block spelled out, every tensor checked by name, type
// and shape against what its layer says of it (params), all mismatches reported at once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/graph/graph.h"

namespace heed {

/// A layer with its tensors, in the order of params(layer): null where an optional one is absent.
/// Residual and Blocks have children instead; a Blocks node has count * body.size() of them.
struct BoundLayer {
  const Layer* layer = nullptr;  ///< in the Graph, which must outlive this
  std::string scope;             ///< "blk.3.", or empty
  std::vector<const TensorView*> tensors;
  std::vector<BoundLayer> children;
};

struct BoundGraph {
  Dims dims;
  std::vector<BoundLayer> layers;
};

/// The tensor of a name, or null.
using FindTensor = std::function<const TensorView*(std::string_view name)>;

/// Binds a graph. `file` names the source in errors. Throws Error(format) that lists every layer
/// that cannot be, every missing tensor and every wrong shape, expected and found.
BoundGraph bind_graph(const Graph& graph, const FindTensor& find, const std::string& file);

/// Every tensor that the graph may have, full names, blocks spelled out.
Params all_params(const Graph& graph);

/// Names in `have` that no layer of the graph asks for.
std::vector<std::string> unused_tensors(const Graph& graph, const std::vector<std::string>& have);

}  // namespace heed
