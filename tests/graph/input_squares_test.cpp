// What a plan adds up of its matrices' inputs, against the values that a traced run shows.
#include "engine/graph/input_squares.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/decode/decoder.h"
#include "engine/decode/encoder.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

using InputRows = std::vector<std::vector<float>>;

/// What each step of one ordinary pass wrote.
class Traced {
 public:
  explicit Traced(size_t rows) : rows_(rows) {}
  Trace trace() {
    const auto call = [this](std::string_view name, const float* values, int64_t stride) {
      if (name.empty() || name == "output" || name == "pool") return;
      InputRows rows;
      for (size_t r = 0; r < rows_; ++r) {
        rows.emplace_back(values + static_cast<int64_t>(r) * stride,
                          values + static_cast<int64_t>(r + 1) * stride);
      }
      steps_[std::string(name)] = rows;
    };
    return {.call = call};
  }
  const InputRows& operator[](const std::string& step) const { return steps_.at(step); }

 private:
  size_t rows_;
  std::map<std::string, InputRows> steps_;
};

InputRows rms_normed(InputRows rows, const TensorView& weight) {
  const auto* w = reinterpret_cast<const float*>(weight.data.data());
  for (std::vector<float>& row : rows) {
    double sum = 0;
    for (const float x : row) sum += double{x} * x;
    const double scale = 1 / std::sqrt(sum / static_cast<double>(row.size()) + 1e-5);
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(row[i] * scale * w[i]);
  }
  return rows;
}

void check_sums(const AllInputSquares& squares, const std::vector<std::string>& matrices,
                const InputRows& input, size_t columns) {
  CAPTURE(matrices.front());
  const auto found = std::ranges::find(squares, matrices, &InputSquares::matrices);
  REQUIRE(found != squares.end());
  CHECK(found->rows == std::ssize(input));
  REQUIRE(found->sums.size() == columns);
  for (size_t c = 0; c < columns; ++c) {
    double expected = 0;
    for (const std::vector<float>& row : input) expected += double{row[c]} * row[c];
    CHECK(found->sums[c] == doctest::Approx(expected).epsilon(1e-4));
  }
}

}  // namespace

TEST_CASE("a decoder's sums are those of its values, over several passes") {
  TinyModel model(tiny_decoder(), DType::f32, kernels(Isa::scalar), /*exact=*/true);
  std::vector<Token> tokens;
  for (int i = 0; i < 21; ++i) tokens.push_back(i * 37 % 130);
  Traced traced(tokens.size());
  Decoder plain(model.graph(), model.weights(), {.context = 64, .kv_type = KvType::f32});
  plain.set_trace(traced.trace());
  plain.eval(tokens);

  AllInputSquares squares;
  Decoder decoder(model.graph(), model.weights(),
                  {.context = 64,
                   .ubatch = 8,  // three passes
                   .threads = 2,
                   .kv_type = KvType::f32,
                   .input_squares = &squares});
  decoder.eval(tokens);
  REQUIRE(squares.size() == 2 * 4 + 1);
  for (const std::string block : {"blk.0.", "blk.1."}) {
    const InputRows& stream = traced[block == "blk.0." ? "token_embd" : "blk.0.ffn_down"];
    check_sums(squares, {block + "attn_q.weight", block + "attn_k.weight", block + "attn_v.weight"},
               rms_normed(stream, model.tensor(block + "attn_norm.weight")), 96);
    check_sums(squares, {block + "attn_output.weight"}, traced[block + "attn"], 96);
    check_sums(squares, {block + "ffn_up.weight", block + "ffn_gate.weight"},
               rms_normed(traced[block + "attn_output"], model.tensor(block + "ffn_norm.weight")),
               96);
    check_sums(squares, {block + "ffn_down.weight"}, traced[block + "ffn_gate_up"], 160);
  }
  check_sums(squares, {"output.weight"},
             rms_normed(traced["blk.1.ffn_down"], model.tensor("output_norm.weight")), 96);
}

TEST_CASE("adding up changes nothing of what is computed") {
  for (const DType type : {DType::f32, DType::f16, DType::q4_0}) {
    const TinyModel model(tiny_decoder(), type, kernels(preferred_isa()));
    const std::vector<Token> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    AllInputSquares squares;
    Decoder plain(model.graph(), model.weights(), {.context = 64});
    Decoder decoder(model.graph(), model.weights(), {.context = 64, .input_squares = &squares});
    const std::span<const float> expected = plain.eval(tokens);
    const std::span<const float> logits = decoder.eval(tokens);
    for (size_t i = 0; i < logits.size(); ++i) {
      CHECK(logits[i] == doctest::Approx(expected[i]).epsilon(0.02));
    }
  }
}

TEST_CASE("a fused matrix of queries, keys and values is one") {
  Graph graph = tiny_decoder();
  Blocks& blocks = std::get<Blocks>(graph.layers[1].spec);
  Residual& residual = std::get<Residual>(blocks.body[0].spec);
  std::get<Attention>(residual.body[1].spec).fused = true;
  const TinyModel model(graph, DType::f32, kernels(Isa::scalar));
  AllInputSquares squares;
  const Decoder decoder(model.graph(), model.weights(), {.context = 8, .input_squares = &squares});
  REQUIRE(squares.size() == 2 * 4 + 1);
  CHECK(squares[0].matrices == std::vector<std::string>{"blk.0.attn_qkv.weight"});
  CHECK(squares[1].matrices == std::vector<std::string>{"blk.0.attn_output.weight"});
}

TEST_CASE("an encoder's sums, whose norms are steps anyway") {
  TinyModel model(tiny_encoder(), DType::f32, kernels(Isa::scalar), /*exact=*/true);
  const std::vector<Token> tokens = {3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<float> out(64);
  Traced traced(tokens.size());
  Encoder plain(model.graph(), model.weights(), {.rows = 70});
  plain.set_trace(traced.trace());
  plain.run({&tokens, 1}, out.data());
  AllInputSquares squares;
  Encoder encoder(model.graph(), model.weights(), {.rows = 70, .input_squares = &squares});
  std::vector<float> same(64);
  encoder.run({&tokens, 1}, same.data());
  CHECK(same == out);
  REQUIRE(squares.size() == 2 * 4);
  check_sums(squares, {"blk.1.attn_q.weight", "blk.1.attn_k.weight", "blk.1.attn_v.weight"},
             traced["blk.0.layer_output_norm"], 64);
  check_sums(squares, {"blk.1.ffn_up.weight"}, traced["blk.1.attn_output_norm"], 64);
  check_sums(squares, {"blk.1.ffn_down.weight"}, traced["blk.1.ffn_up"], 96);
}

}  // namespace heed
