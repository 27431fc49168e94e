#include "engine/graph/work.h"

namespace heed {
namespace {

/// Adds up the layers of a pass.
class WorkCounter {
 public:
  WorkCounter(const Weights& weights, const PassShape& pass)
      : kernels_(weights.kernels()), pass_(pass), tail_(weights.tail()) {}

  void add(const PackedLayer& layer) {
    const bool head = std::holds_alternative<Head>(layer.bound->layer->spec);
    for (const LinearPart& part : layer.input) add_matrix(part, head ? pass_.wanted : rows_);
    if (&layer == tail_) rows_ = pass_.wanted;
    for (const LinearPart& part : layer.output) add_matrix(part, rows_);
    const auto* attention = std::get_if<Attention>(&layer.bound->layer->spec);
    if (attention && !attention->memory) add_attention(*attention);
    for (const PackedLayer& child : layer.children) add(child);
  }

  const Work& work() const { return work_; }

 private:
  void add_matrix(const LinearPart& part, int64_t rows) {
    if (rows == 0) return;
    const InputForm form = part.input_form(kernels_, rows);
    const Panels& panels = part.panels_for(form);
    work_.bytes += panels.count() * panels.panel_bytes;
    const int64_t products = form == InputForm::f32_tiles ? kF32Products : 1;
    operations(form) += 2 * products * rows * panels.rows * panels.columns;
  }

  void add_attention(const Attention& attention) {
    const bool causal = attention.mask == Mask::causal;
    const int64_t keys = pass_.before + pass_.rows;
    const int64_t tile_bytes = kv_tile_bytes(pass_.kv_type, attention.head_dim);
    // Keys and values that live for the pass alone stay in the caches.
    if (causal && rows_ > 0) {
      work_.bytes += 2 * keys * attention.kv_heads * tile_bytes / kTileTokens;
    }
    // The last row of a causal mask sees all, and each row before it a key less.
    const int64_t pairs = rows_ * keys - (causal ? rows_ * (rows_ - 1) / 2 : 0);
    // A multiplication and an addition for the score, as many for the sum of values.
    operations(attention_form()) += 4 * pairs * attention.heads * attention.head_dim;
  }

  /// Where a table multiplies bf16 rows at all, it takes keys and values of that type as such, and
  /// those of 8 bits as such or at the same rate.
  InputForm attention_form() const {
    constexpr int64_t kMany = 512;
    const bool rounded = pass_.kv_type == KvType::bf16 || pass_.kv_type == KvType::q8;
    return rounded ? kernels_.matmul_input(DType::bf16, kMany, kMany) : InputForm::f32;
  }

  int64_t& operations(InputForm form) {
    return form == InputForm::q8    ? work_.int8_operations
           : form == InputForm::f32 ? work_.f32_operations
                                    : work_.bf16_operations;
  }

  const Kernels& kernels_;
  const PassShape& pass_;
  const PackedLayer* tail_;
  int64_t rows_ = pass_.rows;  // that layers from here on compute: the last ones
  Work work_{.passes = 1};
};

}  // namespace

Work pass_work(const Weights& weights, const PassShape& pass) {
  WorkCounter counter(weights, pass);
  for (const PackedLayer& layer : weights.layers()) counter.add(layer);
  return counter.work();
}

}  // namespace heed
