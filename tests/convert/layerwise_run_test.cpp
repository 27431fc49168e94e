// A model run layer by layer against the same model run whole, with exact weights.
#include "engine/convert/layerwise_run.h"

#include <doctest/doctest.h>

#include <map>

#include "engine/decode/decoder.h"
#include "engine/decode/encoder.h"
#include "engine/decode/seq2seq.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

using Sequences = std::vector<std::vector<Token>>;

const Sequences kTexts = {{3, 1, 4, 1, 5, 9, 2, 6, 5}, {35}, {8, 9, 7, 9}};
const Sequences kTargets = {{2, 7}, {18, 28, 1, 8, 2}, {84}};

/// What each layer wrote, in order: its name, and all rows.
using Outputs = std::vector<std::pair<std::string, std::vector<float>>>;

Outputs run_by_layers(const TinyModel& model, const LayerwiseInput& input, int threads = 2,
                      int64_t most_values = int64_t{1} << 30, AllInputSquares* squares = nullptr) {
  std::vector<PlannedTensor> tensors;
  for (const Param& param : all_params(model.model())) {
    const TensorView* source = model.finder()(param.name);
    tensors.push_back({.source = source, .target = {param.name, DType::f32, param.shape}});
  }
  const TensorReader read = [](const TensorView& tensor, int64_t offset, std::span<std::byte> out) {
    std::ranges::copy(tensor.data.subspan(static_cast<size_t>(offset), out.size()), out.begin());
  };
  ThreadTeam team(threads);
  Outputs outputs;
  std::vector<int64_t> progress;
  const auto add = [&](const LayerOutput& output) {
    if (output.first_column == 0) outputs.emplace_back(output.name, std::vector<float>());
    const auto& sequences = model.model().memory && !output.of_memory ? input.targets : input.texts;
    size_t rows = 0;
    for (const auto& sequence : sequences) rows += sequence.size();
    if (std::holds_alternative<Pool>(output.layer.spec)) rows = sequences.size();
    std::vector<float>& all = outputs.back().second;
    const auto width = static_cast<size_t>(output.all_columns);
    all.resize(rows * width);
    for (size_t row = 0; row < rows; ++row) {
      const float* from = output.values + static_cast<int64_t>(row) * output.stride;
      std::copy_n(from, output.columns,
                  all.data() + row * width + static_cast<size_t>(output.first_column));
    }
  };
  run_layerwise(
      {.graph = model.model(), .tensors = tensors, .read = read, .most_values = most_values}, input,
      {.layer = add,
       .progress = [&](int64_t bytes) { progress.push_back(bytes); },
       .input_squares = squares},
      team);
  CHECK(std::ranges::is_sorted(progress));
  CHECK(progress.back() > 0);
  return outputs;
}

/// Gathers what a whole model's layers write for text after text.
class Whole {
 public:
  explicit Whole(const Outputs& layers) : layers_(layers) {}

  /// `rows` of each pass of a text in turn.
  void begin(std::vector<size_t> rows) {
    rows_ = std::move(rows);
    pass_ = next_ = 0;
  }
  Trace trace() {
    const auto call = [this](std::string_view name, const float* values, int64_t stride) {
      if (!values) {
        ++pass_;
      } else if (next_ < layers_.size() && name == layers_[next_].first) {
        const size_t rows = name == "pool" ? 1 : rows_[pass_ - 1];
        std::vector<float>& all = values_[next_++];
        all.insert(all.end(), values, values + static_cast<int64_t>(rows) * stride);
      }
    };
    return {.call = call};
  }
  void check_same() {
    for (size_t i = 0; i < layers_.size(); ++i) {
      CAPTURE(layers_[i].first);
      REQUIRE(values_[i].size() == layers_[i].second.size());
      float most = 0, largest = 0;
      for (size_t v = 0; v < values_[i].size(); ++v) {
        most = std::max(most, std::abs(values_[i][v] - layers_[i].second[v]));
        largest = std::max(largest, std::abs(values_[i][v]));
      }
      CHECK(most <= 1e-5F * largest);
      CHECK(largest > 0);
    }
  }

