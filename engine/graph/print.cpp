// The graph as text and as DOT: what `heed show --graph` prints.
#include <array>

#include "engine/core/error.h"
#include "engine/graph/graph.h"

namespace heed {
namespace {

std::string_view name_of(Activation activation) {
  constexpr std::array kNames = {"none", "relu", "silu", "gelu", "gelu-tanh", "tanh"};
  return kNames[static_cast<size_t>(activation)];
}

std::string describe(const Embedding& e) {
  std::string text = "embedding   " + e.name;
  if (e.scale != 1) text += cat(" x ", e.scale);
  if (!e.positions.empty()) text += " + learned positions " + e.positions;
  if (e.sinusoid) {
    text += cat(" + sinusoidal positions, ",
                *e.sinusoid == Sinusoid::halves ? "halves" : "interleaved");
  }
  if (!e.segments.empty()) text += " + segments " + e.segments;
  return text;
}

std::string describe(const Norm& n) {
  return cat(n.kind == Norm::Kind::rms ? "rms norm    " : "layer norm  ", n.name, ", eps ",
             n.epsilon);
}

std::string describe(const Attention& a) {
  std::string text = cat("attention   ", a.name, ", ", a.heads, " heads");
  if (a.kv_heads != a.heads) text += cat(" (", a.kv_heads, " kv)");
  const char* seen = a.mask == Mask::causal ? ", causal" : ", both ways";
  text += cat(" of ", a.head_dim, a.memory ? ", to the memory" : seen);
  if (a.rope) {
    text += cat(", rotary ", a.rope->dims, " dims, base ", a.rope->base,
                a.rope->interleaved ? ", pairs" : ", halves");
  }
  return text;
}

std::string describe(const FeedForward& f) {
  return cat("feed-forward ", f.name, ", ", f.width, " wide, ", name_of(f.activation),
             f.gated ? ", gated" : "");
}

std::string describe(const Pool& p) {
  constexpr std::array kNames = {"as the model", "mean", "cls", "last"};
  return cat("pool        ", kNames[static_cast<size_t>(p.kind)]);
}

std::string describe(const Head& h) {
  return "head        " + h.name + (h.tied.empty() ? "" : ", or tied to " + h.tied);
}

std::string describe(const Residual&) {
  return "residual    x + f(x)";
}

std::string describe(const Blocks& b) {
  return cat("blocks      ", b.name, ".", b.first, " to ", b.name, ".", b.first + b.count - 1);
}

std::string describe(const Layer& layer) {
  return std::visit([](const auto& spec) { return describe(spec); }, layer.spec);
}

const std::vector<Layer>* body_of(const Layer& layer) {
  if (const auto* residual = std::get_if<Residual>(&layer.spec)) return &residual->body;
  if (const auto* blocks = std::get_if<Blocks>(&layer.spec)) return &blocks->body;
  return nullptr;
}

void print(const std::vector<Layer>& layers, int depth, std::string& out) {
  for (const Layer& layer : layers) {
    out += std::string(2 * depth, ' ') + describe(layer) + "\n";
    if (const auto* body = body_of(layer)) print(*body, depth + 1, out);
  }
}

std::string text_of(const Graph& graph) {
  std::string out = cat("width ", graph.dims.width, ", vocab ", graph.dims.vocab, ", context ",
                        graph.dims.context, "\n");
  print(graph.layers, 0, out);
  return out;
}

/// A DOT digraph in the making: nodes and clusters are numbered as they come.
class Drawing {
 public:
  /// Draws a chain of layers after a node (none: -1); returns its last node. Residuals get a second
  /// arrow around, attention to the memory one from there.
  int draw(const std::vector<Layer>& layers, int previous) {
    for (const Layer& layer : layers) {
      const auto* body = body_of(layer);
      const bool residual = std::holds_alternative<Residual>(layer.spec);
      if (body && !residual) {
        begin_cluster(describe(layer));
        previous = draw(*body, previous);
        end_cluster();
        continue;
      }
      const int start = previous;
      if (residual) previous = draw(*body, previous);
      const int node = next_++;
      out_ += cat("  n", node, " [label=\"", residual ? "+" : describe(layer), "\"]\n");
      arrow(previous, node);
      if (residual) arrow(start, node);
      const auto* attention = std::get_if<Attention>(&layer.spec);
      if (attention && attention->memory) arrow(memory_, node, " [label=\"keys, values\"]");
      previous = node;
    }
    return previous;
  }

  /// Draws the graph that later ones attend to.
  void draw_memory(const Graph& graph) {
    begin_cluster("memory");
    memory_ = draw(graph.layers, -1);
    end_cluster();
  }

  std::string finish() const { return out_ + "}\n"; }

 private:
  void begin_cluster(const std::string& label) {
    out_ += cat("  subgraph cluster_", next_++, " {\n  label=\"", label, "\"\n");
  }
  void end_cluster() { out_ += "  }\n"; }
  void arrow(int from, int to, const char* attributes = "") {
    if (from >= 0) out_ += cat("  n", from, " -> n", to, attributes, "\n");
  }

  std::string out_ = "digraph model {\n  node [shape=box, fontname=\"sans-serif\"]\n";
  int next_ = 0;
  int memory_ = -1;
};

}  // namespace

std::string to_text(const ModelGraph& model) {
  if (!model.memory) return text_of(model.main);
  return cat("memory: ", text_of(*model.memory), "main: ", text_of(model.main));
}

std::string to_dot(const ModelGraph& model) {
  Drawing drawing;
  if (model.memory) drawing.draw_memory(*model.memory);
  drawing.draw(model.main.layers, -1);
  return drawing.finish();
}

}  // namespace heed
