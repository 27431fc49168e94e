#include "engine/graph/bind.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {

TEST_CASE("every block's tensors are found under their full names") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
  const BoundLayer& blocks = bound.layers[1];
  REQUIRE(blocks.children.size() == 4);
  const BoundLayer& attention = blocks.children[2].children[1];
  CHECK(attention.scope == "blk.1.");
  CHECK(attention.tensors[Attention::q] == model.finder()("blk.1.attn_q.weight"));
  CHECK(attention.tensors[Attention::q_bias] != nullptr);
}

TEST_CASE("all that is wrong is said at once") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  model.tensor("blk.0.ffn_up.weight").shape = {160, 97};
  model.tensor("output_norm.weight").type = DType::i32;
  const FindTensor lacking = [&](std::string_view name) {
    return name == "blk.1.attn_k.weight" ? nullptr : model.finder()(name);
  };
  CHECK_THROWS_WITH_AS(
      bind_model(model.model(), lacking, "tiny.gguf"),
      "tiny.gguf: tensor 'blk.0.ffn_up.weight' has shape [160, 97], expected [160, 96]; tensor "
      "'blk.1.attn_k.weight' [48, 96] is missing; tensor 'output_norm.weight' has type i32, "
      "expected a type of weights (f32, f16, bf16 or quantised)",
      Error);
}

TEST_CASE("two graphs share a table, and what is wrong with it is said once") {
  TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(Isa::scalar));
  const BoundModel bound = bind_model(model.model(), model.finder(), "tiny");
  CHECK(bound.main.layers[0].tensors[0] == bound.memory->layers[0].tensors[0]);
  const Params all = all_params(model.model());
  const auto tables = std::ranges::count(all, "token_embd.weight", &Param::name);
  CHECK(tables == 1);
  model.tensor("token_embd.weight").shape = {90, 63};
  CHECK_THROWS_WITH_AS(bind_model(model.model(), model.finder(), "tiny"),
                       "tiny: tensor 'token_embd.weight' has shape [90, 63], expected [90, 64]",
                       Error);
}

TEST_CASE("attention to a memory needs one, as wide as the stream and without rotary positions") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(Isa::scalar));
  const ModelGraph alone(model.graph());
  CHECK_THROWS_WITH_AS(bind_model(alone, model.finder(), "tiny"),
                       "tiny: layer 'dec.blk.0.cross_attn': no memory to attend to; layer "
                       "'dec.blk.1.cross_attn': no memory to attend to",
                       Error);
  ModelGraph narrow = model.model();
  narrow.memory->dims.width = 32;
  CHECK_THROWS_AS(bind_model(narrow, model.finder(), "tiny"), Error);
  ModelGraph turned = model.model();
  auto& body = std::get<Blocks>(turned.main.layers[1].spec).body;
  std::get<Attention>(std::get<Residual>(body[2].spec).body[0].spec).rope = Rope{.dims = 10};
  CHECK_THROWS_WITH_AS(bind_model(turned, model.finder(), "tiny"),
                       "tiny: layer 'dec.blk.0.cross_attn': rotary positions, which keys of a "
                       "memory do not have; layer 'dec.blk.1.cross_attn': rotary positions, which "
                       "keys of a memory do not have",
                       Error);
}

TEST_CASE("optional tensors may be absent") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const FindTensor without_bias = [&](std::string_view name) {
    return name.ends_with(".bias") ? nullptr : model.finder()(name);
  };
  const BoundGraph bound = bind_model(model.model(), without_bias, "tiny").main;
  CHECK(bound.layers[1].children[0].children[1].tensors[Attention::q_bias] == nullptr);
}

}  // namespace heed
