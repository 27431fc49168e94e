#include "engine/graph/bind.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <unordered_map>

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

std::string full_name(const Param& param, const std::string& scope) {
  return param.shared ? param.name : scope + param.name;
}

/// Calls visit(child, scope) for each child, blocks spelled out.
template <typename Visit>
void for_each_child(const Layer& layer, const std::string& scope, const Visit& visit) {
  if (const auto* residual = std::get_if<Residual>(&layer.spec)) {
    for (const Layer& child : residual->body) visit(child, scope);
  } else if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) {
    for (int64_t i = 0; i < blocks->count; ++i) {
      const std::string block = cat(scope, blocks->name, ".", blocks->first + i, ".");
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
  if (a.memory && a.fused) return "queries, keys and values in one matrix, but of two graphs";
  if (a.memory && a.rope) return "rotary positions, which keys of a memory do not have";
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
  Binder(const ModelGraph& model, const FindTensor& find) : find_(find), model_(model) {}

  BoundGraph bind(const Graph& graph) {
    dims_ = graph.dims;
    may_attend_ = model_.memory && &graph == &model_.main;
    BoundGraph bound{.dims = graph.dims};
    for (const Layer& layer : graph.layers) bound.layers.push_back(bind(layer, ""));
    return bound;
  }

  /// What steps rely on, said of two graphs together.
  void check_memory() {
    if (!model_.memory || model_.memory->dims.width == model_.main.dims.width) return;
    report(cat("memory of width ", model_.memory->dims.width, ": expected ", model_.main.dims.width,
               ", as wide as what attends to it"));
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  /// Both graphs, and a head with its table, may speak of one tensor.
  void report(std::string problem) {
    if (std::ranges::find(problems_, problem) == problems_.end()) {
      problems_.push_back(std::move(problem));
    }
  }

  BoundLayer bind(const Layer& layer, const std::string& scope) {
    BoundLayer bound{.layer = &layer, .scope = scope};
    std::visit(
        [&](const auto& spec) {
          if constexpr (requires { problem_of(spec); }) {
            const std::string problem = problem_of(spec);
            if (!problem.empty()) {
              report(cat("layer '", scope, spec.name, "': ", problem));
            }
          }
        },
        layer.spec);
    const auto* attention = std::get_if<Attention>(&layer.spec);
    if (attention && attention->memory && !may_attend_) {
      report(cat("layer '", scope, attention->name, "': no memory to attend to"));
    }
    for (const Param& param : own_params(layer, dims_)) {
      bound.tensors.push_back(check(param, full_name(param, scope)));
    }
    for_each_child(layer, scope, [&](const Layer& child, const std::string& inner) {
      bound.children.push_back(bind(child, inner));
    });
    return bound;
  }

  const TensorView* check(const Param& param, const std::string& name) {
    const TensorView* tensor = find_(name);
    if (!tensor) {
      if (param.presence == Presence::required) {
        report(cat("tensor '", name, "' ", to_string(param.shape), " is missing"));
      }
    } else if (tensor->shape != param.shape) {
      report(cat("tensor '", name, "' has shape ", to_string(tensor->shape), ", expected ",
                 to_string(param.shape)));
    } else if (tensor->type >= DType::i8 && tensor->type <= DType::f64) {
      report(cat("tensor '", name, "' has type ", info(tensor->type).name,
                 ", expected a type of weights (f32, f16, bf16 or quantised)"));
    }
    return tensor;
  }

  const FindTensor& find_;
  const ModelGraph& model_;
  Dims dims_;                // of the graph at hand
  bool may_attend_ = false;  // whether it has a memory
  std::vector<std::string> problems_;
};

void collect(const Layer& layer, const std::string& scope, const Dims& dims, Params& all) {
  for (Param& param : own_params(layer, dims)) {
    param.name = full_name(param, scope);
    all.push_back(std::move(param));
  }
  for_each_child(layer, scope, [&](const Layer& child, const std::string& inner) {
    collect(child, inner, dims, all);
  });
}

/// Leaves the first of those that share a name (a table that is also the head's matrix, and both
/// graphs'), required if any of them is.
Params once_each(const Params& all) {
  Params result;
  std::unordered_map<std::string, size_t> index;
  for (const Param& param : all) {
    const auto [it, is_new] = index.try_emplace(param.name, result.size());
    if (is_new) {
      result.push_back(param);
    } else if (param.presence == Presence::required) {
      result[it->second].presence = Presence::required;
    }
  }
  return result;
}

}  // namespace

BoundModel bind_model(const ModelGraph& model, const FindTensor& find, const std::string& file) {
  constexpr size_t kMostShown = 8;  // a wrong width makes every tensor wrong: enough is enough
  Binder binder(model, find);
  binder.check_memory();
  BoundModel bound;
  if (model.memory) bound.memory = binder.bind(*model.memory);
  bound.main = binder.bind(model.main);
  const std::vector<std::string>& problems = binder.problems();
  if (problems.empty()) return bound;
  std::string list;
  for (size_t i = 0; i < problems.size() && i < kMostShown; ++i) {
    list += (i ? "; " : "") + problems[i];
  }
  if (problems.size() > kMostShown) list += cat("; and ", problems.size() - kMostShown, " more");
  fail(Error::Code::format, file, ": ", list);
}

Params all_params(const ModelGraph& model) {
  Params all;
  const auto add = [&](const Graph& graph) {
    for (const Layer& layer : graph.layers) collect(layer, "", graph.dims, all);
  };
  if (model.memory) add(*model.memory);
  add(model.main);
  return once_each(all);
}

}  // namespace heed
