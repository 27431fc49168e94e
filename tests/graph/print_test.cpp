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
