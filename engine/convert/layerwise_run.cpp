#include "engine/convert/layerwise_run.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "engine/convert/layer_tensors.h"
#include "engine/decode/kv_cache.h"
#include "engine/graph/plan.h"
#include "engine/kernels/kernels.h"

namespace heed {
namespace {

/// Columns of a head at a time: few enough that they need less memory than a layer.
constexpr int64_t kHeadColumns = 2048;

/// Names of the tables that stand for what came before a layer: not of any file.
constexpr const char* kStream = "stream";
constexpr const char* kMemory = "memory";

/// Rows of the residual stream, and the sequences they belong to.
struct Stream {
  explicit Stream(std::span<const std::vector<Token>> texts) {
    for (const std::vector<Token>& text : texts) {
      const auto first = std::ssize(tokens);
      sequences.push_back({.first_row = first, .rows = std::ssize(text)});
      longest = std::max(longest, std::ssize(text));
      tokens.insert(tokens.end(), text.begin(), text.end());
      for (size_t i = 0; i < text.size(); ++i) positions.push_back(static_cast<int32_t>(i));
    }
  }
  int64_t rows() const { return std::ssize(tokens); }

  std::vector<Token> tokens;
  std::vector<int32_t> positions;
  std::vector<SequenceRows> sequences;
  int64_t longest = 0;
  std::vector<float> values;  // [rows, width]
};

class LayerwiseRun {
 public:
  LayerwiseRun(const LayerwiseModel& model, const LayerwiseInput& input,
               const LayerwiseOutputs& outputs, ThreadTeam& team)
      : model_(model),
        texts_(input.texts),
        targets_(input.targets),
        outputs_(outputs),
        team_(team),
        kernels_(kernels(preferred_isa())),
        tensors_(model.tensors, model.read) {}

  void run() {
    check_tensors();
    if (!model_.graph.memory) return run(model_.graph.main, texts_);
    run(*model_.graph.memory, texts_);
    run(model_.graph.main, targets_);
  }

 private:
  /// What the last step of a slice wrote.
  struct Written {
    std::string name;
    const float* values = nullptr;
    int64_t stride = 0;
  };

  /// Before anything is read: slices take parts of tensors whose shapes are then known.
  void check_tensors() const {
    std::map<std::string_view, TensorView> tensors;
    for (const PlannedTensor& tensor : model_.tensors) {
      tensors[tensor.target.name] = {.name = tensor.target.name, .shape = tensor.target.shape};
    }
    const auto find = [&](std::string_view name) -> const TensorView* {
      const auto it = tensors.find(name);
      return it == tensors.end() ? nullptr : &it->second;
    };
    bind_model(model_.graph, find, "the source");
  }

  bool of_memory() const { return graph_ != &model_.graph.main; }

  void run(const Graph& graph, Stream& stream) {
    graph_ = &graph;
    stream_ = &stream;
    for (size_t i = 0; i < graph.layers.size(); ++i) {
      const Layer& layer = graph.layers[i];
      const bool before_head =
          i + 1 < graph.layers.size() && std::holds_alternative<Head>(graph.layers[i + 1].spec);
      if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) {
        run(*blocks);
      } else if (const auto* embedding = std::get_if<Embedding>(&layer.spec)) {
        embed(layer, *embedding);
      } else if (const auto* head = std::get_if<Head>(&layer.spec)) {
        run(layer, *head);
      } else {
        const std::string written = run_layer(layer, layer);
        if (!before_head) hand_on(layer, written);
      }
    }
  }

  void run(const Blocks& blocks) {
    for (int64_t i = blocks.first; i < blocks.first + blocks.count; ++i) {
      block_ = {.first = i, .count = 1, .name = blocks.name};
      for (const Layer& child : blocks.body) {
        const FeedForward* large = find_large(child);
        if (large) {
          run_parts(child, *large);
        } else {
          hand_on(child, run_layer(child, in_block(child)));
        }
      }
    }
  }

  /// A layer under the names that the block at hand gives its tensors.
  Layer in_block(Layer layer) const {
    Blocks block = block_;
    block.body = {std::move(layer)};
    return block;
  }

  /// A feed-forward network that needs more memory than any other layer should.
  const FeedForward* find_large(const Layer& layer) const {
    const auto* residual = std::get_if<Residual>(&layer.spec);
    if (!residual) return nullptr;
    const auto* f = std::get_if<FeedForward>(&residual->body.back().spec);
    const bool large = f && f->width * graph_->dims.width * 3 > model_.most_values;
    return large && tensors_.has_columns(scope() + f->name + "_down.weight") ? f : nullptr;
  }

  std::string scope() const { return cat(block_.name, ".", block_.first, "."); }

