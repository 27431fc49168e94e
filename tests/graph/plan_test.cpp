// Plans against the plainest way to compute a graph: layer by layer, in double, each value in
// memory of its own. Buffers of the arena that overlapped while both are alive would show.
#include "engine/graph/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/core/error.h"
#include "engine/decode/kv_cache.h"
#include "engine/kernels/kernels.h"
#include "tests/support/tiny_model.h"

namespace heed {
namespace {

using Rows = std::vector<std::vector<double>>;  // [rows][width]

/// The plainest evaluation of a bound graph with f32 weights.
class Reference {
 public:
  explicit Reference(const BoundGraph& graph, Rows memory = {})
      : graph_(graph), memory_(std::move(memory)) {}

  Rows run(const std::vector<Token>& tokens) {
    tokens_ = tokens;
    apply(graph_.layers);
    return x_;
  }

 private:
  static const float* data(const TensorView* t) {
    return reinterpret_cast<const float*>(t->data.data());
  }

  /// x W^T + b.
  static Rows linear(const Rows& x, const TensorView* w, const TensorView* b) {
    Rows y;
    for (const std::vector<double>& in : x) {
      std::vector<double>& out = y.emplace_back();
      for (int64_t n = 0; n < w->shape[0]; ++n) {
        double sum = b ? data(b)[n] : 0;
        for (size_t k = 0; k < in.size(); ++k) sum += in[k] * data(w)[n * w->shape[1] + k];
        out.push_back(sum);
      }
    }
    return y;
  }

  void apply(const std::vector<BoundLayer>& layers) {
    for (const BoundLayer& layer : layers) {
      std::visit([&](const auto& spec) { apply(spec, layer); }, layer.layer->spec);
    }
  }

  void apply(const Embedding& e, const BoundLayer& layer) {
    const auto width = static_cast<size_t>(graph_.dims.width);
    for (size_t r = 0; r < tokens_.size(); ++r) {
      std::vector<double>& row = x_.emplace_back(width);
      for (size_t i = 0; i < width; ++i) {
        row[i] = data(layer.tensors[0])[tokens_[r] * width + i] * double{e.scale};
        if (e.sinusoid) row[i] += sinusoid(r, i, width);
        if (layer.tensors.size() < 3) continue;
        row[i] += data(layer.tensors[1])[r * width + i] + data(layer.tensors[2])[i];
      }
    }
  }

  /// Halves: column i of the first is the sine of angle i, of the second the cosine.
  static double sinusoid(size_t position, size_t i, size_t width) {
    const size_t angle = i % (width / 2);
    const double x =
        static_cast<double>(position) *
        std::pow(10000.0, -2.0 * static_cast<double>(angle) / static_cast<double>(width));
    return i < width / 2 ? std::sin(x) : std::cos(x);
  }

  void apply(const Norm& norm, const BoundLayer& layer) {
    for (std::vector<double>& row : x_) {
      const bool centred = norm.kind == Norm::Kind::layer;
      const auto n = static_cast<double>(row.size());
      const double mean = centred ? std::accumulate(row.begin(), row.end(), 0.0) / n : 0;
      double square = 0;
      for (const double x : row) square += (x - mean) * (x - mean);
      for (size_t i = 0; i < row.size(); ++i) {
        row[i] = (row[i] - mean) / std::sqrt(square / n + norm.epsilon) * data(layer.tensors[0])[i];
        if (centred) row[i] += data(layer.tensors[1])[i];
      }
    }
  }

