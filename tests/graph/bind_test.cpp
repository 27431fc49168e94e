#include "engine/graph/bind.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "engine/kernels/dispatch.h"
#include "tests/support/tiny_model.h"

namespace heed {

TEST_CASE("every block's tensors are found under their full names") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const BoundGraph bound = bind_graph(model.graph(), model.finder(), "tiny");
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
      bind_graph(model.graph(), lacking, "tiny.gguf"),
      "tiny.gguf: tensor 'blk.0.ffn_up.weight' has shape [160, 97], expected [160, 96]; tensor "
      "'blk.1.attn_k.weight' [48, 96] is missing; tensor 'output_norm.weight' has type i32, "
      "expected a type of weights (f32, f16, bf16 or quantised)",
      Error);
}

TEST_CASE("optional tensors may be absent, unused ones are named") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar));
  const FindTensor without_bias = [&](std::string_view name) {
    return name.ends_with(".bias") ? nullptr : model.finder()(name);
  };
  const BoundGraph bound = bind_graph(model.graph(), without_bias, "tiny");
  CHECK(bound.layers[1].children[0].children[1].tensors[Attention::q_bias] == nullptr);
  const std::vector<std::string> have = {"blk.0.attn_q.weight", "blk.2.attn_q.weight", "extra"};
  CHECK(unused_tensors(model.graph(), have) ==
        std::vector<std::string>{"blk.2.attn_q.weight", "extra"});
}

}  // namespace heed
