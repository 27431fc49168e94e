// GPT-2: learned positions, pre-norm blocks, GELU, one matrix for queries, keys and values. Radford
// et al. 2019. Keys and tensor names as llama.cpp's converter writes them.
#include "models/architectures.h"

namespace heed {

ModelGraph gpt2(const Hyperparameters& h) {
  const Dims dims = h.dims();
  const int64_t heads = h.count("attention.head_count");
  h.check_divides("attention.head_count", dims.width, heads);
  const float epsilon = h.real("attention.layer_norm_epsilon");
  const auto norm = [&](const char* name) { return Norm{.name = name, .epsilon = epsilon}; };
  const Attention attention{.heads = heads,
                            .kv_heads = heads,
                            .head_dim = dims.width / heads,
                            .mask = Mask::causal,
                            .fused = true};
  const FeedForward feed_forward{.width = h.count("feed_forward_length"),
                                 .activation = Activation::gelu_tanh};
  return Graph{.dims = dims,
               .layers = {Embedding{.positions = "position_embd"},
                          Blocks{.count = h.blocks(),
                                 .body = {Residual{{norm("attn_norm"), attention}},
                                          Residual{{norm("ffn_norm"), feed_forward}}}},
                          norm("output_norm"), Head{.tied = "token_embd"}}};
}

}  // namespace heed
