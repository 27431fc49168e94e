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
                      int64_t most_values = int64_t{1} << 30) {
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
  run_layerwise(
      {.graph = model.model(), .tensors = tensors, .read = read, .most_values = most_values}, input,
      team,
      [&](const LayerOutput& output) {
        if (output.first_column == 0) outputs.emplace_back(output.name, std::vector<float>());
        const auto& sequences =
            model.model().memory && !output.of_memory ? input.targets : input.texts;
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
        CHECK(output.is_last_piece() ==
              (output.first_column + output.columns == output.all_columns));
      },
      [&](int64_t bytes) { progress.push_back(bytes); });
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
    return [this](std::string_view name, const float* values, int64_t stride) {
      if (!values) {
        ++pass_;
      } else if (next_ < layers_.size() && name == layers_[next_].first) {
        const size_t rows = name == "pool" ? 1 : rows_[pass_ - 1];
        std::vector<float>& all = values_[next_++];
        all.insert(all.end(), values, values + static_cast<int64_t>(rows) * stride);
      }
    };
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

std::vector<std::string> names(const Outputs& outputs) {
  std::vector<std::string> result;
  for (const auto& [name, values] : outputs) result.push_back(name);
  return result;
}

}  // namespace

TEST_CASE("a decoder, layer by layer") {
  for (const DType type : {DType::f32, DType::f16, DType::q8_0}) {
    CAPTURE(info(type).name);
    const TinyModel model(tiny_decoder(), type, kernels(choose_isa()), /*exact=*/true);
    const Outputs layers = run_by_layers(model, {.texts = kTexts});
    CHECK(names(layers) == std::vector<std::string>{"token_embd", "blk.0.attn_output",
                                                    "blk.0.ffn_down", "blk.1.attn_output",
                                                    "blk.1.ffn_down", "output"});
    check_decoder(model, layers);
  }
}

TEST_CASE("an encoder, layer by layer") {
  const TinyModel model(tiny_encoder(), DType::f32, kernels(choose_isa()), /*exact=*/true);
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
  const TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(choose_isa()), /*exact=*/true);
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
  const TinyModel model(graph, DType::f32, kernels(choose_isa()), /*exact=*/true);
  const Outputs layers = run_by_layers(model, {.texts = kTexts}, 1);
  check_decoder(model, layers);
  CHECK(run_by_layers(model, {.texts = kTexts}, 3) == layers);
}

TEST_CASE("a feed-forward network in parts") {
  Graph decoder = tiny_decoder();
  Graph encoder = tiny_encoder();
  for (Graph* graph : {&decoder, &encoder}) {
    for (Layer& layer : graph->layers) {
      auto* blocks = std::get_if<Blocks>(&layer.spec);
      if (!blocks) continue;
      for (Layer& child : blocks->body) {
        auto* residual = std::get_if<Residual>(&child.spec);
        if (!residual) continue;
        auto* f = std::get_if<FeedForward>(&residual->body.back().spec);
        if (f) f->width = 800;  // 256 at a time, and what is left
      }
    }
    for (const DType type : {DType::f32, DType::q8_0}) {
      const TinyModel model(*graph, type, kernels(choose_isa()), /*exact=*/true);
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

TEST_CASE("a tensor that is missing or of another shape is named before any is read") {
  const TinyModel model(tiny_decoder(), DType::f32, kernels(choose_isa()), /*exact=*/true);
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
                    team, [](const LayerOutput&) {}, {}),
      "the source: tensor 'token_embd.weight' has shape [4, 96], expected [130, 96]; tensor "
      "'blk.1.ffn_up.weight' [160, 96] is missing",
      Error);
}

}  // namespace heed
