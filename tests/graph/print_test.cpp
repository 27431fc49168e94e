#include <doctest/doctest.h>

#include "engine/graph/graph.h"
#include "tests/support/tiny_model.h"

namespace heed {

TEST_CASE("a graph is printed one layer a line, blocks once") {
  CHECK(to_text(tiny_encoder()) ==
        "width 64, vocab 90, context 70\n"
        "embedding   token_embd + learned positions position_embd + segments types\n"
        "layer norm  token_embd_norm, eps 1e-12\n"
        "blocks      blk.0 to blk.1\n"
        "  residual    x + f(x)\n"
        "    attention   attn, 4 heads of 16, both ways\n"
        "  layer norm  attn_output_norm, eps 1e-12\n"
        "  residual    x + f(x)\n"
        "    feed-forward ffn, 96 wide, gelu\n"
        "  layer norm  layer_output_norm, eps 1e-12\n"
        "pool        mean\n");
}

TEST_CASE("of two graphs the memory comes first, and what attends to it says so") {
  CHECK(to_text(tiny_encoder_decoder()) ==
        "memory: width 64, vocab 90, context 70\n"
        "embedding   token_embd x 8 + sinusoidal positions, halves\n"
        "blocks      enc.blk.0 to enc.blk.1\n"
        "  residual    x + f(x)\n"
        "    attention   attn, 4 heads of 16, both ways\n"
        "  layer norm  attn_output_norm, eps 1e-05\n"
        "  residual    x + f(x)\n"
        "    feed-forward ffn, 96 wide, silu\n"
        "  layer norm  layer_output_norm, eps 1e-05\n"
        "main: width 64, vocab 90, context 70\n"
        "embedding   token_embd x 8 + sinusoidal positions, halves\n"
        "blocks      dec.blk.0 to dec.blk.1\n"
        "  residual    x + f(x)\n"
        "    attention   attn, 4 heads of 16, causal\n"
        "  layer norm  attn_output_norm, eps 1e-05\n"
        "  residual    x + f(x)\n"
        "    attention   cross_attn, 6 heads (3 kv) of 10, to the memory\n"
        "  layer norm  cross_attn_output_norm, eps 1e-05\n"
        "  residual    x + f(x)\n"
        "    feed-forward ffn, 96 wide, silu\n"
        "  layer norm  layer_output_norm, eps 1e-05\n"
        "head        output, or tied to token_embd\n");
}

TEST_CASE("DOT draws an arrow from the memory's last layer to what attends to it") {
  const std::string dot = to_dot(tiny_encoder_decoder());
  const auto node_of = [&](const std::string& label, size_t from) {
    const size_t at = dot.find(" [label=\"" + label, from);
    return dot.substr(dot.rfind("  n", at) + 2, at - dot.rfind("  n", at) - 2);
  };
  const std::string last = node_of("layer norm  layer_output_norm", 0);
  const std::string cross = node_of("attention   cross_attn", 0);
  CHECK(dot.find(last + " -> " + cross + " [label=\"keys, values\"]") != std::string::npos);
}

TEST_CASE("DOT has a node a layer and an arrow around each residual") {
  const std::string dot = to_dot(tiny_decoder());
  CHECK(dot.starts_with("digraph model {"));
  CHECK(dot.find("subgraph cluster") != std::string::npos);
  size_t sums = 0;
  for (size_t at = 0; (at = dot.find("label=\"+\"", at)) != std::string::npos; ++at) ++sums;
  CHECK(sums == 2);
}

TEST_CASE("graphs compare by value") {
  CHECK(tiny_decoder() == tiny_decoder());
  CHECK_FALSE(tiny_decoder() == tiny_encoder());
}

}  // namespace heed
