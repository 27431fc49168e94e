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
  text += cat(" of ", a.head_dim, a.mask == Mask::causal ? ", causal" : ", both ways");
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
  return cat("blocks      ", b.name, ".0 to ", b.name, ".", b.count - 1);
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

/// Draws a chain of layers; returns the id of its last node. Residuals get a second arrow around.
int draw(const std::vector<Layer>& layers, int previous, int& next, std::string& out) {
  for (const Layer& layer : layers) {
    const auto* body = body_of(layer);
    const bool residual = std::holds_alternative<Residual>(layer.spec);
    if (body && !residual) {
      out += cat("  subgraph cluster_", next++, " {\n  label=\"", describe(layer), "\"\n");
      previous = draw(*body, previous, next, out);
      out += "  }\n";
      continue;
    }
    const int start = previous;
    if (residual) previous = draw(*body, previous, next, out);
    const int node = next++;
    out += cat("  n", node, " [label=\"", residual ? "+" : describe(layer), "\"]\n");
    if (previous >= 0) out += cat("  n", previous, " -> n", node, "\n");
    if (residual && start >= 0) out += cat("  n", start, " -> n", node, "\n");
    previous = node;
  }
  return previous;
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string out = cat("width ", graph.dims.width, ", vocab ", graph.dims.vocab, ", context ",
                        graph.dims.context, "\n");
  print(graph.layers, 0, out);
  return out;
}

std::string to_dot(const Graph& graph) {
  std::string out = "digraph model {\n  node [shape=box, fontname=\"sans-serif\"]\n";
  int next = 0;
  draw(graph.layers, -1, next, out);
  return out + "}\n";
}

}  // namespace heed
