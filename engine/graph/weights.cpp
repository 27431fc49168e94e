#include "engine/graph/weights.h"

#include <algorithm>
#include <optional>

#include "engine/core/error.h"
#include "engine/kernels/pack.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// Panels are taken from chunks of this size: large enough for huge pages, small enough that the
/// unused end of the last one does not matter.
constexpr int64_t kChunkBytes = int64_t{64} << 20;

using Tensors = std::vector<const TensorView*>;

bool whole_panels(const TensorView& tensor) {
  return tensor.shape[0] % kPanelRows == 0;
}

/// Splits tensors that share an input into as few matrices as can be: neighbours of one type whose
/// seam falls between panels.
std::vector<RowGroup> side_by_side(const Tensors& tensors) {
  std::vector<RowGroup> groups;
  for (const TensorView* tensor : tensors) {
    if (!groups.empty() && groups.back().type() == tensor->type &&
        whole_panels(*groups.back().tensors.back())) {
      groups.back().tensors.push_back(tensor);
    } else {
      groups.push_back({.tensors = {tensor}});
    }
  }
  return groups;
}

}  // namespace

/// Walks the bound tree and fills the packed one.
class Weights::Packer {
 public:
  Packer(Weights& weights, Packing& packing, const PackOptions& options)
      : w_(weights), packing_(packing), many_rows_(options.many_rows), batches_(options.batches) {}

  PackedLayer pack(const BoundLayer& bound) {
    PackedLayer packed{.bound = &bound};
    std::visit([&](const auto& spec) { fill(spec, bound, packed); }, bound.layer->spec);
    for (const BoundLayer& child : bound.children) packed.children.push_back(pack(child));
    return packed;
  }

 private:
  void fill(const Norm& norm, const BoundLayer& bound, PackedLayer& packed) {
    packed.norm = {
        .kind = norm.kind, .epsilon = norm.epsilon, .weight = vector(bound.tensors[Norm::weight])};
    if (norm.kind == Norm::Kind::layer) packed.norm.bias = vector(bound.tensors[Norm::bias]);
  }

  void fill(const Attention& attention, const BoundLayer& bound, PackedLayer& packed) {
    const Tensors& t = bound.tensors;
    if (attention.fused) {
      packed.input = parts({t[Attention::qkv]}, {t[Attention::qkv_bias]});
    } else if (attention.memory) {
      packed.input = parts({t[Attention::q]}, {t[Attention::q_bias]});
      // Made once for a whole source, in the pass of the graph that is attended to.
      packed.memory =
          parts({t[Attention::k], t[Attention::v]}, {t[Attention::k_bias], t[Attention::v_bias]},
                /*many_rows=*/true);
    } else {
      packed.input = parts({t[Attention::q], t[Attention::k], t[Attention::v]},
                           {t[Attention::q_bias], t[Attention::k_bias], t[Attention::v_bias]});
    }
    packed.output = attention.fused
                        ? parts({t[Attention::fused_output]}, {t[Attention::fused_output_bias]})
                        : parts({t[Attention::output]}, {t[Attention::output_bias]});
    if (attention.rope && !attention.rope->factors.empty() && t.back()) {
      const TensorView& factors = *t.back();
      packed.rope_factors = {vector(&factors), static_cast<size_t>(factors.shape[0])};
    }
  }

  void fill(const FeedForward& ffn, const BoundLayer& bound, PackedLayer& packed) {
    const Tensors& t = bound.tensors;
    if (ffn.gated) {
      packed.input = gated(bound);
    } else {
      packed.input = parts({t[FeedForward::up]}, {t[FeedForward::up_bias]});
    }
    packed.output = parts({t[FeedForward::down]}, {t[FeedForward::down_bias]});
  }

  void fill(const Head&, const BoundLayer& bound, PackedLayer& packed) {
    const Tensors& t = bound.tensors;
    packed.input =
        parts({t[Head::weight] ? t[Head::weight] : t[Head::tied_weight]}, {t[Head::bias]});
  }

  // Tables of embeddings stay as the file has them; the others have no weights.
  void fill(const Embedding&, const BoundLayer&, PackedLayer&) {}
  void fill(const Pool&, const BoundLayer&, PackedLayer&) {}
  void fill(const Residual&, const BoundLayer&, PackedLayer&) {}
  void fill(const Blocks&, const BoundLayer&, PackedLayer&) {}

  std::vector<LinearPart> parts(const Tensors& tensors, const Tensors& biases) {
    return parts(tensors, biases, many_rows_);
  }

  std::vector<LinearPart> parts(const Tensors& tensors, const Tensors& biases, bool many_rows) {
    std::vector<LinearPart> result;
    size_t next = 0;
    for (const RowGroup& group : side_by_side(tensors)) {
      LinearPart part = matrix(group, many_rows);
      std::vector<float> bias;
      bool any = false;
      for (const TensorView* tensor : group.tensors) {
        const TensorView* b = biases[next++];
        any = any || b;
        const std::vector<float> values = b ? floats(*b) : std::vector<float>(tensor->shape[0]);
        bias.insert(bias.end(), values.begin(), values.end());
      }
      if (any) part.bias = keep(std::move(bias));
      result.push_back(part);
    }
    return result;
  }