  void apply(const Attention& a, const BoundLayer& layer) {
    const auto& t = layer.tensors;
    Rows q = linear(x_, t[Attention::q], t[Attention::q_bias]);
    const Rows& attended = a.memory ? memory_ : x_;
    Rows k = linear(attended, t[Attention::k], t[Attention::k_bias]);
    const Rows v = linear(attended, t[Attention::v], t[Attention::v_bias]);
    if (a.rope) {
      turn(*a.rope, a.head_dim, q);
      turn(*a.rope, a.head_dim, k);
    }
    Rows out(x_.size(), std::vector<double>(static_cast<size_t>(a.heads * a.head_dim)));
    for (size_t r = 0; r < x_.size(); ++r) {
      const size_t seen = !a.memory && a.mask == Mask::causal ? r + 1 : k.size();
      for (int64_t h = 0; h < a.heads; ++h) {
        const int64_t from = h * a.head_dim, shared = h * a.kv_heads / a.heads * a.head_dim;
        std::vector<double> weights;
        for (size_t j = 0; j < seen; ++j) {
          double score = 0;
          for (int64_t d = 0; d < a.head_dim; ++d) score += q[r][from + d] * k[j][shared + d];
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(a.head_dim))));
        }
        const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (size_t j = 0; j < seen; ++j) {
          for (int64_t d = 0; d < a.head_dim; ++d) {
            out[r][from + d] += weights[j] / total * v[j][shared + d];
          }
        }
      }
    }
    x_ = linear(out, t[Attention::output], t[Attention::output_bias]);
  }

  static void turn(const Rope& rope, int64_t head_dim, Rows& rows) {
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t i = 0; i < rows[r].size(); i += 2) {
        const auto d = static_cast<double>(static_cast<int64_t>(i) % head_dim);
        const double angle = static_cast<double>(r) * std::pow(rope.base, -d / rope.dims);
        const double a = rows[r][i], b = rows[r][i + 1];
        rows[r][i] = a * std::cos(angle) - b * std::sin(angle);
        rows[r][i + 1] = a * std::sin(angle) + b * std::cos(angle);
      }
    }
  }

  void apply(const FeedForward& f, const BoundLayer& layer) {
    const auto& t = layer.tensors;
    Rows hidden = linear(x_, t[FeedForward::up], t[FeedForward::up_bias]);
    if (f.gated) {
      const Rows gate = linear(x_, t[FeedForward::gate], t[FeedForward::gate_bias]);
      for (size_t r = 0; r < hidden.size(); ++r) {
        for (size_t i = 0; i < hidden[r].size(); ++i) hidden[r][i] *= silu(gate[r][i]);
      }
    } else {
      const bool gelu = f.activation == Activation::gelu;
      for (std::vector<double>& row : hidden) {
        for (double& x : row) x = gelu ? x / 2 * (1 + std::erf(x / std::sqrt(2.0))) : silu(x);
      }
    }
    x_ = linear(hidden, t[FeedForward::down], t[FeedForward::down_bias]);
  }
  static double silu(double x) { return x / (1 + std::exp(-x)); }

  void apply(const Pool&, const BoundLayer&) {
    std::vector<double> mean(x_[0].size());
    for (const std::vector<double>& row : x_) {
      for (size_t i = 0; i < row.size(); ++i) mean[i] += row[i] / static_cast<double>(x_.size());
    }
    x_ = {mean};
  }

  void apply(const Head&, const BoundLayer& layer) {
    x_ = linear(x_, layer.tensors[Head::weight], layer.tensors[Head::bias]);
  }

  void apply(const Residual&, const BoundLayer& layer) {
    const Rows before = x_;
    apply(layer.children);
    for (size_t r = 0; r < x_.size(); ++r) {
      for (size_t i = 0; i < x_[r].size(); ++i) x_[r][i] += before[r][i];
    }
  }

  void apply(const Blocks&, const BoundLayer& layer) { apply(layer.children); }

  const BoundGraph& graph_;
  Rows memory_;
  std::vector<Token> tokens_;
  Rows x_;
};

/// A buffer of what the plan asked for, and a guard behind it.
struct GuardedWorkspace {
  static constexpr int64_t kGuard = 8192;

  int64_t arena, scratch;
  Workspace memory;

  GuardedWorkspace(const Plan& plan, int threads)
      : arena(plan.bytes(0)), scratch(plan.bytes(threads) - plan.bytes(0)) {
    memory.arena = AlignedBuffer(arena + kGuard);
    memory.scratch = AlignedBuffer(scratch + kGuard);
    // NaN everywhere: what is read must have been written.
    std::fill_n(memory.arena.data(), arena + kGuard, std::byte{0xff});
    std::fill_n(memory.scratch.data(), scratch + kGuard, std::byte{0xff});
  }
  bool intact() const {
    const auto untouched = [](std::byte b) { return b == std::byte{0xff}; };
    return std::all_of(memory.arena.data() + arena, memory.arena.data() + arena + kGuard,
                       untouched) &&
           std::all_of(memory.scratch.data() + scratch, memory.scratch.data() + scratch + kGuard,
                       untouched);
  }
};

