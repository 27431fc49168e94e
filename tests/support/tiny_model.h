// Models with random weights for tests: any graph, its tensors made from what its layers say of
// them (all_params), so that a test needs no file.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/core/thread_team.h"
#include "engine/graph/bind.h"
#include "engine/graph/weights.h"
#include "engine/quant/quant.h"

namespace heed {

/// A model with random weights of a given type (vectors are always f32), packed for one table.
class TinyModel {
 public:
  /// Matrices whose rows are no multiple of `type`'s block become f32, and those whose name holds
  /// `floats`, if it is not empty.
  TinyModel(ModelGraph model, DType type, const Kernels& kernels, bool exact = false,
            bool many_rows = false, std::string floats = "")
      : model_(std::move(model)), floats_(std::move(floats)) {
    std::mt19937 random(7);
    for (const Param& param : all_params(model_)) add(param, type, random);
    bound_ = bind_model(model_, finder(), "tiny");
    ThreadTeam team(1);
    weights_ = std::make_unique<const Weights>(
        bound_.main, kernels, team,
        PackOptions{.exact = exact, .many_rows = many_rows, .batches = bound_.memory.has_value()});
    if (!bound_.memory) return;
    memory_weights_ = std::make_unique<const Weights>(
        *bound_.memory, kernels, team, PackOptions{.exact = exact, .many_rows = true});
  }

  const ModelGraph& model() const { return model_; }
  const Graph& graph() const { return model_.main; }
  const Weights& weights() const { return *weights_; }
  const Weights& memory_weights() const { return *memory_weights_; }
  TensorView& tensor(const std::string& name) { return tensors_.at(name); }
  FindTensor finder() const {
    return [this](std::string_view name) -> const TensorView* {
      const auto it = tensors_.find(std::string(name));
      return it == tensors_.end() ? nullptr : &it->second;
    };
  }

 private:
  void add(const Param& param, DType type, std::mt19937& random) {
    const bool matrix = param.shape.size() == 2;
    if (!matrix || param.shape.back() % info(type).block != 0) type = DType::f32;
    if (!floats_.empty() && param.name.find(floats_) != std::string::npos) type = DType::f32;
    const bool norm = param.name.find("norm.weight") != std::string::npos;
    std::normal_distribution<float> normal(norm ? 1.f : 0.f, norm ? 0.1f : 0.15f);
    std::vector<float> values(element_count(param.shape));
    for (float& value : values) value = normal(random);
    const int64_t bytes = row_bytes(type, static_cast<int64_t>(values.size()));
    std::vector<std::byte>& data = data_.emplace_back(bytes);
    quantize_row(type, values.data(), data.data(), static_cast<int64_t>(values.size()));
    tensors_[param.name] = {.name = param.name, .type = type, .shape = param.shape, .data = data};
  }

  ModelGraph model_;
  std::string floats_;
  std::deque<std::vector<std::byte>> data_;
  std::map<std::string, TensorView> tensors_;
  BoundModel bound_;
  std::unique_ptr<const Weights> weights_;
  std::unique_ptr<const Weights> memory_weights_;
};

/// A small pre-norm decoder: grouped queries, rotary positions, gated feed-forward.
inline Graph tiny_decoder() {
  const auto norm = [](const char* name) {
    return Norm{.name = name, .kind = Norm::Kind::rms, .epsilon = 1e-5f};
  };
  const Attention attention{
      .heads = 6, .kv_heads = 3, .head_dim = 16, .mask = Mask::causal, .rope = Rope{.dims = 16}};
  const FeedForward feed_forward{.width = 160, .activation = Activation::silu, .gated = true};
  return {.dims = {.width = 96, .vocab = 130, .context = 128},
          .layers = {Embedding{},
                     Blocks{.count = 2,
                            .body = {Residual{{norm("attn_norm"), attention}},
                                     Residual{{norm("ffn_norm"), feed_forward}}}},
                     norm("output_norm"), Head{.tied = "token_embd"}}};
}

/// A small post-norm encoder: learned positions, biases, mean pooling.
inline Graph tiny_encoder() {
  const auto norm = [](const char* name) { return Norm{.name = name, .epsilon = 1e-12f}; };
  const Attention attention{.heads = 4, .kv_heads = 4, .head_dim = 16, .mask = Mask::none};
  return {
      .dims = {.width = 64, .vocab = 90, .context = 70},
      .layers = {Embedding{.positions = "position_embd", .segments = "types", .segment_types = 2},
                 norm("token_embd_norm"),
                 Blocks{.count = 2,
                        .body = {Residual{{attention}}, norm("attn_output_norm"),
                                 Residual{{FeedForward{.width = 96}}}, norm("layer_output_norm")}},
                 Pool{}}};
}

/// A small post-norm encoder and a decoder that attends to it, one table for both and the head.
inline ModelGraph tiny_encoder_decoder() {
  const auto norm = [](const char* name) { return Norm{.name = name}; };
  const Attention self{.heads = 4, .kv_heads = 4, .head_dim = 16};
  Attention both_ways = self;
  both_ways.mask = Mask::none;
  const Attention cross{
      .name = "cross_attn", .heads = 6, .kv_heads = 3, .head_dim = 10, .memory = true};
  const FeedForward feed_forward{.width = 96, .activation = Activation::silu};
  const Dims dims{.width = 64, .vocab = 90, .context = 70};
  return {Graph{.dims = dims,
                .layers = {Embedding{.scale = 8, .sinusoid = Sinusoid::halves},
                           Blocks{.count = 2,
                                  .name = "dec.blk",
                                  .body = {Residual{{self}}, norm("attn_output_norm"),
                                           Residual{{cross}}, norm("cross_attn_output_norm"),
                                           Residual{{feed_forward}}, norm("layer_output_norm")}},
                           Head{.tied = "token_embd"}}},
          Graph{.dims = dims,
                .layers = {Embedding{.scale = 8, .sinusoid = Sinusoid::halves},
                           Blocks{.count = 2,
                                  .name = "enc.blk",
                                  .body = {Residual{{both_ways}}, norm("attn_output_norm"),
                                           Residual{{feed_forward}}, norm("layer_output_norm")}}}}};
}

}  // namespace heed
