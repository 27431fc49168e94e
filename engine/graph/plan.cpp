#include "engine/graph/plan.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/core/error.h"

namespace heed {

/// Hands out ranges of one block of memory and takes them back: first fit, neighbours merged. Steps
/// are made in the order they run, so a range that is free now is free for all later steps.
class ArenaLayout {
 public:
  int64_t take(int64_t bytes) {
    bytes = ScratchSplitter::padded(bytes);
    for (Range& free : free_) {
      if (free.end - free.begin < bytes) continue;
      const int64_t at = free.begin;
      free.begin += bytes;
      return at;
    }
    const int64_t at = end_;
    end_ += bytes;
    return at;
  }

  void drop(int64_t at, int64_t bytes) {
    const auto next = std::ranges::find_if(free_, [&](const Range& r) { return r.begin > at; });
    free_.insert(next, {at, at + ScratchSplitter::padded(bytes)});
    std::vector<Range> merged;
    for (const Range& r : free_) {
      if (r.begin == r.end) continue;
      if (!merged.empty() && merged.back().end == r.begin) {
        merged.back().end = r.end;
      } else {
        merged.push_back(r);
      }
    }
    free_ = std::move(merged);
  }

  int64_t bytes() const { return end_; }

 private:
  std::vector<Range> free_;  // rising, apart from each other
  int64_t end_ = 0;
};

/// Walks the packed layers once and appends steps.
class Planner {
 public:
  Planner(const Weights& weights, Plan& plan) : weights_(weights), plan_(plan) {
    stream_ = take(weights.graph().dims.width);
  }

  void plan(const std::vector<PackedLayer>& layers) {
    for (size_t i = 0; i < layers.size(); ++i) {
      const bool before_head =
          i + 1 < layers.size() && std::holds_alternative<Head>(spec(layers[i + 1]));
      if (before_head && std::holds_alternative<Norm>(spec(layers[i]))) {
        head(layers[i + 1], &layers[i].norm);
        ++i;
      } else if (i + 1 < layers.size() && std::holds_alternative<Norm>(spec(layers[i])) &&
                 std::holds_alternative<Residual>(spec(layers[i + 1]))) {
        residual(layers[i + 1], &layers[i]);
        ++i;
      } else {
        std::visit([&](const auto& s) { emit(s, layers[i]); }, spec(layers[i]));
      }
    }
  }

  /// Appends, for each layer that attends to this graph's output, what makes its keys and values.
  void plan_memory(const std::vector<PackedLayer>& layers) {
    for (const PackedLayer& layer : layers) {
      const auto* attention = std::get_if<Attention>(&spec(layer));
      if (attention && attention->memory) make_memory(*attention, layer);
      plan_memory(layer.children);
    }
  }

  void finish() { plan_.arena_bytes_ = arena_.bytes(); }

 private:
  static const Layer::Spec& spec(const PackedLayer& layer) { return layer.bound->layer->spec; }

  void emit(const Embedding& embedding, const PackedLayer& layer) {
    const auto& t = layer.bound->tensors;
    size_t next = Embedding::table + 1;
    EmbeddingStep step{.table = t[Embedding::table], .scale = embedding.scale, .out = stream_};
    if (!embedding.positions.empty()) step.positions = t[next++];
    if (embedding.sinusoid) {
      step.sinusoids = std::make_shared<const std::vector<float>>(
          sinusoid_table(*embedding.sinusoid, plan_.options_.positions, stream_.width));
    }
    if (!embedding.segments.empty()) step.segments = t[next++];
    need_scratch(EmbeddingStep::scratch_bytes(stream_.width));
    add(layer, embedding.name, step);
  }

  void emit(const Norm&, const PackedLayer& layer) { add_norm(layer, std::nullopt, {}); }

  void emit(const Pool& pool, const PackedLayer& layer) {
    const Buffer out{.offset = -1, .width = stream_.width};
    add(layer, "pool", PoolStep{.kind = pool.kind, .in = stream_, .out = out});
    plan_.out_width_ = out.width;
  }

  void emit(const Head&, const PackedLayer& layer) { head(layer, nullptr); }

  void emit(const Blocks&, const PackedLayer& layer) { plan(layer.children); }

  void emit(const Residual&, const PackedLayer& layer) { residual(layer, nullptr); }