  /// Gate and up, panels alternating; the biases likewise.
  std::vector<LinearPart> gated(const BoundLayer& bound) {
    const Tensors& t = bound.tensors;
    const TensorView* gate = t[FeedForward::gate];
    const TensorView* up = t[FeedForward::up];
    if (!w_.exact_ && gate->type != up->type) {
      fail(Error::Code::unsupported, "tensors '", gate->name, "' (", info(gate->type).name,
           ") and '", up->name, "' (", info(up->type).name, ") must have one type");
    }
    LinearPart part = matrix({.tensors = {gate, up}, .alternate = true}, many_rows_);
    const Tensors biases = {t[FeedForward::gate_bias], t[FeedForward::up_bias]};
    if (biases[0] || biases[1]) {
      std::vector<float> bias(part.panels.rows);
      for (size_t which = 0; which < 2; ++which) {
        if (!biases[which]) continue;
        const std::vector<float> values = floats(*biases[which]);
        for (size_t i = 0; i < values.size(); ++i) {
          bias[(2 * (i / kPanelRows) + which) * kPanelRows + i % kPanelRows] = values[i];
        }
      }
      part.bias = keep(std::move(bias));
    }
    return {part};
  }

  LinearPart matrix(const RowGroup& group, bool many_rows) {
    const DType type = w_.exact_ ? DType::f32 : group.type();
    const DType many = w_.kernels_->many_rows_type(type);
    std::vector<Packing::Form> forms = {form(group, many_rows ? many : type, many_rows)};
    LinearPart part{.panels = forms[0].panels, .many_rows = many_rows};
    if (batches_ && many != part.panels.type) {
      forms.push_back(form(group, many, true));
      part.for_tiles = forms[1].panels;
    }
    packing_.add(group, std::move(forms));
    return part;
  }

  Packing::Form form(const RowGroup& group, DType type, bool many_rows) {
    Panels panels{.type = type, .columns = group.columns()};
    panels.in_parts = many_rows && w_.kernels_->has_tiles && type == DType::f32 &&
                      panels.columns % kRecordColumns == 0;
    for (const TensorView* tensor : group.tensors) panels.rows += tensor->shape[0];
    if (group.alternate) panels.rows = group.panels() * kPanelRows;
    panels.panel_bytes = panels.in_parts ? panel_bytes_in_parts(panels.columns)
                                         : w_.kernels_->panel_bytes(panels.type, panels.columns);
    std::byte* data = take(group.panels() * panels.panel_bytes);
    panels.data = data;
    return {.panels = panels, .data = data};
  }

  std::byte* take(int64_t bytes) {
    if (bytes > left_) {
      left_ = std::max(bytes, kChunkBytes);
      w_.panels_.emplace_back(left_, "packed weights");
      at_ = w_.panels_.back().data();
    }
    std::byte* result = at_;
    at_ += bytes;
    left_ -= bytes;
    w_.bytes_ += bytes;
    return result;
  }

  std::vector<float> floats(const TensorView& tensor) {
    std::vector<float> values(element_count(tensor.shape));
    dequantize_row(tensor.type, tensor.data.data(), values.data(),
                   static_cast<int64_t>(values.size()));
    return values;
  }

  const float* vector(const TensorView* tensor) { return keep(floats(*tensor)); }

  const float* keep(std::vector<float> values) {
    w_.bytes_ += static_cast<int64_t>(values.size() * sizeof(float));
    return w_.vectors_.emplace_back(std::move(values)).data();
  }

  Weights& w_;
  Packing& packing_;
  bool many_rows_;
  bool batches_;
  std::byte* at_ = nullptr;
  int64_t left_ = 0;
};

Weights::Weights(const BoundGraph& graph, const Kernels& kernels, ThreadTeam& team,
                 const PackOptions& options)
    : graph_(&graph), kernels_(&kernels), exact_(options.exact) {
  Packing packing(kernels);
  Packer packer(*this, packing, options);
  for (const BoundLayer& layer : graph.layers) layers_.push_back(packer.pack(layer));
  packing.run(team, options.hooks);
  if (options.hooks.progress) options.hooks.progress(1);  // the last slice may be another thread's
}

namespace {

const PackedLayer* last_attention(const std::vector<PackedLayer>& layers) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const auto* attention = std::get_if<Attention>(&layer->bound->layer->spec);
    if (attention && !attention->memory) return &*layer;
    if (const PackedLayer* found = last_attention(layer->children)) return found;
  }
  return nullptr;
}

}  // namespace

const PackedLayer* Weights::tail() const {
  const bool head =
      !layers_.empty() && std::holds_alternative<Head>(layers_.back().bound->layer->spec);
  return head ? last_attention(layers_) : nullptr;
}

Weights::~Weights() = default;
Weights::Weights(Weights&&) noexcept = default;

}  // namespace heed