 private:
  const Outputs& layers_;
  std::map<size_t, std::vector<float>> values_;
  std::vector<size_t> rows_;
  size_t pass_ = 0;
  size_t next_ = 0;
};

void check_decoder(const TinyModel& model, const Outputs& layers) {
  Whole whole(layers);
  Decoder decoder(model.graph(), model.weights(), {.context = 64, .kv_type = KvType::f32});
  decoder.set_trace(whole.trace());
  for (const auto& text : kTexts) {
    whole.begin({text.size()});
    decoder.rewind(0);
    decoder.eval_all(text, [](int64_t, std::span<const float>) {});
  }
  whole.check_same();
}

/// With feed-forward networks that are run 256 values at a time, and what is left of them, where
/// parts may not be larger.
Graph with_large_parts(Graph graph) {
  for (Layer& layer : graph.layers) {
    auto* blocks = std::get_if<Blocks>(&layer.spec);
    if (!blocks) continue;
    for (Layer& child : blocks->body) {
      auto* residual = std::get_if<Residual>(&child.spec);
      if (!residual) continue;
      auto* f = std::get_if<FeedForward>(&residual->body.back().spec);
      if (f) f->width = 800;
    }
  }
  return graph;
}

/// What matrices meet, layer by layer.
AllInputSquares squares_by_layers(const TinyModel& model, const LayerwiseInput& input,
                                  int threads = 2, int64_t most_values = int64_t{1} << 30) {
  AllInputSquares squares;
  run_by_layers(model, input, threads, most_values, &squares);
  return squares;
}

/// The same in a whole model that reads text after text.
AllInputSquares squares_of_whole(const TinyModel& model) {
  AllInputSquares squares;
  const bool encodes = std::holds_alternative<Pool>(model.graph().layers.back().spec);
  if (encodes) {
    Encoder encoder(model.graph(), model.weights(), {.input_squares = &squares});
    std::vector<float> embeddings(kTexts.size() * static_cast<size_t>(encoder.width()));
    encoder.run(kTexts, embeddings.data());
  } else {
    Decoder decoder(model.graph(), model.weights(),
                    {.context = 64, .kv_type = KvType::f32, .input_squares = &squares});
    for (const auto& text : kTexts) {
      decoder.rewind(0);
      decoder.eval(text);
    }
  }
  return squares;
}

void check_near(const std::vector<double>& sums, const std::vector<double>& expected) {
  REQUIRE(sums.size() == expected.size());
  const double largest = std::ranges::max(expected);
  CHECK(largest > 0);
  for (size_t c = 0; c < sums.size(); ++c) CHECK(std::abs(sums[c] - expected[c]) < 1e-5 * largest);
}

std::vector<std::string> names(const Outputs& outputs) {
  std::vector<std::string> result;
  for (const auto& [name, values] : outputs) result.push_back(name);
  return result;
}

}  // namespace

TEST_CASE("a decoder, layer by layer") {
  for (const DType type : {DType::f32, DType::f16, DType::q8_0}) {
    CAPTURE(info(type).name);
    const TinyModel model(tiny_decoder(), type, kernels(preferred_isa()), /*exact=*/true);
    const Outputs layers = run_by_layers(model, {.texts = kTexts});
    CHECK(names(layers) == std::vector<std::string>{"token_embd", "blk.0.attn_output",
                                                    "blk.0.ffn_down", "blk.1.attn_output",
                                                    "blk.1.ffn_down", "output"});
    check_decoder(model, layers);
  }
}

TEST_CASE("an encoder, layer by layer") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(preferred_isa()), /*exact=*/true);
  const Outputs layers = run_by_layers(model, {.texts = kTexts});
  CHECK(layers.size() == 11);
  CHECK(layers.back().first == "pool");
  Whole whole(layers);
  Encoder encoder(model.graph(), model.weights(), {});
  encoder.set_trace(whole.trace());
  std::vector<float> embedding(static_cast<size_t>(encoder.width()));
  for (const auto& text : kTexts) {
    whole.begin({text.size()});
    encoder.run({&text, 1}, embedding.data());
  }
  whole.check_same();
}