  /// `before`: the norm of the stream that comes before, if any.
  void residual(const PackedLayer& layer, const PackedLayer* before) {
    Norms norms{.stream = before};
    size_t at = 0;
    if (layer.children.size() == 2 && std::holds_alternative<Norm>(spec(layer.children[0]))) {
      norms.input = &layer.children[at++].norm;
    }
    const bool fits = layer.children.size() == at + 1;
    if (fits && std::holds_alternative<Attention>(spec(layer.children[at]))) {
      attention(layer.children[at], norms);
    } else if (fits && std::holds_alternative<FeedForward>(spec(layer.children[at]))) {
      feed_forward(layer.children[at], norms);
    } else {
      fail(Error::Code::unsupported, "residual in '", layer.bound->scope,
           "': expected [norm,] attention or feed-forward inside");
    }
  }

  void emit(const Attention&, const PackedLayer& layer) { outside_residual(layer); }
  void emit(const FeedForward&, const PackedLayer& layer) { outside_residual(layer); }

  [[noreturn]] static void outside_residual(const PackedLayer& layer) {
    fail(Error::Code::unsupported, "attention or feed-forward in '", layer.bound->scope,
         "': expected inside a residual");
  }

  /// What is normalised before a product that reads the stream.
  struct Norms {
    const PackedLayer* stream = nullptr;  ///< the stream itself
    const BoundNorm* input = nullptr;     ///< what the product reads
  };

  void attention(const PackedLayer& layer, const Norms& norms) {
    const auto& a = std::get<Attention>(spec(layer));
    const Buffer qkv = take((a.heads + (a.memory ? 0 : 2 * a.kv_heads)) * a.head_dim);
    const Buffer out = take(a.heads * a.head_dim);
    std::vector<int> matrices = {a.fused ? int{Attention::qkv} : int{Attention::q}};
    if (!a.memory && !a.fused) matrices.insert(matrices.end(), {Attention::k, Attention::v});
    const bool rounded = rounds_rows(a, layer);
    linear(layer, a.name + (a.memory ? "_q" : "_qkv"),
           {.in = stream_, .parts = layer.input, .out = qkv, .rounds_out = rounded},
           {.norms = norms, .matrices = matrices});
    if (&layer == weights_.tail() && !plan_.options_.input_squares) tail_ = true;
    AttentionStep step{.heads = a.heads,
                       .kv_heads = a.kv_heads,
                       .head_dim = a.head_dim,
                       .mask = a.mask,
                       .scale = a.scale != 0 ? a.scale : 1 / std::sqrt(float(a.head_dim)),
                       .memory = a.memory,
                       .tail = tail_,
                       .cache_layer = a.memory ? memory_layers_++ : cache_layers_++,
                       .qkv = qkv,
                       .rounded = rounded,
                       .out = out};
    if (step.head_dim % kRecordColumns == 0) step.reader = sole_reader(layer.output);
    if (a.rope) {
      step.rope = rope(*a.rope, layer.rope_factors);
      step.rope_dims = a.rope->dims;
      step.rope_interleaved = a.rope->interleaved;
    }
    need_scratch(step.scratch_bytes(weights_.kernels(), plan_.options_.kv_type, rows()));
    const int64_t part_bytes = step.part_bytes(plan_.options_.positions);
    step.parts = arena_.take(part_bytes);
    add(layer, a.name, step);
    arena_.drop(step.parts, part_bytes);
    drop(qkv);
    linear(layer, a.name + "_output",
           {.in = out,
            .parts = layer.output,
            .out = stream_,
            .rounded_in = step.reader ? std::optional(out) : std::nullopt},
           {.matrices = {a.fused ? int{Attention::fused_output} : int{Attention::output}},
            .epilogue = {.accumulate = true}});
    drop(out);
  }

  /// Whether kernels would round an attention's queries, keys and values in any case.
  bool rounds_rows(const Attention& a, const PackedLayer& layer) const {
    const auto same = [&](const LinearPart& part) { return same_form(part, layer.input.front()); };
    return weights_.kernels().rounds_queries && plan_.options_.kv_type == KvType::bf16 &&
           a.head_dim % kRecordColumns == 0 && a.mask == Mask::none && !a.memory && !a.rope &&
           std::ranges::all_of(layer.input, same) && !plan_.options_.input_squares;
  }

  /// The matrix that alone reads what comes before it, if it is one and nothing else looks there.
  std::optional<LinearPart> sole_reader(const std::vector<LinearPart>& parts) const {
    if (parts.size() != 1 || plan_.options_.input_squares) return std::nullopt;
    return parts.front();
  }

  void make_memory(const Attention& a, const PackedLayer& layer) {
    const Buffer kv = take(2 * a.kv_heads * a.head_dim);
    linear(layer, a.name + "_kv", {.in = stream_, .parts = layer.memory, .out = kv},
           {.matrices = {Attention::k, Attention::v}});
    add(layer, a.name + "_memory",
        MemoryStep{.kv_heads = a.kv_heads,
                   .head_dim = a.head_dim,
                   .cache_layer = memory_layers_++,
                   .kv = kv,
                   .out = kv});
    drop(kv);
  }

