#include "engine/graph/bind.h"

#include <cmath>
#include <type_traits>
#include <unordered_set>

#include "engine/core/error.h"

namespace heed {
namespace {

/// The tensors of a layer without children; none for those that have no weights.
Params own_params(const Layer& layer, const Dims& dims) {
  return std::visit(
      [&](const auto& spec) -> Params {
        if constexpr (requires { params(spec, dims); }) {
          return params(spec, dims);
        } else {
          return {};
        }
      },
      layer.spec);
}

/// Calls visit(child, scope) for each child, blocks spelled out.
template <typename Visit>
void for_each_child(const Layer& layer, const std::string& scope, const Visit& visit) {
  if (const auto* residual = std::get_if<Residual>(&layer.spec)) {
    for (const Layer& child : residual->body) visit(child, scope);
  } else if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) {
    for (int64_t i = 0; i < blocks->count; ++i) {
      const std::string block = cat(scope, blocks->name, ".", i, ".");
      for (const Layer& child : blocks->body) visit(child, block);
    }
  }
}

/// Far above any real model; low enough that tables of rotary positions stay small.
constexpr int64_t kMaxHeadDim = 8192;

/// What steps and kernels rely on, said of a layer by itself; empty if all is well.
std::string problem_of(const Attention& a) {
  if (a.heads < 1 || a.kv_heads < 1 || a.heads % a.kv_heads != 0) {
    return cat(a.heads, " heads cannot share ", a.kv_heads, " kv heads");
  }
  if (a.head_dim < 2 || a.head_dim > kMaxHeadDim || a.head_dim % 2 != 0) {
    return cat("heads of ", a.head_dim, " dimensions: expected an even number up to ", kMaxHeadDim);
  }
  if (!a.rope) return "";
  if (a.rope->dims < 2 || a.rope->dims % 2 != 0 || a.rope->dims > a.head_dim) {
    return cat("rotary positions of ", a.rope->dims, " dimensions: expected an even number up to ",
               a.head_dim);
  }
  const auto positive = [](float x) { return x > 0 && std::isfinite(x); };
  if (!positive(a.rope->base) || !positive(a.rope->scale)) {
    return cat("rotary positions of base ", a.rope->base, " and scale ", a.rope->scale,
               ": expected numbers above 0");
  }
  return "";
}

std::string problem_of(const Norm& norm) {
  if (norm.epsilon >= 0 && norm.epsilon < 1) return "";
  return cat("epsilon ", norm.epsilon, ": expected 0 to 1");
}

/// Binds layers one by one and keeps a list of all that is wrong.
class Binder {
 public:
  Binder(const Dims& dims, const FindTensor& find) : dims_(dims), find_(find) {}

  BoundLayer bind(const Layer& layer, const std::string& scope) {
    BoundLayer bound{.layer = &layer, .scope = scope};
    std::visit(
        [&](const auto& spec) {
          if constexpr (requires { problem_of(spec); }) {
            const std::string problem = problem_of(spec);
            if (!problem.empty()) {
              problems_.push_back(cat("layer '", scope, spec.name, "': ", problem));
            }
          }
        },
        layer.spec);
    for (const Param& param : own_params(layer, dims_)) {
      bound.tensors.push_back(check(param, scope + param.name));
    }
    for_each_child(layer, scope, [&](const Layer& child, const std::string& inner) {
      bound.children.push_back(bind(child, inner));
    });
    return bound;
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  const TensorView* check(const Param& param, const std::string& name) {
    const TensorView* tensor = find_(name);
    if (!tensor) {
      if (param.presence == Presence::required) {
        problems_.push_back(cat("tensor '", name, "' ", to_string(param.shape), " is missing"));
      }
    } else if (tensor->shape != param.shape) {
      problems_.push_back(cat("tensor '", name, "' has shape ", to_string(tensor->shape),
                              ", expected ", to_string(param.shape)));
    } else if (tensor->type >= DType::i8 && tensor->type <= DType::f64) {
      problems_.push_back(cat("tensor '", name, "' has type ", info(tensor->type).name,
                              ", expected a type of weights (f32, f16, bf16 or quantised)"));
    }
    return tensor;
  }

  const Dims& dims_;
  const FindTensor& find_;
  std::vector<std::string> problems_;
};

void collect(const Layer& layer, const std::string& scope, const Dims& dims, Params& all) {
  for (Param& param : own_params(layer, dims)) {
    param.name = scope + param.name;
    all.push_back(std::move(param));
  }
  for_each_child(layer, scope, [&](const Layer& child, const std::string& inner) {
    collect(child, inner, dims, all);
  });
}

}  // namespace

BoundGraph bind_graph(const Graph& graph, const FindTensor& find, const std::string& file) {
  constexpr size_t kMostShown = 8;  // a wrong width makes every tensor wrong: enough is enough
  Binder binder(graph.dims, find);
  BoundGraph bound{.dims = graph.dims};
  for (const Layer& layer : graph.layers) bound.layers.push_back(binder.bind(layer, ""));
  const std::vector<std::string>& problems = binder.problems();
  if (problems.empty()) return bound;
  std::string list;
  for (size_t i = 0; i < problems.size() && i < kMostShown; ++i) {
    list += (i ? "; " : "") + problems[i];
  }
  if (problems.size() > kMostShown) list += cat("; and ", problems.size() - kMostShown, " more");
  fail(Error::Code::format, file, ": ", list);
}

Params all_params(const Graph& graph) {
  Params all;
  for (const Layer& layer : graph.layers) collect(layer, "", graph.dims, all);
  return all;
}

std::vector<std::string> unused_tensors(const Graph& graph, const std::vector<std::string>& have) {
  std::unordered_set<std::string> known;
  for (const Param& param : all_params(graph)) known.insert(param.name);
  std::vector<std::string> unused;
  for (const std::string& name : have) {
    if (!known.contains(name)) unused.push_back(name);
  }
  return unused;
}

}  // namespace heed