/// Of a graph with a head, the outputs of rows from `first_wanted` on.
std::vector<float> run(const Plan& plan, const std::vector<Token>& tokens, bool head, int threads,
                       SequenceRows sequence = {}, int64_t first_wanted = 0) {
  const auto rows = static_cast<int64_t>(tokens.size());
  std::vector<int32_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::vector<int64_t> wanted(static_cast<size_t>(rows - first_wanted));
  std::iota(wanted.begin(), wanted.end(), first_wanted);
  sequence.rows = rows;
  std::vector<float> out((head ? wanted.size() : 1) * static_cast<size_t>(plan.out_width()));
  ThreadTeam team(threads);
  GuardedWorkspace workspace(plan, threads);
  plan.run({.tokens = tokens,
            .positions = positions,
            .sequences = {&sequence, 1},
            .wanted = wanted,
            .out = out.data(),
            .kv_type = KvType::f32},
           team, workspace.memory);
  CHECK(workspace.intact());
  return out;
}

/// Largest difference from the reference's rows over their largest value.
double distance(const std::vector<float>& found, const Rows& expected) {
  size_t at = 0;
  double most = 0, largest = 0;
  for (const std::vector<double>& row : expected) {
    for (const double x : row) {
      largest = std::max(largest, std::abs(x));
      const double difference = std::abs(found[at++] - x);
      most = std::isnan(difference) ? HUGE_VAL : std::max(most, difference);
    }
  }
  CHECK(at == found.size());
  return most / largest;
}

/// Runs a graph of random weights for full passes and for short ones.
void check_graph(const Graph& graph) {
  constexpr int64_t kRows = 45;
  const bool head = std::holds_alternative<Head>(graph.layers.back().spec);
  for (const Isa isa : machine_isas()) {
    CAPTURE(kernels(isa).name);
    TinyModel model(graph, DType::f32, kernels(isa));
    const BoundGraph bound = bind_model(model.model(), model.finder(), "tiny").main;
    const Plan plan(
        model.weights(),
        {.rows = kRows, .wanted = kRows, .positions = graph.dims.context, .kv_type = KvType::f32});
    for (const int64_t rows : {int64_t{1}, int64_t{3}, kRows}) {
      CAPTURE(rows);
      std::vector<Token> tokens(static_cast<size_t>(rows));
      for (int64_t i = 0; i < rows; ++i) tokens[i] = static_cast<Token>(i * 31 % graph.dims.vocab);
      CHECK(distance(run(plan, tokens, head, 2), Reference(bound).run(tokens)) < 1e-4);
    }
  }
}

/// The layers inside the decoder's two residuals.
Attention& attention_of(Graph& graph) {
  auto& body = std::get<Blocks>(graph.layers[1].spec).body;
  return std::get<Attention>(std::get<Residual>(body[0].spec).body[1].spec);
}
FeedForward& feed_forward_of(Graph& graph) {
  auto& body = std::get<Blocks>(graph.layers[1].spec).body;
  return std::get<FeedForward>(std::get<Residual>(body[1].spec).body[1].spec);
}

}  // namespace

TEST_CASE("a decoder's plan computes its graph") {
  check_graph(tiny_decoder());
}

TEST_CASE("an encoder's plan computes its graph") {
  check_graph(tiny_encoder());
}

TEST_CASE("a decoder attends to what its encoder's plan leaves in the memory") {
  const std::vector<Token> source = {5, 80, 31, 2, 2, 64, 17}, target = {1, 70, 33};
  for (const Isa isa : machine_isas()) {
    CAPTURE(kernels(isa).name);
    TinyModel model(tiny_encoder_decoder(), DType::f32, kernels(isa));
    const BoundModel bound = bind_model(model.model(), model.finder(), "tiny");
    const KvCache memory(memory_shape(model.graph()), KvType::f32, 16);
    PlanOptions options{.rows = 10, .wanted = 10, .positions = 70, .kv_type = KvType::f32};
    const Plan decoder(model.weights(), options);
    options.attended_by = &model.weights();
    const Plan encoder(model.memory_weights(), options);
    run(encoder, source, false, 2, {.memory = &memory.view()});
    const auto logits =
        run(decoder, target, true, 2,
            {.memory = &memory.view(), .memory_tokens = static_cast<int64_t>(source.size())});
    const Rows encoded = Reference(*bound.memory).run(source);
    CHECK(distance(logits, Reference(bound.main, encoded).run(target)) < 1e-4);
  }
}

