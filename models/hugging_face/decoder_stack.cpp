#include "models/hugging_face/decoder_stack.h"

namespace heed {
namespace {

std::vector<KeyRule> decoder_stack_keys() {
  using enum KeyRule::Kind;
  return {
      {"num_hidden_layers", ".block_count"},
      {"max_position_embeddings", ".context_length"},
      {"hidden_size", ".embedding_length"},
      {"intermediate_size", ".feed_forward_length"},
      {"vocab_size", ".vocab_size"},
      {"num_attention_heads", ".attention.head_count"},
      {"num_key_value_heads|num_attention_heads", ".attention.head_count_kv"},
      {.from = "head_dim", .to = ".attention.key_length", .may_be_absent = true},
      {.from = "head_dim", .to = ".attention.value_length", .may_be_absent = true},
      {.from = "head_dim", .to = ".rope.dimension_count", .may_be_absent = true},
      {"rms_norm_eps", ".attention.layer_norm_rms_epsilon", real, 1e-6},
      {"rope_theta|rope_parameters.rope_theta", ".rope.freq_base", real, 10000},
      {.from = "rope_scaling.factor|rope_parameters.factor",
       .to = ".rope.scaling.factor",
       .kind = real,
       .may_be_absent = true},
  };
}

std::vector<TensorRule> decoder_stack_tensors(RowOrder queries, RowOrder keys) {
  const auto bias = [](std::string_view from, std::string_view to,
                       RowOrder order = RowOrder::same) {
    return TensorRule{from, to, false, order, true};
  };
  return {
      {"embed_tokens.weight", "token_embd.weight"},
      {"layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight"},
      {"layers.{}.self_attn.q_proj.weight", "blk.{}.attn_q.weight", false, queries},
      bias("layers.{}.self_attn.q_proj.bias", "blk.{}.attn_q.bias", queries),
      {"layers.{}.self_attn.k_proj.weight", "blk.{}.attn_k.weight", false, keys},
      bias("layers.{}.self_attn.k_proj.bias", "blk.{}.attn_k.bias", keys),
      {"layers.{}.self_attn.v_proj.weight", "blk.{}.attn_v.weight"},
      bias("layers.{}.self_attn.v_proj.bias", "blk.{}.attn_v.bias"),
      {"layers.{}.self_attn.o_proj.weight", "blk.{}.attn_output.weight"},
      bias("layers.{}.self_attn.o_proj.bias", "blk.{}.attn_output.bias"),
      {"layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight"},
      {"layers.{}.mlp.gate_proj.weight", "blk.{}.ffn_gate.weight"},
      bias("layers.{}.mlp.gate_proj.bias", "blk.{}.ffn_gate.bias"),
      {"layers.{}.mlp.up_proj.weight", "blk.{}.ffn_up.weight"},
      bias("layers.{}.mlp.up_proj.bias", "blk.{}.ffn_up.bias"),
      {"layers.{}.mlp.down_proj.weight", "blk.{}.ffn_down.weight"},
      bias("layers.{}.mlp.down_proj.bias", "blk.{}.ffn_down.bias"),
      {"norm.weight", "output_norm.weight"},
      {"lm_head.weight", "output.weight"},
  };
}

}  // namespace

Recipe hugging_face_decoder_stack(std::string_view model_type, RowOrder queries, RowOrder keys) {
  return {
      .model_type = model_type,
      .architecture = model_type,
      .tokenizer = TokenizerFiles::subwords,
      .keys = decoder_stack_keys(),
      .words = {{kRopeTypeKeys,
                 ".rope.scaling.type",
                 "default",
                 {{"default", "none"}, {"linear", "linear"}, {"llama3", "none"}}}},
      .assumptions = {{"hidden_act", "silu"}, {"use_sliding_window", "false"}},
      .prefixes = {"model."},
      .tensors = decoder_stack_tensors(queries, keys),
      .ignored = {"layers.{}.self_attn.rotary_emb.inv_freq"},
      .head = "output.weight",
  };
}

}  // namespace heed