TEST_CASE("an encoder-decoder, layer by layer") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(preferred_isa()),
                        /*exact=*/true);
  const Outputs layers = run_by_layers(model, {.texts = kTexts, .targets = kTargets});
  CHECK(layers.size() == 1 + 2 * 4 + 1 + 2 * 6 + 1);
  Whole whole(layers);
  Seq2Seq seq2seq(model.model(), model.weights(), model.memory_weights(),
                  {.search = {.max_length = 32}});
  seq2seq.set_trace(whole.trace());
  for (size_t i = 0; i < kTexts.size(); ++i) {
    whole.begin({kTexts[i].size(), kTargets[i].size()});
    seq2seq.eval_all(kTexts[i], kTargets[i], [](int64_t, std::span<const float>) {});
  }
  whole.check_same();
}

TEST_CASE("a vocabulary larger than a piece of the head; threads change no bit") {
  Graph graph = tiny_decoder();
  graph.dims.vocab = 5000;
  graph.layers.back() = Head{};  // of its own
  const TinyModel model(graph, DType::f32, kernels(preferred_isa()), /*exact=*/true);
  const Outputs layers = run_by_layers(model, {.texts = kTexts}, 1);
  check_decoder(model, layers);
  CHECK(run_by_layers(model, {.texts = kTexts}, 3) == layers);
}

TEST_CASE("a feed-forward network in parts") {
  for (const Graph& graph : {with_large_parts(tiny_decoder()), with_large_parts(tiny_encoder())}) {
    for (const DType type : {DType::f32, DType::q8_0}) {
      const TinyModel model(graph, type, kernels(preferred_isa()), /*exact=*/true);
      const Outputs whole = run_by_layers(model, {.texts = kTexts});
      const Outputs parts = run_by_layers(model, {.texts = kTexts}, 2, 1);
      REQUIRE(names(parts) == names(whole));
      bool differs = false;  // or else nothing was run in parts
      for (size_t i = 0; i < whole.size(); ++i) {
        CAPTURE(whole[i].first);
        float most = 0, largest = 0;
        for (size_t v = 0; v < whole[i].second.size(); ++v) {
          most = std::max(most, std::abs(parts[i].second[v] - whole[i].second[v]));
          largest = std::max(largest, std::abs(whole[i].second[v]));
        }
        CHECK(most <= 1e-5F * largest);
        differs = differs || most > 0;
      }
      CHECK(differs);
    }
  }
}

TEST_CASE("what matrices meet, layer by layer and in parts, is what they meet in the whole model") {
  Graph fused = tiny_decoder();
  Blocks& blocks = std::get<Blocks>(fused.layers[1].spec);
  std::get<Attention>(std::get<Residual>(blocks.body[0].spec).body[1].spec).fused = true;
  fused.dims.vocab = 5000;  // more than a piece of the head
  for (const Graph& graph : {fused, with_large_parts(tiny_decoder()), tiny_encoder(),
                             with_large_parts(tiny_encoder())}) {
    const TinyModel model(graph, DType::f32, kernels(preferred_isa()), /*exact=*/true);
    const AllInputSquares whole = squares_of_whole(model);
    for (const int64_t most_values : {int64_t{1} << 30, int64_t{1}}) {
      const LayerwiseInput input = {.texts = kTexts};
      const AllInputSquares squares = squares_by_layers(model, input, 1, most_values);
      REQUIRE(squares.size() == whole.size());
      for (size_t i = 0; i < squares.size(); ++i) {
        CAPTURE(whole[i].matrices.front());
        CHECK(squares[i].matrices == whole[i].matrices);
        CHECK(squares[i].rows == whole[i].rows);
        check_near(squares[i].sums, whole[i].sums);
      }
      const AllInputSquares threads = squares_by_layers(model, input, 3, most_values);
      for (size_t i = 0; i < squares.size(); ++i) CHECK(threads[i].sums == squares[i].sums);
    }
  }
}

