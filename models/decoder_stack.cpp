#include "models/decoder_stack.h"

#include <string>

#include "engine/core/error.h"

namespace heed {
namespace {

Rope rope(const Hyperparameters& h, int64_t head_dim, RopeOrder order) {
  Rope rope{.base = h.real_or("rope.freq_base", 10000),
            .dims = h.count_or("rope.dimension_count", head_dim),
            .interleaved = order == RopeOrder::pairs,
            .factors = "rope_freqs"};
  const std::string scaling = h.text_or("rope.scaling.type", "none");
  if (scaling == "linear") {
    rope.scale = 1 / h.real("rope.scaling.factor");
  } else if (scaling != "none") {
    fail(Error::Code::unsupported, "key '", h.full("rope.scaling.type"),
         "': expected none or linear, found ", scaling);
  }
  return rope;
}

}  // namespace

ModelGraph decoder_stack(const Hyperparameters& h, RopeOrder order) {
  const Dims dims = h.dims();
  const int64_t heads = h.count("attention.head_count");
  const int64_t kv_heads = h.count_or("attention.head_count_kv", heads);
  h.check_divides("attention.head_count_kv", heads, kv_heads);
  const int64_t head_dim = h.count_or("attention.key_length", dims.width / heads);
  const float epsilon = h.real("attention.layer_norm_rms_epsilon");
  const auto norm = [&](const char* name) {
    return Norm{.name = name, .kind = Norm::Kind::rms, .epsilon = epsilon};
  };
  const Attention attention{.heads = heads,
                            .kv_heads = kv_heads,
                            .head_dim = head_dim,
                            .mask = Mask::causal,
                            .rope = rope(h, head_dim, order)};
  const FeedForward feed_forward{
      .width = h.count("feed_forward_length"), .activation = Activation::silu, .gated = true};
  return Graph{.dims = dims,
               .layers = {Embedding{},
                          Blocks{.count = h.blocks(),
                                 .body = {Residual{{norm("attn_norm"), attention}},
                                          Residual{{norm("ffn_norm"), feed_forward}}}},
                          norm("output_norm"), Head{.tied = "token_embd"}}};
}

}  // namespace heed