TEST_CASE("the last block computes no rows that nobody wants, and the same bits for the others") {
  constexpr int64_t kRows = 45;
  std::vector<Token> tokens(kRows);
  for (int64_t i = 0; i < kRows; ++i) tokens[i] = static_cast<Token>(i * 31 % 130);
  for (const Isa isa : machine_isas()) {
    CAPTURE(kernels(isa).name);
    const TinyModel model(tiny_decoder(), DType::f32, kernels(isa));
    const Plan plan(model.weights(),
                    {.rows = kRows, .wanted = kRows, .positions = 70, .kv_type = KvType::f32});
    for (const bool cached : {false, true}) {
      CAPTURE(cached);
      const KvCache cache(kv_shape(model.graph()), KvType::f32, kRows);
      const SequenceRows sequence{.cache = cached ? &cache.view() : nullptr};
      const std::vector<float> all = run(plan, tokens, true, 2, sequence);
      const std::vector<std::byte> kept(cache.view().base, cache.view().base + cache.bytes());
      for (const int64_t wanted : {0, 1, 7, 44}) {
        CAPTURE(wanted);
        std::fill_n(cache.view().base, cache.bytes(), std::byte{0xff});
        const std::vector<float> some = run(plan, tokens, true, 2, sequence, kRows - wanted);
        CHECK(std::ranges::equal(some, std::span(all).last(some.size())));
        const auto same_cache =
            [&](std::span<std::byte> part) {  // what is behind the last token is nobody's
              const auto offset = part.data() - cache.view().base;
              return std::memcmp(part.data(), kept.data() + offset, part.size()) == 0;
            };
        if (cached) CHECK(std::ranges::all_of(cache.parts(32), same_cache));
      }
    }
  }
}

TEST_CASE("heads and hidden layers wider or narrower than the stream") {
  Graph wide = tiny_decoder();
  attention_of(wide).head_dim = attention_of(wide).rope->dims = 64;
  feed_forward_of(wide).width = 1000;
  check_graph(wide);
  Graph narrow = tiny_decoder();
  attention_of(narrow).head_dim = attention_of(narrow).rope->dims = 2;  // three matrices, unpadded
  feed_forward_of(narrow).width = 5;
  check_graph(narrow);
}

TEST_CASE("residuals without norms, norms without residuals, a head without a norm") {
  Graph graph = tiny_decoder();
  auto& body = std::get<Blocks>(graph.layers[1].spec).body;
  auto& feed_forward = std::get<Residual>(body[1].spec).body;
  feed_forward.erase(feed_forward.begin());
  body.push_back(Norm{.name = "post_norm"});
  graph.layers.erase(graph.layers.begin() + 2);
  check_graph(graph);
}

TEST_CASE("later blocks take the memory that earlier ones gave back") {
  const auto arena = [](int64_t blocks) {
    Graph graph = tiny_decoder();
    std::get<Blocks>(graph.layers[1].spec).count = blocks;
    TinyModel model(graph, DType::f32, kernels(Isa::scalar));
    return Plan(model.weights(), {.rows = 16, .wanted = 16, .positions = 64}).bytes(0);
  };
  CHECK(arena(1) == arena(5));
}

TEST_CASE("a layer that no step carries out is an error that says where") {
  Graph graph = tiny_decoder();
  auto& body = std::get<Blocks>(graph.layers[1].spec).body;
  body = {Residual{{FeedForward{.width = 32}, FeedForward{.name = "two", .width = 32}}}};
  TinyModel twice(graph, DType::f32, kernels(Isa::scalar));
  CHECK_THROWS_WITH_AS(Plan(twice.weights(), {}),
                       "residual in 'blk.0.': expected [norm,] attention or feed-forward inside",
                       Error);
  body = {FeedForward{.width = 32}};
  TinyModel bare(graph, DType::f32, kernels(Isa::scalar));
  CHECK_THROWS_AS(Plan(bare.weights(), {}), Error);
}

}  // namespace heed