TEST_CASE("what the matrices of an encoder-decoder meet, the memory's too") {
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(preferred_isa()),
                        /*exact=*/true);
  Seq2Seq seq2seq(model.model(), model.weights(), model.memory_weights(),
                  {.search = {.max_length = 32}});
  std::map<std::string, std::vector<double>> sums;  // of the squares that each step writes
  std::vector<size_t> rows;                         // of the passes of a text
  size_t passes = 0;
  const auto add_squares = [&](std::string_view name, const float* values, int64_t stride) {
    if (!values) {
      ++passes;
      return;
    }
    if (name == "output") return;
    const std::string step = name == "token_embd" && passes == 1 ? "source" : std::string(name);
    std::vector<double>& of_step = sums[step];
    of_step.resize(static_cast<size_t>(stride));
    for (size_t row = 0; row < rows[passes - 1]; ++row) {
      const float* from = values + static_cast<int64_t>(row) * stride;
      for (size_t c = 0; c < of_step.size(); ++c) of_step[c] += double{from[c]} * from[c];
    }
  };
  seq2seq.set_trace({.call = add_squares});
  for (size_t i = 0; i < kTexts.size(); ++i) {
    rows = {kTexts[i].size(), kTargets[i].size()};
    passes = 0;
    seq2seq.eval_all(kTexts[i], kTargets[i], [](int64_t, std::span<const float>) {});
  }
  const AllInputSquares squares =
      squares_by_layers(model, {.texts = kTexts, .targets = kTargets}, 2, 1);
  const auto check = [&](const std::vector<std::string>& matrices, const std::string& step) {
    CAPTURE(matrices.front());
    const auto found = std::ranges::find(squares, matrices, &InputSquares::matrices);
    REQUIRE(found != squares.end());
    check_near(found->sums, sums.at(step));
  };
  CHECK(squares.size() == 2 * 4 + 2 * 7 + 1);
  std::string source = "source", target = "token_embd";
  for (const std::string i : {"0.", "1."}) {
    const std::string enc = "enc.blk." + i, dec = "dec.blk." + i;
    check({enc + "attn_q.weight", enc + "attn_k.weight", enc + "attn_v.weight"}, source);
    check({enc + "attn_output.weight"}, enc + "attn");
    check({enc + "ffn_up.weight"}, enc + "attn_output_norm");
    check({enc + "ffn_down.weight"}, enc + "ffn_up");
    check({dec + "attn_q.weight", dec + "attn_k.weight", dec + "attn_v.weight"}, target);
    check({dec + "attn_output.weight"}, dec + "attn");
    check({dec + "cross_attn_q.weight"}, dec + "attn_output_norm");
    check({dec + "cross_attn_k.weight", dec + "cross_attn_v.weight"},
          "enc.blk.1.layer_output_norm");
    check({dec + "cross_attn_output.weight"}, dec + "cross_attn");
    check({dec + "ffn_up.weight"}, dec + "cross_attn_output_norm");
    check({dec + "ffn_down.weight"}, dec + "ffn_up");
    source = enc + "layer_output_norm";
    target = dec + "layer_output_norm";
  }
  check({"output.weight"}, target);
}

TEST_CASE("a tensor that is missing or of another shape is named before any is read") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(preferred_isa()), /*exact=*/true);
  std::vector<PlannedTensor> tensors;
  for (const Param& param : all_params(model.model())) {
    if (param.name == "output.bias" || param.name == "blk.1.ffn_up.weight") continue;
    tensors.push_back(
        {.source = model.finder()(param.name), .target = {param.name, DType::f32, param.shape}});
  }
  tensors.front().target.shape = {4, 96};
  const TensorReader read = [](const TensorView&, int64_t, std::span<std::byte>) {
    FAIL("was read");
  };
  ThreadTeam team(1);
  CHECK_THROWS_WITH_AS(
      run_layerwise({.graph = model.model(), .tensors = tensors, .read = read}, {.texts = kTexts},
                    {}, team),
      "the source: tensor 'token_embd.weight' has shape [4, 96], expected [130, 96]; tensor "
      "'blk.1.ffn_up.weight' [160, 96] is missing",
      Error);
}

}  // namespace heed
