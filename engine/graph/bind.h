// Finds a graph's tensors in a file: every block spelled out, every tensor checked by name, type
// and shape against what its layer says of it (params), all mismatches reported at once.
#pragma once

#include <functional>
#include <optional>
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

struct BoundModel {
  BoundGraph main;
  std::optional<BoundGraph> memory;
};

/// The tensor of a name, or null.
using FindTensor = std::function<const TensorView*(std::string_view name)>;

/// Binds the graphs of a model, which must outlive the result. `file` names the source in errors.
/// Throws Error(format) that lists every layer that cannot be, every missing tensor and every wrong
/// shape, expected and found.
BoundModel bind_model(const ModelGraph& model, const FindTensor& find, const std::string& file);
BoundModel bind_model(ModelGraph&&, const FindTensor&, const std::string&) = delete;

/// Every tensor that the model may have, once each: full names, blocks spelled out.
Params all_params(const ModelGraph& model);

}  // namespace heed
