// Transformers that translate as CTranslate2 saves them: from Marian's own files or transformers',
// as OPUS-MT's, or from OpenNMT's, as Argos Translate's.
// Names of config.json's are those of engine/convert/ctranslate2.h.
// Reference: CTranslate2, python/ctranslate2/specs/transformer_spec.py.
#include <string>
#include <vector>

#include "models/hugging_face/recipe.h"

namespace heed {

namespace {

/// All but the norms, whose names in the file say where they are.
Recipe recipe_without_norms() {
  constexpr TensorRule::Part kQuery = {0, 3}, kKey = {1, 3}, kValue = {2, 3};
  constexpr TensorRule::Part kCrossKey = {0, 2}, kCrossValue = {1, 2};
  return {
      .model_type = "TransformerSpec",
      .architecture = "marian",
      .tokenizer = TokenizerFiles::sentence_piece_list,
      .translates = true,
      .keys = {{"layers.encoder", ".block_count"},
               {"layers.decoder", ".decoder_block_count"},
               {"decoder/position_encodings/encodings.rows", ".context_length"},
               {"decoder/embeddings/weight.columns", ".embedding_length"},
               {"vocab_size", ".vocab_size"},
               {"encoder/layer_0/ffn/linear_0/weight.rows", ".feed_forward_length"},
               {"decoder/layer_0/ffn/linear_0/weight.rows", ".decoder.feed_forward_length"},
               {"encoder/num_heads|num_heads", ".attention.head_count"},
               {"decoder/num_heads|num_heads", ".decoder.attention.head_count"},
               {"embedding_scale", ".embedding_scale", KeyRule::Kind::real},
               {"layer_norm_epsilon", ".attention.layer_norm_epsilon", KeyRule::Kind::real, 1e-5}},
      .words = {{"encoder/activation|activation",
                 ".activation",
                 "0",
                 {{"0", "relu"}, {"2", "silu"}, {"3", "gelu"}}},
                {"positions",
                 ".positions",
                 "others",
                 {{"halves", "halves"}, {"interleaved", "interleaved"}}},
                {"share_encoder_decoder_embeddings",
                 ".embeddings",
                 "true",
                 {{"true", "shared"}, {"false", "separate"}}}},
      .constants = {},
      .assumptions = {{"same.pre_norm", "true"},
                      {"same.activation", "true"},
                      {"same.embedding_scale", "true"},
                      {"decoder/alibi", "0"},
                      {"add_source_bos", "false"},
                      {"encoder/multi_query_attention", "0"},
                      {"multi_query_attention", "false"}},
      .tensors =
          {
              {.from = "decoder/embeddings/weight", .to = "token_embd.weight", .adds_row = true},
              {.from = "encoder/embeddings_0/weight",
               .to = "enc.token_embd.weight",
               .adds_row = true},
              {.from = "decoder/projection/weight", .to = "output.weight", .adds_row = true},
              {.from = "decoder/projection/bias",
               .to = "output.bias",
               .may_be_absent = true,
               .adds_row = true},
              {.from = "encoder/layer_{}/self_attention/linear_0/weight",
               .to = "enc.blk.{}.attn_q.weight",
               .part = kQuery},
              {.from = "encoder/layer_{}/self_attention/linear_0/bias",
               .to = "enc.blk.{}.attn_q.bias",
               .part = kQuery},
              {.from = "encoder/layer_{}/self_attention/linear_0/weight",
               .to = "enc.blk.{}.attn_k.weight",
               .part = kKey},
              {.from = "encoder/layer_{}/self_attention/linear_0/bias",
               .to = "enc.blk.{}.attn_k.bias",
               .part = kKey},
              {.from = "encoder/layer_{}/self_attention/linear_0/weight",
               .to = "enc.blk.{}.attn_v.weight",
               .part = kValue},
              {.from = "encoder/layer_{}/self_attention/linear_0/bias",
               .to = "enc.blk.{}.attn_v.bias",
               .part = kValue},
              {"encoder/layer_{}/self_attention/linear_1/weight", "enc.blk.{}.attn_output.weight"},
              {"encoder/layer_{}/self_attention/linear_1/bias", "enc.blk.{}.attn_output.bias"},
              {"encoder/layer_{}/ffn/linear_0/weight", "enc.blk.{}.ffn_up.weight"},
              {"encoder/layer_{}/ffn/linear_0/bias", "enc.blk.{}.ffn_up.bias"},
              {"encoder/layer_{}/ffn/linear_1/weight", "enc.blk.{}.ffn_down.weight"},
              {"encoder/layer_{}/ffn/linear_1/bias", "enc.blk.{}.ffn_down.bias"},
              {.from = "decoder/layer_{}/self_attention/linear_0/weight",
               .to = "dec.blk.{}.attn_q.weight",
               .part = kQuery},
              {.from = "decoder/layer_{}/self_attention/linear_0/bias",
               .to = "dec.blk.{}.attn_q.bias",
               .part = kQuery},
              {.from = "decoder/layer_{}/self_attention/linear_0/weight",
               .to = "dec.blk.{}.attn_k.weight",
               .part = kKey},
              {.from = "decoder/layer_{}/self_attention/linear_0/bias",
               .to = "dec.blk.{}.attn_k.bias",
               .part = kKey},
              {.from = "decoder/layer_{}/self_attention/linear_0/weight",
               .to = "dec.blk.{}.attn_v.weight",
               .part = kValue},
              {.from = "decoder/layer_{}/self_attention/linear_0/bias",
               .to = "dec.blk.{}.attn_v.bias",
               .part = kValue},
              {"decoder/layer_{}/self_attention/linear_1/weight", "dec.blk.{}.attn_output.weight"},
              {"decoder/layer_{}/self_attention/linear_1/bias", "dec.blk.{}.attn_output.bias"},
              {"decoder/layer_{}/attention/linear_0/weight", "dec.blk.{}.cross_attn_q.weight"},
              {"decoder/layer_{}/attention/linear_0/bias", "dec.blk.{}.cross_attn_q.bias"},
              {.from = "decoder/layer_{}/attention/linear_1/weight",
               .to = "dec.blk.{}.cross_attn_k.weight",
               .part = kCrossKey},
              {.from = "decoder/layer_{}/attention/linear_1/bias",
               .to = "dec.blk.{}.cross_attn_k.bias",
               .part = kCrossKey},
              {.from = "decoder/layer_{}/attention/linear_1/weight",
               .to = "dec.blk.{}.cross_attn_v.weight",
               .part = kCrossValue},
              {.from = "decoder/layer_{}/attention/linear_1/bias",
               .to = "dec.blk.{}.cross_attn_v.bias",
               .part = kCrossValue},
              {"decoder/layer_{}/attention/linear_2/weight", "dec.blk.{}.cross_attn_output.weight"},
              {"decoder/layer_{}/attention/linear_2/bias", "dec.blk.{}.cross_attn_output.bias"},
              {"decoder/layer_{}/ffn/linear_0/weight", "dec.blk.{}.ffn_up.weight"},
              {"decoder/layer_{}/ffn/linear_0/bias", "dec.blk.{}.ffn_up.bias"},
              {"decoder/layer_{}/ffn/linear_1/weight", "dec.blk.{}.ffn_down.weight"},
              {"decoder/layer_{}/ffn/linear_1/bias", "dec.blk.{}.ffn_down.bias"},

          },
      // Positions that are computed, and numbers.
      .ignored = {"encoder/position_encodings/encodings",
                  "decoder/position_encodings/encodings",
                  "encoder/scale_embeddings",
                  "decoder/scale_embeddings",
                  "decoder/start_from_zero_embedding",
                  "encoder/multi_query_attention",
                  "encoder/num_heads",
                  "decoder/num_heads",
                  "num_heads",
                  "encoder/pre_norm",
                  "decoder/pre_norm",
                  "pre_norm",
                  "encoder/activation",
                  "decoder/activation",
                  "activation",
                  "encoder/embeddings_merge",
                  "embeddings_merge",
                  "decoder/alibi*",
                  "decoder/scale_alibi",
                  "decoder/alignment_*",
                  "alignment_*"},
      .head = "output.weight",
      .encoder_table = "enc.token_embd.weight",
  };
}

constexpr std::string_view kNormFirst = "decoder/pre_norm|pre_norm";

}  // namespace

Recipe ctranslate2_marian() {
  Recipe recipe = recipe_without_norms();
  recipe.where = {kNormFirst, "0"};
  recipe.constants = {{".normalization", std::string("after")}};
  const std::vector<TensorRule> norms = {
      {"encoder/layer_{}/self_attention/layer_norm/gamma", "enc.blk.{}.attn_output_norm.weight"},
      {"encoder/layer_{}/self_attention/layer_norm/beta", "enc.blk.{}.attn_output_norm.bias"},
      {"encoder/layer_{}/ffn/layer_norm/gamma", "enc.blk.{}.layer_output_norm.weight"},
      {"encoder/layer_{}/ffn/layer_norm/beta", "enc.blk.{}.layer_output_norm.bias"},
      {"decoder/layer_{}/self_attention/layer_norm/gamma", "dec.blk.{}.attn_output_norm.weight"},
      {"decoder/layer_{}/self_attention/layer_norm/beta", "dec.blk.{}.attn_output_norm.bias"},
      {"decoder/layer_{}/attention/layer_norm/gamma", "dec.blk.{}.cross_attn_output_norm.weight"},
      {"decoder/layer_{}/attention/layer_norm/beta", "dec.blk.{}.cross_attn_output_norm.bias"},
      {"decoder/layer_{}/ffn/layer_norm/gamma", "dec.blk.{}.layer_output_norm.weight"},
      {"decoder/layer_{}/ffn/layer_norm/beta", "dec.blk.{}.layer_output_norm.bias"}};
  recipe.tensors.insert(recipe.tensors.end(), norms.begin(), norms.end());
  return recipe;
}

Recipe ctranslate2_opennmt() {
  Recipe recipe = recipe_without_norms();
  recipe.where = {kNormFirst, "1"};
  recipe.constants = {{".normalization", std::string("before")}};
  const std::vector<TensorRule> norms = {
      {"encoder/layer_{}/self_attention/layer_norm/gamma", "enc.blk.{}.attn_norm.weight"},
      {"encoder/layer_{}/self_attention/layer_norm/beta", "enc.blk.{}.attn_norm.bias"},
      {"encoder/layer_{}/ffn/layer_norm/gamma", "enc.blk.{}.ffn_norm.weight"},
      {"encoder/layer_{}/ffn/layer_norm/beta", "enc.blk.{}.ffn_norm.bias"},
      {"encoder/layer_norm/gamma", "enc.output_norm.weight"},
      {"encoder/layer_norm/beta", "enc.output_norm.bias"},
      {"decoder/layer_{}/self_attention/layer_norm/gamma", "dec.blk.{}.attn_norm.weight"},
      {"decoder/layer_{}/self_attention/layer_norm/beta", "dec.blk.{}.attn_norm.bias"},
      {"decoder/layer_{}/attention/layer_norm/gamma", "dec.blk.{}.cross_attn_norm.weight"},
      {"decoder/layer_{}/attention/layer_norm/beta", "dec.blk.{}.cross_attn_norm.bias"},
      {"decoder/layer_{}/ffn/layer_norm/gamma", "dec.blk.{}.ffn_norm.weight"},
      {"decoder/layer_{}/ffn/layer_norm/beta", "dec.blk.{}.ffn_norm.bias"},
      {"decoder/layer_norm/gamma", "dec.output_norm.weight"},
      {"decoder/layer_norm/beta", "dec.output_norm.bias"}};
  recipe.tensors.insert(recipe.tensors.end(), norms.begin(), norms.end());
  return recipe;
}

}  // namespace heed
