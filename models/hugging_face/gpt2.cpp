// GPT-2 as transformers saves it: matrices are [in, out].
#include "models/hugging_face/recipe.h"

namespace heed {

Recipe hugging_face_gpt2() {
  using enum RowOrder;
  return {
      .model_type = "gpt2",
      .architecture = "gpt2",
      .tokenizer = TokenizerFiles::subwords,
      .keys = {{"n_layer", ".block_count"},
               {"n_positions", ".context_length"},
               {"n_embd", ".embedding_length"},
               {.from = "n_embd", .to = ".feed_forward_length", .times = 4},
               {.from = "n_inner", .to = ".feed_forward_length", .may_be_absent = true},
               {"n_head", ".attention.head_count"},
               {"layer_norm_epsilon", ".attention.layer_norm_epsilon", KeyRule::Kind::real, 1e-5}},
      .assumptions = {{"activation_function", "gelu_new"},
                      {"scale_attn_weights", "true"},
                      {"scale_attn_by_inverse_layer_idx", "false"},
                      {"add_cross_attention", "false"}},
      .prefixes = {"transformer."},
      .tensors = {{"wte.weight", "token_embd.weight"},
                  {"wpe.weight", "position_embd.weight", true},
                  {"h.{}.ln_1.weight", "blk.{}.attn_norm.weight"},
                  {"h.{}.ln_1.bias", "blk.{}.attn_norm.bias"},
                  {"h.{}.attn.c_attn.weight", "blk.{}.attn_qkv.weight", false, transposed},
                  {"h.{}.attn.c_attn.bias", "blk.{}.attn_qkv.bias"},
                  {"h.{}.attn.c_proj.weight", "blk.{}.attn_output.weight", false, transposed},
                  {"h.{}.attn.c_proj.bias", "blk.{}.attn_output.bias"},
                  {"h.{}.ln_2.weight", "blk.{}.ffn_norm.weight"},
                  {"h.{}.ln_2.bias", "blk.{}.ffn_norm.bias"},
                  {"h.{}.mlp.c_fc.weight", "blk.{}.ffn_up.weight", false, transposed},
                  {"h.{}.mlp.c_fc.bias", "blk.{}.ffn_up.bias"},
                  {"h.{}.mlp.c_proj.weight", "blk.{}.ffn_down.weight", false, transposed},
                  {"h.{}.mlp.c_proj.bias", "blk.{}.ffn_down.bias"},
                  {"ln_f.weight", "output_norm.weight"},
                  {"ln_f.bias", "output_norm.bias"},
                  {"lm_head.weight", "output.weight"}},
      .ignored = {"h.{}.attn.bias", "h.{}.attn.masked_bias"},
      .head = "output.weight",
      .tied_head = true,
  };
}

}  // namespace heed