  /// What it makes of its input is a sum over its hidden values: some of them at a time.
  void run_parts(const Layer& layer, const FeedForward& f) {
    constexpr int64_t kUnit = 256;  // no type has larger blocks
    const int64_t fitting = model_.most_values / (3 * graph_->dims.width) / kUnit * kUnit;
    const int64_t most = std::max(kUnit, fitting);
    const std::vector<float> input = stream_->values;
    std::vector<float> sum = input;
    std::string written;
    for (int64_t first = 0; first < f.width; first += most) {
      const int64_t count = std::min(most, f.width - first);
      Residual part = std::get<Residual>(layer.spec);
      std::get<FeedForward>(part.body.back().spec).width = count;
      const std::string name = scope() + f.name;
      for (const char* rows : {"_up.weight", "_up.bias", "_gate.weight", "_gate.bias"}) {
        tensors_.take_window(name + rows, first, count);
      }
      tensors_.take_columns(name + "_down.weight", first, count);
      // The bias is added once: behind its end there are zeros.
      const int64_t width = graph_->dims.width;
      tensors_.take_window(name + "_down.bias", first == 0 ? 0 : width, width);
      stream_->values = input;
      written = run_layer(layer, in_block(part));
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += stream_->values[i] - input[i];
    }
    stream_->values = std::move(sum);
    hand_on(layer, written);
  }

  /// The table holds the rows of these tokens alone.
  void embed(const Layer& layer, const Embedding& embedding) {
    std::vector<Token> distinct = stream_->tokens;
    std::ranges::sort(distinct);
    distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
    std::vector<Token> places;
    places.reserve(stream_->tokens.size());
    for (const Token token : stream_->tokens) {
      places.push_back(
          static_cast<Token>(std::ranges::lower_bound(distinct, token) - distinct.begin()));
    }
    tensors_.take_rows(embedding.name + ".weight", distinct);
    Graph slice{.dims = graph_->dims, .layers = {layer}};
    slice.dims.vocab = std::ssize(distinct);
    std::string name;
    run_slice(slice, places, [&](const Written& written) { name = take_over(layer, written); });
    hand_on(layer, name);
  }

  /// `slice`: the layer under the names that its block gives its tensors. Its last step's name.
  std::string run_layer(const Layer& layer, const Layer& slice) {
    std::string name;
    run_slice(after_stream(slice, stream_->rows()), row_numbers(),
              [&](const Written& written) { name = take_over(layer, written); });
    return name;
  }

  void run(const Layer& layer, const Head& head) {
    const int64_t vocab = graph_->dims.vocab;
    const int64_t piece = std::max(stream_->rows(), std::min(kHeadColumns, vocab));
    const Graph slice = after_stream(layer, piece);
    stream_->values.resize(static_cast<size_t>(piece * graph_->dims.width));  // a table of its size
    for (int64_t first = 0; first < vocab; first += piece) {
      for (const std::string& name :
           {head.name + ".weight", head.tied + ".weight", head.name + ".bias"}) {
        tensors_.take_window(name, first, piece);
      }
      run_slice(slice, row_numbers(), [&](const Written& written) {
        outputs_.layer({.layer = layer,
                        .name = written.name,
                        .of_memory = of_memory(),
                        .first_column = first,
                        .columns = std::min(piece, vocab - first),
                        .all_columns = vocab,
                        .values = written.values,
                        .stride = written.stride});
      });
    }
  }

  /// A layer that reads what the layers before it wrote, as if it were a table of `rows` tokens.
  Graph after_stream(const Layer& layer, int64_t rows) const {
    Graph slice{.dims = graph_->dims, .layers = {Embedding{.name = kStream}, layer}};
    slice.dims.vocab = rows;
    return slice;
  }

  std::vector<Token> row_numbers() const {
    std::vector<Token> numbers(static_cast<size_t>(stream_->rows()));
    std::iota(numbers.begin(), numbers.end(), Token{0});
    return numbers;
  }

  /// What a layer wrote becomes the stream.
  std::string take_over(const Layer& layer, const Written& written) {
    const int64_t width = graph_->dims.width;
    const bool pooled = std::holds_alternative<Pool>(layer.spec);
    const int64_t rows = pooled ? std::ssize(stream_->sequences) : stream_->rows();
    stream_->values.resize(static_cast<size_t>(rows * width));
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(written.values + row * written.stride, width,
                  stream_->values.data() + row * width);
    }
    return written.name;
  }

  void hand_on(const Layer& layer, const std::string& name) {
    const int64_t width = graph_->dims.width;
    outputs_.layer({.layer = layer,
                    .name = name,
                    .of_memory = of_memory(),
                    .columns = width,
                    .all_columns = width,
                    .values = stream_->values.data(),
                    .stride = width});
  }

  Weights pack(const BoundGraph& graph) {
    const auto release = [&](std::span<const TensorView* const> tensors) {
      for (const TensorView* tensor : tensors) tensors_.release(*tensor);
    };
    return Weights(graph, kernels_, team_, {.exact = true, .hooks = {.release = release}});
  }