  void feed_forward(const PackedLayer& layer, const Norms& norms) {
    const auto& f = std::get<FeedForward>(spec(layer));
    const int64_t hidden_rows = layer.input.front().panels.rows;
    const Buffer hidden = take(f.gated ? hidden_rows / 2 : hidden_rows);
    std::optional<LinearPart> reader;
    if (layer.input.size() == 1) reader = sole_reader(layer.output);
    std::vector<int> matrices = {FeedForward::up};
    if (f.gated) matrices.push_back(FeedForward::gate);
    linear(layer, f.name + (f.gated ? "_gate_up" : "_up"),
           {.in = stream_, .parts = layer.input, .out = hidden, .reader = reader},
           {.norms = norms,
            .matrices = matrices,
            .epilogue = {.activation = f.activation, .gated = f.gated}});
    linear(layer, f.name + "_down",
           {.in = hidden,
            .parts = layer.output,
            .out = stream_,
            .rounded_in = reader ? std::optional(hidden) : std::nullopt},
           {.matrices = {FeedForward::down}, .epilogue = {.accumulate = true}});
    drop(hidden);
  }

  void head(const PackedLayer& layer, const BoundNorm* norm) {
    plan_.out_width_ = weights_.graph().dims.vocab;
    const Head& h = std::get<Head>(spec(layer));
    const bool own = layer.bound->tensors[Head::weight] != nullptr;
    linear(layer, h.name,
           {.in = stream_,
            .wanted_only = true,
            .fine = h.fine,
            .parts = layer.input,
            .out = {.offset = -1, .width = plan_.out_width_}},
           {.norms = {.input = norm}, .matrices = {own ? Head::weight : Head::tied_weight}});
  }

  /// What a product does besides multiplying.
  struct Product {
    Norms norms = {};
    std::vector<int> matrices;  ///< that it multiplies with: places in the layer's tensors
    Epilogue epilogue = {};
  };

  /// Adds the product as one step, or as several where parts want their input in different forms.
  void linear(const PackedLayer& layer, const std::string& name, LinearStep step,
              const Product& product) {
    const PackedLayer* stream_norm = product.norms.stream;
    if (product.norms.input) step.norm = *product.norms.input;
    if (stream_norm && (step.norm || plan_.options_.input_squares)) {
      add_norm(*stream_norm, std::nullopt, {});
      stream_norm = nullptr;
    }
    step.tail = tail_ && !step.wanted_only;
    step.epilogue = product.epilogue;
    std::optional<Buffer> normed;
    if (plan_.options_.input_squares) {
      normed = apply_norm(layer, name, step);
      add_squares(layer, name, product.matrices, step);
    }
    const std::vector<LinearPart> all = std::move(step.parts);
    for (size_t begin = 0; begin < all.size();) {
      size_t end = begin + 1;
      while (end < all.size() && same_form(all[begin], all[end])) ++end;
      step.parts.assign(all.begin() + begin, all.begin() + end);
      const int64_t most = step.wanted_only ? plan_.options_.wanted : rows();
      const int64_t bytes = step.input_bytes(most);
      step.shared_input = arena_.take(bytes);
      need_scratch(step.scratch_bytes(weights_.kernels(), most));
      if (stream_norm) {
        step.rounded_in = Buffer{.offset = step.shared_input, .width = step.in.width};
        add_norm(*stream_norm, step.parts.front(), *step.rounded_in);
        stream_norm = nullptr;
      }
      add(layer, name, step);
      step.rounded_in.reset();
      arena_.drop(step.shared_input, bytes);
      for (const LinearPart& part : step.parts) {
        step.out.offset += part.panels.rows * static_cast<int64_t>(sizeof(float));
      }
      begin = end;
    }
    if (normed) drop(*normed);
  }

  void add_norm(const PackedLayer& layer, const std::optional<LinearPart>& reader,
                const Buffer& rounded) {
    add(layer, std::get<Norm>(spec(layer)).name,
        NormStep{.norm = layer.norm,
                 .tail = tail_,
                 .in = stream_,
                 .out = stream_,
                 .reader = reader,
                 .rounded = rounded});
  }

