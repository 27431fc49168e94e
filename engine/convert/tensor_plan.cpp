#include "engine/convert/tensor_plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/convert/join.h"
#include "engine/core/error.h"
#include "engine/graph/bind.h"
#include "engine/quant/quant.h"
#include "models/registry.h"

namespace heed {
namespace {

constexpr std::string_view kNumber = "{}";
constexpr std::string_view kScale = "_scale";  // behind the name of a tensor of integers

/// `to`, with the number that `name` has where `from` has "{}"; nothing if `name` is not like
/// `from`.
std::optional<std::string> rename(std::string_view name, std::string_view from,
                                  std::string_view to) {
  const size_t at = from.find(kNumber);
  if (at == std::string_view::npos) {
    return name == from ? std::optional<std::string>(to) : std::nullopt;
  }
  const std::string_view head = from.substr(0, at);
  const std::string_view tail = from.substr(at + kNumber.size());
  if (name.size() <= head.size() + tail.size() || !name.starts_with(head) ||
      !name.ends_with(tail)) {
    return std::nullopt;
  }
  const std::string_view number = name.substr(at, name.size() - head.size() - tail.size());
  if (number.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::string renamed(to);
  return renamed.replace(to.find(kNumber), kNumber.size(), number);
}

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.find(kNumber) != std::string_view::npos) {
    return rename(name, pattern, pattern).has_value();
  }
  if (!pattern.ends_with('*')) return name == pattern;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// Without a prefix of the recipe, and with the suffixes that TensorFlow's checkpoints left behind
/// in older ones written as those of today.
std::string canonical_name(const Recipe& recipe, std::string_view name) {
  for (const std::string_view prefix : recipe.prefixes) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    break;
  }
  constexpr std::pair<std::string_view, std::string_view> kOldSuffixes[] = {{".gamma", ".weight"},
                                                                            {".beta", ".bias"}};
  for (const auto& [old, current] : kOldSuffixes) {
    if (name.ends_with(old)) return cat(name.substr(0, name.size() - old.size()), current);
  }
  return std::string(name);
}

/// Without leading dimensions of 1: a checkpoint may have a vector as a matrix of one row.
std::span<const int64_t> significant(const Shape& shape) {
  const auto first = std::ranges::find_if(shape, [](int64_t size) { return size != 1; });
  return {first, shape.end()};
}

bool has_integers(const TensorView& tensor) {
  return tensor.type == DType::i8 || tensor.type == DType::i16;
}

/// The shape that `source`, of the checkpoint, should have if a rule makes a tensor of `shape` of
/// it.
Shape source_shape(const TensorRule& rule, Shape shape, const TensorView& source) {
  if (rule.order == RowOrder::transposed) std::ranges::reverse(shape);
  shape.front() *= rule.part.of;
  const bool lacks_row = !source.shape.empty() && source.shape.front() == shape.front() - 1;
  if (rule.adds_row && lacks_row) --shape.front();
  return shape;
}

/// Why numbers cannot be what the rows of `source` were multiplied by, if they cannot.
std::optional<std::string> scale_misfit(const TensorView& scale, const TensorView& source) {
  const bool fits = scale.shape.empty() ||
                    (source.shape.size() == 2 && scale.shape == Shape{source.shape.front()});
  if (!fits || scale.type != DType::f32) {
    return cat("'", scale.name, "' is ", info(scale.type).name, " ", to_string(scale.shape),
               ", expected f32, one number for all of '", source.name, "' ",
               to_string(source.shape), " or one for each row");
  }
  for (size_t at = 0; at < scale.data.size(); at += sizeof(float)) {
    float number;
    std::memcpy(&number, scale.data.data() + at, sizeof number);
    if (number > 0 && std::isfinite(number)) continue;
    return cat("'", scale.name, "': expected numbers above 0, found ", number, " at ",
               at / sizeof number);
  }
  return std::nullopt;
}

bool has_weights(DType type) {
  return type == DType::f64 ||
         std::ranges::find(row_codecs(), type, &RowCodec::type) != row_codecs().end();
}

/// Finds a tensor for each parameter of a graph, and keeps lists of what does not fit.
class Planner {
 public:
  Planner(const Recipe& recipe, const Metadata& metadata, const Checkpoint& weights)
      : recipe_(recipe), metadata_(metadata), weights_(weights) {
    for (const TensorView& tensor : weights.tensors()) add_source(tensor);
  }