  template <typename Use>
  void run_slice(const Graph& graph, std::span<const Token> tokens, const Use& use) {
    if (!stream_->values.empty()) {
      tensors_.lend(cat(kStream, ".weight"), {graph.dims.vocab, graph.dims.width}, stream_->values);
    }
    ModelGraph slice(graph);
    const KvShape memory = memory_shape(graph);
    if (memory.layers > 0) {
      const int64_t rows = texts_.rows();
      slice.memory =
          Graph{.dims = model_.graph.memory->dims, .layers = {Embedding{.name = kMemory}}};
      slice.memory->dims.vocab = rows;
      tensors_.lend(cat(kMemory, ".weight"), {rows, slice.memory->dims.width}, texts_.values);
    }
    const BoundModel bound = bind_model(
        slice, [&](std::string_view name) { return tensors_.find(name); }, "the source");
    const Weights weights = pack(bound.main);
    std::vector<SequenceRows> sequences = stream_->sequences;
    const std::vector<KvCache> caches = remember(bound, weights, memory, sequences);
    run_plan(weights, tokens, sequences, use);
    join_squares();
    tensors_.clear();
    if (outputs_.progress) outputs_.progress(tensors_.read_bytes());
  }

  AllInputSquares* slice_squares() { return outputs_.input_squares ? &slice_squares_ : nullptr; }

  /// Adds what the slice's matrices met to that of all. A matrix may come in several slices: those
  /// of its columns are joined, those of its rows meet the same.
  void join_squares() {
    for (InputSquares& met : slice_squares_) {
      AllInputSquares& all = *outputs_.input_squares;
      const auto known = std::ranges::find(all, met.matrices, &InputSquares::matrices);
      if (known == all.end()) {
        all.push_back(std::move(met));
      } else if (std::ssize(known->sums) < tensors_.columns(met.matrices.front())) {
        known->sums.insert(known->sums.end(), met.sums.begin(), met.sums.end());
      }
    }
    slice_squares_.clear();
  }

  /// Makes the keys and values that a layer attends to in the memory, for each sequence.
  std::vector<KvCache> remember(const BoundModel& bound, const Weights& attending,
                                const KvShape& shape, std::span<SequenceRows> sequences) {
    std::vector<KvCache> caches;
    if (shape.layers == 0) return caches;
    std::vector<SequenceRows> remembered = texts_.sequences;
    caches.reserve(remembered.size());  // views point into them
    for (size_t i = 0; i < remembered.size(); ++i) {
      const KvCache& cache = caches.emplace_back(shape, KvType::f32, remembered[i].rows);
      remembered[i].memory = &cache.view();
      sequences[i].memory = &cache.view();
      sequences[i].memory_tokens = remembered[i].rows;
    }
    const Weights weights = pack(*bound.memory);
    const Plan plan(weights, {.rows = texts_.rows(),
                              .wanted = 0,
                              .positions = texts_.longest,
                              .kv_type = KvType::f32,
                              .attended_by = &attending,
                              .input_squares = slice_squares()});
    std::vector<Token> rows(static_cast<size_t>(texts_.rows()));
    std::iota(rows.begin(), rows.end(), Token{0});
    Workspace workspace = plan.make_workspace(team_.size());
    plan.run({.tokens = rows,
              .positions = texts_.positions,
              .sequences = remembered,
              .kv_type = KvType::f32},
             team_, workspace);
    return caches;
  }

  template <typename Use>
  void run_plan(const Weights& weights, std::span<const Token> tokens,
                std::span<const SequenceRows> sequences, const Use& use) {
    const int64_t rows = std::ssize(tokens);
    const Plan plan(weights, {.rows = rows,
                              .wanted = rows,
                              .positions = stream_->longest,
                              .kv_type = KvType::f32,
                              .input_squares = slice_squares()});
    std::vector<int64_t> wanted(static_cast<size_t>(rows));
    std::iota(wanted.begin(), wanted.end(), int64_t{0});
    std::vector<float> out(static_cast<size_t>(rows * plan.out_width()));
    Written written;
    const auto keep = [&](std::string_view name, const float* values, int64_t stride) {
      written = {.name = std::string(name), .values = values, .stride = stride};
    };
    const Trace trace{.call = keep};
    Workspace workspace = plan.make_workspace(team_.size());
    plan.run({.tokens = tokens,
              .positions = stream_->positions,
              .sequences = sequences,
              .wanted = wanted,
              .out = out.data(),
              .kv_type = KvType::f32},
             team_, workspace, &trace);
    use(written);
  }

  const LayerwiseModel& model_;
  Stream texts_;
  Stream targets_;
  const LayerwiseOutputs& outputs_;
  ThreadTeam& team_;
  const Kernels& kernels_;
  LayerTensors tensors_;
  const Graph* graph_ = nullptr;  // the one at work
  Stream* stream_ = nullptr;
  Blocks block_;  // the one at work, without its body
  AllInputSquares slice_squares_;
};

}  // namespace

void run_layerwise(const LayerwiseModel& model, const LayerwiseInput& input,
                   const LayerwiseOutputs& outputs, ThreadTeam& team) {
  LayerwiseRun(model, input, outputs, team).run();
}

}  // namespace heed