  /// Makes the norm of a product's input a step of its own, and returns where the input is then.
  std::optional<Buffer> apply_norm(const PackedLayer& layer, const std::string& name,
                                   LinearStep& step) {
    if (!step.norm) return std::nullopt;
    const Buffer normed = take(step.in.width);
    add(layer, name + "_norm", NormStep{.norm = *step.norm, .in = step.in, .out = normed});
    step.in = normed;
    step.norm.reset();
    return normed;
  }

  void add_squares(const PackedLayer& layer, const std::string& name,
                   const std::vector<int>& matrices, const LinearStep& step) {
    const int64_t columns = step.parts.front().panels.columns;
    InputSquares& squares = plan_.options_.input_squares->emplace_back();
    squares.sums.resize(static_cast<size_t>(columns));
    for (const int place : matrices) {
      squares.matrices.push_back(layer.bound->tensors[static_cast<size_t>(place)]->name);
    }
    add(layer, name + "_squares",
        InputSquaresStep{.in = step.in, .squares = &squares, .out = step.in});
  }

  bool same_form(const LinearPart& a, const LinearPart& b) const {
    const Kernels& k = weights_.kernels();
    return a.input_form(k, 1) == b.input_form(k, 1) &&
           a.input_form(k, rows()) == b.input_form(k, rows());
  }

  template <typename S>
  void add(const PackedLayer& layer, const std::string& name, const S& step) {
    const auto owned = std::make_shared<const S>(step);
    plan_.steps_.push_back(
        {.name = layer.bound->scope + name,
         .run = [](const void* self, const Run& run,
                   int thread) { static_cast<const S*>(self)->run(run, thread); },
         .self = owned,
         .out = step.out});
  }

  /// Blocks share one table: it depends on the rotary positions alone.
  std::shared_ptr<const std::vector<float>> rope(const Rope& spec, std::span<const float> factors) {
    if (!rope_table_ || spec != rope_spec_ || !std::ranges::equal(factors, rope_factors_)) {
      rope_spec_ = spec;
      rope_factors_ = factors;
      rope_table_ = std::make_shared<const std::vector<float>>(
          rope_table(spec, plan_.options_.positions, factors));
    }
    return rope_table_;
  }

  int64_t rows() const { return plan_.options_.rows; }

  Buffer take(int64_t width) {
    return {.offset = arena_.take(buffer_bytes(width)), .width = width};
  }
  void drop(const Buffer& buffer) { arena_.drop(buffer.offset, buffer_bytes(buffer.width)); }
  /// Floats, with room for the rows of a tile of bf16 however few there are.
  int64_t buffer_bytes(int64_t width) const {
    return std::max(rows(), kInputTileRows / 2) * width * static_cast<int64_t>(sizeof(float));
  }
  void need_scratch(int64_t bytes) {
    plan_.scratch_bytes_ = std::max(plan_.scratch_bytes_, ScratchSplitter::padded(bytes));
  }

  const Weights& weights_;
  Plan& plan_;
  ArenaLayout arena_;
  Buffer stream_;
  bool tail_ = false;  ///< of what is emitted now: see Run::first_row
  int64_t cache_layers_ = 0;
  int64_t memory_layers_ = 0;
  Rope rope_spec_;
  std::span<const float> rope_factors_;
  std::shared_ptr<const std::vector<float>> rope_table_;
};

Plan::Plan(const Weights& weights, const PlanOptions& options)
    : kernels_(&weights.kernels()), options_(options) {
  Planner planner(weights, *this);
  planner.plan(weights.layers());
  if (options.attended_by) planner.plan_memory(options.attended_by->layers());
  planner.finish();
}

Workspace Plan::make_workspace(int threads) const {
  return {AlignedBuffer(arena_bytes_, "a plan's values"),
          AlignedBuffer(threads * scratch_bytes_, "a plan's scratch")};
}

void Plan::run(const Pass& pass, ThreadTeam& team, Workspace& workspace, const Trace* trace) const {
  if (pass.cancel && pass.cancel->load(std::memory_order_relaxed)) {
    fail(Error::Code::cancelled, "cancelled");
  }
  const Run run{.pass = pass,
                .kernels = *kernels_,
                .team = team,
                .traced = trace && trace->values,
                .arena = workspace.arena.data(),
                .scratch = workspace.scratch.data(),
                .scratch_bytes = scratch_bytes_};
  if (trace) trace->call({}, nullptr, 0);
  team.run([&](int thread) {
    for (const Step& step : steps_) {
      step.run(step.self.get(), run, thread);
      team.barrier(thread);
      if (!trace) continue;
      const float* values = run.traced ? run.rows(step.out) : nullptr;
      if (thread == 0) trace->call(step.name, values, step.out.width);
      team.barrier(thread);
    }
  });
}

}  // namespace heed
