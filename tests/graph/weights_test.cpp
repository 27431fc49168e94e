#include "engine/graph/weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "engine/core/error.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/pack.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

const Kernels& scalar() {
  return kernels(Isa::scalar);
}

/// The first layer of a kind inside the first block.
template <typename T>
const PackedLayer& in_block(const Weights& weights) {
  for (const PackedLayer& layer : weights.layers()) {
    for (const PackedLayer& child : layer.children) {
      if (std::holds_alternative<T>(child.bound->layer->spec)) return child;
      for (const PackedLayer& inner : child.children) {
        if (std::holds_alternative<T>(inner.bound->layer->spec)) return inner;
      }
    }
  }
  FAIL("no such layer");
  return weights.layers().front();
}

float value(const TensorView& tensor, int64_t row, int64_t column) {
  return reinterpret_cast<const float*>(tensor.data.data())[row * tensor.shape[1] + column];
}

float value(const Panels& w, int64_t row, int64_t column) {
  return dense_value(w.type, w.panel(row / kPanelRows), row % kPanelRows, column);
}

/// Whether a matrix from row `first` on is a tensor of f32.
bool holds(const Panels& w, int64_t first, const TensorView& tensor) {
  for (int64_t r = 0; r < tensor.shape[0]; ++r) {
    for (int64_t c = 0; c < tensor.shape[1]; ++c) {
      if (value(w, first + r, c) != value(tensor, r, c)) return false;
    }
  }
  return true;
}

/// A decoder whose kv heads give rows that do or do not fill panels.
Graph with_kv_width(int64_t kv_heads, int64_t head_dim) {
  Graph graph = tiny_decoder();
  auto& attention = std::get<Attention>(
      std::get<Residual>(std::get<Blocks>(graph.layers[1].spec).body[0].spec).body[1].spec);
  attention.heads = 6;
  attention.kv_heads = kv_heads;
  attention.head_dim = attention.rope->dims = head_dim;
  return graph;
}

}  // namespace

TEST_CASE("queries, keys and values of one type become one matrix") {
  TinyModel model(tiny_decoder(), DType::f32, scalar());
  const PackedLayer& attention = in_block<Attention>(model.weights());
  REQUIRE(attention.input.size() == 1);
  const LinearPart& qkv = attention.input[0];
  CHECK(qkv.panels.rows == 96 + 48 + 48);
  CHECK(holds(qkv.panels, 0, model.tensor("blk.0.attn_q.weight")));
  CHECK(holds(qkv.panels, 96, model.tensor("blk.0.attn_k.weight")));
  CHECK(holds(qkv.panels, 144, model.tensor("blk.0.attn_v.weight")));
  const auto* bias = reinterpret_cast<const float*>(model.tensor("blk.0.attn_v.bias").data.data());
  CHECK(qkv.bias[144] == bias[0]);
  CHECK(qkv.bias[191] == bias[47]);
}

TEST_CASE("a seam inside a panel, or another type, keeps matrices apart") {
  TinyModel odd(with_kv_width(3, 6), DType::f32, scalar());  // q: 36 rows, k and v: 18
  const PackedLayer& apart = in_block<Attention>(odd.weights());
  REQUIRE(apart.input.size() == 3);
  CHECK(holds(apart.input[1].panels, 0, odd.tensor("blk.0.attn_k.weight")));
  const auto* bias = reinterpret_cast<const float*>(odd.tensor("blk.0.attn_k.bias").data.data());
  CHECK(apart.input[1].bias[17] == bias[17]);
}

TEST_CASE("gate and up lie panel by panel, padded to whole panels") {
  Graph graph = tiny_decoder();
  auto& residual = std::get<Residual>(std::get<Blocks>(graph.layers[1].spec).body[1].spec);
  std::get<FeedForward>(residual.body[1].spec).width = 20;  // a panel and a quarter
  TinyModel model(graph, DType::f32, scalar());
  const PackedLayer& ffn = in_block<FeedForward>(model.weights());
  REQUIRE(ffn.input.size() == 1);
  const Panels& w = ffn.input[0].panels;
  CHECK(w.rows == 64);
  const TensorView& gate = model.tensor("blk.0.ffn_gate.weight");
  const TensorView& up = model.tensor("blk.0.ffn_up.weight");
  for (int64_t r = 0; r < 20; ++r) {
    CHECK(value(w, r / 16 * 32 + r % 16, 5) == value(gate, r, 5));
    CHECK(value(w, r / 16 * 32 + 16 + r % 16, 5) == value(up, r, 5));
  }
  CHECK(value(w, 32 + 4, 5) == 0);
  CHECK(value(w, 48 + 4, 5) == 0);
}

TEST_CASE("an exact model's matrices are f32, of whatever the file has") {
  TinyModel quantised(tiny_decoder(), DType::q8_0, scalar());
  CHECK(in_block<Attention>(quantised.weights()).input[0].panels.type == DType::q8_0);
  TinyModel exact(tiny_decoder(), DType::q8_0, scalar(), /*exact=*/true);
  CHECK(exact.weights().exact());
  CHECK(exact.weights().bytes() > 3 * quantised.weights().bytes());
  const Panels& w = in_block<Attention>(exact.weights()).input[0].panels;
  REQUIRE(w.type == DType::f32);
  const TensorView& q = exact.tensor("blk.0.attn_q.weight");
  std::vector<float> row(96);
  dequantize_row(q.type, q.data.data(), row.data(), 96);
  for (int64_t c = 0; c < 96; ++c) CHECK(value(w, 0, c) == row[c]);
}

