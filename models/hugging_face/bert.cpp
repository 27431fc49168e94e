// BERT as transformers saves it (BertModel, and BertFor... without its head).
#include "models/hugging_face/recipe.h"

namespace heed {

Recipe hugging_face_bert() {
  return {
      .model_type = "bert",
      .architecture = "bert",
      .keys = {{"num_hidden_layers", ".block_count"},
               {"max_position_embeddings", ".context_length"},
               {"hidden_size", ".embedding_length"},
               {"intermediate_size", ".feed_forward_length"},
               {"num_attention_heads", ".attention.head_count"},
               {"layer_norm_eps", ".attention.layer_norm_epsilon", KeyRule::Kind::real, 1e-12},
               {"type_vocab_size", "tokenizer.ggml.token_type_count", KeyRule::Kind::count, 2}},
      .constants = {{".attention.causal", false}},
      .assumptions = {{"hidden_act", "gelu"},
                      {"position_embedding_type", "absolute"},
                      {"is_decoder", "false"}},
      .prefixes = {"bert.", "model."},
      .tensors = {{"embeddings.word_embeddings.weight", "token_embd.weight"},
                  {"embeddings.position_embeddings.weight", "position_embd.weight", true},
                  {"embeddings.token_type_embeddings.weight", "token_types.weight", true},
                  {"embeddings.LayerNorm.weight", "token_embd_norm.weight"},
                  {"embeddings.LayerNorm.bias", "token_embd_norm.bias"},
                  {"encoder.layer.{}.attention.self.query.weight", "blk.{}.attn_q.weight"},
                  {"encoder.layer.{}.attention.self.query.bias", "blk.{}.attn_q.bias"},
                  {"encoder.layer.{}.attention.self.key.weight", "blk.{}.attn_k.weight"},
                  {"encoder.layer.{}.attention.self.key.bias", "blk.{}.attn_k.bias"},
                  {"encoder.layer.{}.attention.self.value.weight", "blk.{}.attn_v.weight"},
                  {"encoder.layer.{}.attention.self.value.bias", "blk.{}.attn_v.bias"},
                  {"encoder.layer.{}.attention.output.dense.weight", "blk.{}.attn_output.weight"},
                  {"encoder.layer.{}.attention.output.dense.bias", "blk.{}.attn_output.bias"},
                  {"encoder.layer.{}.attention.output.LayerNorm.weight",
                   "blk.{}.attn_output_norm.weight"},
                  {"encoder.layer.{}.attention.output.LayerNorm.bias",
                   "blk.{}.attn_output_norm.bias"},
                  {"encoder.layer.{}.intermediate.dense.weight", "blk.{}.ffn_up.weight"},
                  {"encoder.layer.{}.intermediate.dense.bias", "blk.{}.ffn_up.bias"},
                  {"encoder.layer.{}.output.dense.weight", "blk.{}.ffn_down.weight"},
                  {"encoder.layer.{}.output.dense.bias", "blk.{}.ffn_down.bias"},
                  {"encoder.layer.{}.output.LayerNorm.weight", "blk.{}.layer_output_norm.weight"},
                  {"encoder.layer.{}.output.LayerNorm.bias", "blk.{}.layer_output_norm.bias"}},
      .ignored = {"embeddings.position_ids", "pooler.*", "cls.*"},
  };
}

}  // namespace heed
