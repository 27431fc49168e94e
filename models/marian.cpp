// Marian, the Transformer of "Attention Is All You Need" as OPUS-MT trains it: one table for
// encoder, decoder and head, computed positions, post-norm blocks. Vaswani et al. 2017;
// Junczys-Dowmunt et al. 2018. Keys and names: README.md.
#include <string>

#include "engine/core/error.h"
#include "models/architectures.h"

namespace heed {
namespace {

Activation activation(const Hyperparameters& h) {
  const std::string name = h.file().require<std::string>("marian.activation");
  if (name == "silu") return Activation::silu;
  if (name == "relu") return Activation::relu;
  if (name == "gelu") return Activation::gelu;
  fail(Error::Code::unsupported, "key 'marian.activation': expected silu, relu or gelu, found ",
       name);
}

/// What encoder and decoder are made of; their keys differ in what comes before the name.
struct Parts {
  Parts(const Hyperparameters& h, const std::string& prefix)
      : dims(h.dims()),
        embedding{.scale = h.real_or("embedding_scale", 1), .sinusoid = Sinusoid::halves},
        attention{.heads = h.count(prefix + "attention.head_count")},
        feed_forward{.width = h.count(prefix + "feed_forward_length"), .activation = activation(h)},
        epsilon(h.real("attention.layer_norm_epsilon")) {
    h.check_divides(prefix + "attention.head_count", dims.width, attention.heads);
    attention.kv_heads = attention.heads;
    attention.head_dim = dims.width / attention.heads;
  }
  Norm norm(const char* name) const { return {.name = name, .epsilon = epsilon}; }

  Dims dims;
  Embedding embedding;
  Attention attention;
  FeedForward feed_forward;
  float epsilon;
};

Graph encoder(const Hyperparameters& h) {
  Parts p(h, "");
  p.attention.mask = Mask::none;
  return {.dims = p.dims,
          .layers = {p.embedding,
                     Blocks{.count = h.blocks("block_count"),
                            .name = "enc.blk",
                            .body = {Residual{{p.attention}}, p.norm("attn_output_norm"),
                                     Residual{{p.feed_forward}}, p.norm("layer_output_norm")}}}};
}

Graph decoder(const Hyperparameters& h) {
  const Parts p(h, "decoder.");
  Attention cross = p.attention;
  cross.name = "cross_attn";
  cross.memory = true;
  return {.dims = p.dims,
          .layers = {p.embedding,
                     Blocks{.count = h.blocks("decoder_block_count"),
                            .name = "dec.blk",
                            .body = {Residual{{p.attention}}, p.norm("attn_output_norm"),
                                     Residual{{cross}}, p.norm("cross_attn_output_norm"),
                                     Residual{{p.feed_forward}}, p.norm("layer_output_norm")}},
                     Head{.tied = "token_embd", .fine = false}}};  // a search forgives
}

}  // namespace

ModelGraph marian(const Hyperparameters& h) {
  return {decoder(h), encoder(h)};
}

}  // namespace heed
