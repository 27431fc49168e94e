// BERT: learned positions, token types, post-norm blocks, GELU; sentence embeddings by pooling.
// Devlin et al. 2018; Reimers and Gurevych 2019. Keys and names as llama.cpp's converter writes
// them.
#include "engine/core/error.h"
#include "models/architectures.h"

namespace heed {
namespace {

Pool pool(const Hyperparameters& h) {
  const int64_t kind = h.file().get_or<int64_t>("bert.pooling_type", 1);
  if (kind < 0 || kind > 3) {
    fail(Error::Code::unsupported,
         "key 'bert.pooling_type': expected 0 (none), 1 (mean), 2 (cls) or 3 (last), found ", kind);
  }
  return {.kind = kind == 0 ? Pooling::mean : static_cast<Pooling>(kind)};
}

}  // namespace

ModelGraph bert(const Hyperparameters& h) {
  const Dims dims = h.dims();
  const int64_t heads = h.count("attention.head_count");
  h.check_divides("attention.head_count", dims.width, heads);
  const float epsilon = h.real("attention.layer_norm_epsilon");
  const auto norm = [&](const char* name) { return Norm{.name = name, .epsilon = epsilon}; };
  const Attention attention{
      .heads = heads, .kv_heads = heads, .head_dim = dims.width / heads, .mask = Mask::none};
  const FeedForward feed_forward{.width = h.count("feed_forward_length"),
                                 .activation = Activation::gelu};
  const Embedding embedding{
      .positions = "position_embd",
      .segments = "token_types",
      .segment_types = h.file().get_or<int64_t>("tokenizer.ggml.token_type_count", 2)};
  return Graph{.dims = dims,
               .layers = {embedding, norm("token_embd_norm"),
                          Blocks{.count = h.blocks(),
                                 .body = {Residual{{attention}}, norm("attn_output_norm"),
                                          Residual{{feed_forward}}, norm("layer_output_norm")}},
                          pool(h)}};
}

}  // namespace heed