TEST_CASE("an exact model takes gate and up of two types") {
  TinyModel model(tiny_decoder(), DType::q8_0, scalar(), /*exact=*/true, /*many_rows=*/false,
                  "ffn_gate");
  const TensorView& gate = model.tensor("blk.0.ffn_gate.weight");
  const TensorView& up = model.tensor("blk.0.ffn_up.weight");
  REQUIRE(gate.type == DType::f32);
  REQUIRE(up.type == DType::q8_0);
  const Panels& w = in_block<FeedForward>(model.weights()).input[0].panels;
  const int64_t columns = up.shape[1];
  std::vector<float> row(columns);
  for (int64_t r = 0; r < up.shape[0]; ++r) {
    dequantize_row(up.type, up.data.data() + r * row_bytes(up.type, columns), row.data(), columns);
    CHECK(value(w, r / 16 * 32 + r % 16, 5) == value(gate, r, 5));
    CHECK(value(w, r / 16 * 32 + 16 + r % 16, 5) == row[5]);
  }
}

TEST_CASE(
    "a decoder of batches has its matrices for many rows too, where these want another type") {
  const Kernels& k = kernels(machine_isas().back());
  TinyModel model(tiny_decoder(), DType::q8_0, k);
  CHECK(in_block<Attention>(model.weights()).input[0].for_tiles.data == nullptr);
  const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
  ThreadTeam team(2);
  const Weights batches(bound, k, team, {.batches = true});
  const Weights many(bound, k, team, {.many_rows = true});
  const LinearPart& both = in_block<FeedForward>(batches).input[0];
  CHECK(both.panels.type == DType::q8_0);
  if (k.many_rows_type(DType::q8_0) == DType::q8_0) {
    CHECK(both.for_tiles.data == nullptr);
    return;
  }
  const Panels& one = both.for_tiles;
  const Panels& other = in_block<FeedForward>(many).input[0].panels;
  REQUIRE(one.type == other.type);
  REQUIRE(one.rows == other.rows);
  CHECK(std::memcmp(one.data, other.data, static_cast<size_t>(one.count() * one.panel_bytes)) == 0);
}

TEST_CASE("only matrices for many rows are in parts, where a table has tiles") {
  for (const Isa isa : machine_isas()) {
    const Kernels& k = kernels(isa);
    CAPTURE(k.name);
    const TinyModel decoder(tiny_decoder(), DType::f32, k);
    CHECK(!in_block<FeedForward>(decoder.weights()).input[0].panels.in_parts);
    const TinyModel encoder(tiny_encoder(), DType::f32, k, /*exact=*/false, /*many_rows=*/true);
    const LinearPart& up = in_block<FeedForward>(encoder.weights()).input[0];
    CHECK(up.panels.in_parts == k.has_tiles);
    CHECK((up.input_form(k, 1) == InputForm::f32_tiles) == k.has_tiles);
  }
}

TEST_CASE("the head is the embedding's table where it has no matrix of its own") {
  TinyModel model(tiny_decoder(), DType::f32, scalar());
  const auto find = [&](std::string_view name) {
    return name == "output.weight" ? nullptr : model.finder()(name);
  };
  const BoundGraph bound = bind_model(model.model(), find, "tiny").main;
  ThreadTeam team(2);
  const Weights tied(bound, scalar(), team, {});
  CHECK(holds(tied.layers().back().input[0].panels, 0, model.tensor("token_embd.weight")));
  CHECK(holds(model.weights().layers().back().input[0].panels, 0, model.tensor("output.weight")));
}

TEST_CASE("each packed matrix is given back once; progress rises to 1") {
  TinyModel model(tiny_decoder(), DType::q4_0, scalar());
  const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
  std::mutex mutex;  // of `released`
  std::map<std::string, int> released;
  double last = 0;
  bool rises = true;
  const auto release = [&](std::span<const TensorView* const> tensors) {
    const std::scoped_lock lock(mutex);
    for (const TensorView* tensor : tensors) ++released[tensor->name];
  };
  const auto progress = [&](double fraction) {
    rises = rises && fraction >= last && fraction <= 1;
    last = fraction;
  };
  ThreadTeam team(2);
  const Weights weights(bound, scalar(), team,
                        {.hooks = {.release = release, .progress = progress}});
  CHECK(released.size() == 2 * 7 + 1);
  for (const auto& entry : released) {
    CAPTURE(entry.first);
    CHECK(entry.second == 1);
  }
  CHECK(rises);
  CHECK(last == 1.0);
}

TEST_CASE("matrices of several slices are the same whatever the number of threads") {
  Graph graph = tiny_decoder();
  graph.dims.vocab = 9000;  // of 3 MB of floats
  TinyModel model(graph, DType::f32, scalar());
  const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
  ThreadTeam team(3);
  const Weights weights(bound, scalar(), team, {});
  const Panels& one = model.weights().layers().back().input[0].panels;
  const Panels& three = weights.layers().back().input[0].panels;
  REQUIRE(one.rows == 9000);
  CHECK(std::equal(one.data, one.data + one.count() * one.panel_bytes, three.data));
}

TEST_CASE(
    "other work is done meanwhile, by the thread that packs; what it throws ends the packing") {
  TinyModel model(tiny_decoder(), DType::q4_0, scalar());
  const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
  ThreadTeam team(2);
  std::thread::id worker;
  const auto work = [&] { worker = std::this_thread::get_id(); };
  const Weights weights(bound, scalar(), team, {.hooks = {.meanwhile = work}});
  CHECK(worker == std::this_thread::get_id());
  const auto refuse = [] { fail(Error::Code::format, "no vocabulary"); };
  CHECK_THROWS_WITH_AS(Weights(bound, scalar(), team, {.hooks = {.meanwhile = refuse}}),
                       "no vocabulary", Error);
}

}  // namespace heed
