// Marian, the Transformer of "Attention Is All You Need" as OPUS-MT trains it: one table for
// encoder, decoder and head, computed positions, post-norm blocks; or as OpenNMT does: pre-norm
// blocks, and a table each if the file says so. Vaswani et al. 2017; Junczys-Dowmunt et al. 2018;
// Klein et al. 2017. Keys and names: README.md.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "models/architectures.h"

namespace heed {
namespace {

/// The value of a key that names one of a few things.
template <typename T>
T choice(const Hyperparameters& h, std::string_view key, const std::string& fallback,
         std::initializer_list<std::pair<std::string_view, T>> choices) {
  const std::string name = h.text_or(key, fallback);
  std::string known;
  for (const auto& [known_name, value] : choices) {
    if (name == known_name) return value;
    known += cat(known.empty() ? "" : " or ", known_name);
  }
  fail(Error::Code::unsupported, "key '", h.full(key), "': expected ", known, ", found ", name);
}

/// What encoder and decoder are made of; their keys differ in what comes before the name.
struct Parts {
  Parts(const Hyperparameters& h, const std::string& prefix)
      : dims(h.dims()),
        embedding{.scale = h.real_or("embedding_scale", 1),
                  .sinusoid = choice<Sinusoid>(
                      h, "positions", "halves",
                      {{"halves", Sinusoid::halves}, {"interleaved", Sinusoid::interleaved}})},
        attention{.heads = h.count(prefix + "attention.head_count")},
        feed_forward{.width = h.count(prefix + "feed_forward_length"),
                     .activation = choice<Activation>(h, "activation", "",
                                                      {{"silu", Activation::silu},
                                                       {"relu", Activation::relu},
                                                       {"gelu", Activation::gelu}})},
        norm_first(choice<bool>(h, "normalization", "after", {{"after", false}, {"before", true}})),
        epsilon(h.real("attention.layer_norm_epsilon")) {
    h.check_divides(prefix + "attention.head_count", dims.width, attention.heads);
    attention.kv_heads = attention.heads;
    attention.head_dim = dims.width / attention.heads;
  }
  Norm norm(const std::string& name) const { return {.name = name, .epsilon = epsilon}; }

  /// Adds a layer with its residual sum, and its norm: before the layer, or after the sum.
  void add(std::vector<Layer>& body, const Layer& layer, const char* before,
           const char* after) const {
    if (norm_first) {
      body.push_back(Residual{{norm(before), layer}});
    } else {
      body.insert(body.end(), {Residual{{layer}}, norm(after)});
    }
  }

  Dims dims;
  Embedding embedding;
  Attention attention;
  FeedForward feed_forward;
  bool norm_first;
  float epsilon;
};

Graph encoder(const Hyperparameters& h) {
  Parts p(h, "");
  p.dims = h.source_dims();
  p.attention.mask = Mask::none;
  if (choice<bool>(h, "embeddings", "shared", {{"shared", false}, {"separate", true}})) {
    p.embedding.name = "enc.token_embd";
  }
  Blocks blocks{.count = h.blocks("block_count"), .name = "enc.blk"};
  p.add(blocks.body, p.attention, "attn_norm", "attn_output_norm");
  p.add(blocks.body, p.feed_forward, "ffn_norm", "layer_output_norm");
  Graph graph{.dims = p.dims, .layers = {p.embedding, std::move(blocks)}};
  if (p.norm_first) graph.layers.push_back(p.norm("enc.output_norm"));
  return graph;
}

Graph decoder(const Hyperparameters& h) {
  const Parts p(h, "decoder.");
  Attention cross = p.attention;
  cross.name = "cross_attn";
  cross.memory = true;
  Blocks blocks{.count = h.blocks("decoder_block_count"), .name = "dec.blk"};
  p.add(blocks.body, p.attention, "attn_norm", "attn_output_norm");
  p.add(blocks.body, cross, "cross_attn_norm", "cross_attn_output_norm");
  p.add(blocks.body, p.feed_forward, "ffn_norm", "layer_output_norm");
  Graph graph{.dims = p.dims, .layers = {p.embedding, std::move(blocks)}};
  if (p.norm_first) graph.layers.push_back(p.norm("dec.output_norm"));
  graph.layers.push_back(Head{.tied = "token_embd", .fine = false});  // a search forgives
  return graph;
}

}  // namespace

ModelGraph marian(const Hyperparameters& h) {
  return {decoder(h), encoder(h)};
}

}  // namespace heed