  void plan(const Param& param) {
    const TensorRule* rule = rule_for(param.name);
    const auto it = sources_.find(param.name);
    if (it == sources_.end()) {
      const bool wanted = rule ? !rule->may_be_absent : param.presence == Presence::required;
      if (wanted) problems_.push_back(absence(param, rule));
      return;
    }
    const TensorView* source = it->second;
    sources_.erase(it);
    if (auto problem = misfit(param, rule, *source)) {
      problems_.push_back(std::move(*problem));
      return;
    }
    const bool keep = param.shape.size() < 2 || (rule && rule->keep_f32);
    const RowOrder order = rule ? rule->order : RowOrder::same;
    planned_.push_back({.source = source,
                        .target = {param.name, DType::f32, param.shape},
                        .order = order,
                        .heads = heads_of(order),
                        .is_matrix = !keep,
                        .first_row = rule ? rule->part.index * param.shape.front() : 0,
                        .scale = has_integers(*source) ? scale_of(*source) : nullptr});
  }

  std::vector<PlannedTensor> finish() {
    for (const auto& [name, tensor] : sources_) unused_.push_back("'" + tensor->name + "'");
    std::ranges::sort(unused_);
    const std::string unused = cat("Heed's ", recipe_.architecture,
                                   " has no use for these tensors: ", join(unused_, ", "));
    if (!problems_.empty()) {
      fail(Error::Code::format, weights_.name(), ": tensor ", join(problems_, "; tensor "),
           unused_.empty() ? "" : "; " + unused);
    }
    if (!unused_.empty()) fail(Error::Code::unsupported, weights_.name(), ": ", unused);
    return std::move(planned_);
  }

 private:
  void add_source(const TensorView& tensor) {
    const std::string name = canonical_name(recipe_, tensor.name);
    const auto ignored = [&](std::string_view pattern) { return matches(name, pattern); };
    if (std::ranges::any_of(recipe_.ignored, ignored) || is_scale(tensor)) return;
    bool is_used = false;
    for (const TensorRule& rule : recipe_.tensors) {
      const auto target = rename(name, rule.from, rule.to);
      if (!target) continue;
      const auto [it, is_new] = sources_.try_emplace(*target, &tensor);
      if (!is_new) {
        problems_.push_back(cat("'", tensor.name, "' is the same as '", it->second->name, "'"));
      }
      is_used = true;
    }
    if (!is_used) unused_.push_back("'" + tensor.name + "'");
  }

  /// What the integers of `tensor` were multiplied by.
  const TensorView* scale_of(const TensorView& tensor) const {
    return weights_.find(cat(tensor.name, kScale));
  }

  bool is_scale(const TensorView& tensor) const {
    const std::string_view name = tensor.name;
    if (!name.ends_with(kScale)) return false;
    const TensorView* scaled = weights_.find(name.substr(0, name.size() - kScale.size()));
    return scaled && has_integers(*scaled);
  }

  /// Why a tensor cannot be the source of a parameter, if it cannot.
  std::optional<std::string> misfit(const Param& param, const TensorRule* rule,
                                    const TensorView& source) const {
    const Shape expected = rule ? source_shape(*rule, param.shape, source) : param.shape;
    if (!std::ranges::equal(significant(source.shape), significant(expected))) {
      return cat("'", source.name, "' has shape ", to_string(source.shape), ", expected ",
                 to_string(expected));
    }
    const TensorView* scale = has_integers(source) ? scale_of(source) : nullptr;
    if (scale) return scale_misfit(*scale, source);
    if (has_weights(source.type)) return std::nullopt;
    return cat("'", source.name, "' has type ", info(source.type).name,
               ", expected f64, f32, f16 or bf16");
  }

  const TensorRule* rule_for(std::string_view target) const {
    for (const TensorRule& rule : recipe_.tensors) {
      if (rename(target, rule.to, rule.from)) return &rule;
    }
    return nullptr;
  }

  int64_t heads_of(RowOrder order) const {
    switch (order) {
      case RowOrder::halves_of_heads:
        return metadata_.require<int64_t>(cat(recipe_.architecture, ".attention.head_count"));
      case RowOrder::halves_of_kv_heads:
        return metadata_.require<int64_t>(cat(recipe_.architecture, ".attention.head_count_kv"));
      default:
        return 1;
    }
  }

  std::string absence(const Param& param, const TensorRule* rule) const {
    const std::string name = rule ? *rename(param.name, rule->to, rule->from) : param.name;
    const std::string_view dtype = weights_.left_out(name);
    return cat(
        "'", name, "' ", to_string(param.shape),
        dtype.empty() ? " is missing" : cat(" has dtype ", dtype, ", which Heed does not hold"));
  }

  const Recipe& recipe_;
  const Metadata& metadata_;
  const Checkpoint& weights_;
  std::unordered_map<std::string, const TensorView*> sources_;  // by their names in the file
  std::vector<PlannedTensor> planned_;
  std::vector<std::string> problems_;
  std::vector<std::string> unused_;
};

}  // namespace

std::vector<PlannedTensor> plan_tensors(const Recipe& recipe, const Metadata& metadata,
                                        const Checkpoint& weights) {
  Planner planner(recipe, metadata, weights);
  for (const Param& param : all_params(make_graph(metadata))) planner.plan(param);
  return planner.finish();
}

}  // namespace heed
