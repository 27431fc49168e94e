// heed show: what a model's file holds.
#include <unistd.h>

#include <algorithm>

#include "tools/arguments.h"
#include "tools/numbers.h"
#include "tools/output.h"
#include "tools/reports.h"
#include "tools/terminal.h"

namespace heed {
namespace {

class Show : public Verb {
 public:
  About about() const override {
    return {.name = "show",
            .arguments = "MODEL",
            .summary = "metadata and tensors of a model's file",
            .example = "  heed show smollm2 --graph"};
  }
  void add_flags(Flags& flags) override {
    model_.add_name(flags);
    flags.add("--graph", graph_, "the layers that the file describes instead");
    flags.add("--dot", dot_, "the same as a DOT digraph, for Graphviz");
    flags.add("--json", json_, "all of it as one JSON object");
  }
  void run(Words& words, Output& out) override {
    model_.take_name(words);
    words.require_end();
    if (graph_ || dot_) {
      out.write(describe_graph(model_.name, dot_));
    } else if (json_) {
      out.write(json_line(as_json(inspect_file(model_.name))));
    } else {
      out.write(as_table(inspect_file(model_.name)));
    }
  }

 private:
  static Json as_json(const FileInfo& info);
  static std::string as_table(const FileInfo& info);

  ModelArguments model_;
  bool graph_ = false;
  bool dot_ = false;
  bool json_ = false;
};

Json Show::as_json(const FileInfo& info) {
  Json json = {{"path", info.path.string()},    {"architecture", info.architecture},
               {"parameters", info.parameters}, {"bytes", info.bytes},
               {"metadata", Json::object()},    {"tensors", Json::array()}};
  for (const auto& [key, text] : info.metadata) {
    Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    json["metadata"][key] = value.is_discarded() ? Json(text) : std::move(value);  // cut short
  }
  for (const TensorInfo& tensor : info.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"type", tensor.type},
                               {"shape", tensor.shape},
                               {"bytes", tensor.bytes}});
  }
  return json;
}

std::string shape_text(const TensorInfo& tensor) {
  std::string text;
  for (const int64_t size : tensor.shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  }
  return "[" + text + "]";
}

/// On a terminal a long value is cut to the line; a pipe gets it whole.
std::string Show::as_table(const FileInfo& info) {
  const int64_t columns = terminal_width(STDOUT_FILENO);
  std::string text = "file          " + info.path.string() + "\narchitecture  " +
                     info.architecture + "\nparameters    " + count_text(info.parameters) +
                     "\nsize          " + bytes_text(info.bytes) +
                     "\n\nmetadata: " + std::to_string(info.metadata.size()) + "\n";
  int64_t key_width = 0;
  for (const auto& [key, value] : info.metadata) key_width = std::max(key_width, text_width(key));
  for (const auto& [key, value] : info.metadata) {
    const int64_t room = columns > 0 ? std::max<int64_t>(16, columns - key_width - 4) : 0;
    text += "  " + padded(one_line(key, 0), key_width + 2) + one_line(value, room) + "\n";
  }

  text += "\ntensors: " + std::to_string(info.tensors.size()) + "\n";
  int64_t name_width = 0;
  int64_t shape_width = 0;
  for (const TensorInfo& tensor : info.tensors) {
    name_width = std::max(name_width, text_width(tensor.name));
    shape_width = std::max(shape_width, text_width(shape_text(tensor)));
  }
  for (const TensorInfo& tensor : info.tensors) {
    text += "  " + padded(one_line(tensor.name, 0), name_width + 2) + padded(tensor.type, 8) +
            padded(shape_text(tensor), shape_width + 2) + bytes_text(tensor.bytes) + "\n";
  }
  return text;
}

}  // namespace

std::unique_ptr<Verb> make_show() {
  return std::make_unique<Show>();
}

}  // namespace heed
