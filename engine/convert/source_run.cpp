#include "engine/convert/source_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"
#include "models/registry.h"

namespace heed {
namespace {

/// What models are made to read: prose, talk, code, figures, and more than one script.
constexpr std::array<std::string_view, 6> kTexts = {
    "The river rose in the night, and by morning the lower fields were under water. Nobody had "
    "seen it so high since the year the old bridge went.",
    "Could you explain, in a few words, how a vaccine teaches the body to defend itself? Of "
    "course: it shows the immune system what to look for.",
    "def mean(values):\n    \"\"\"The arithmetic mean.\"\"\"\n    return sum(values) / len(values)"
    "\n\nprint(mean([1, 2, 3]))",
    "In 2019 the town had 48,312 inhabitants, 3.7 % more than in 2009; of these, 12,045 were under "
    "18 and 9,660 over 65 years old.",
    "Der Zug nach München fährt heute von Gleis 12 ab. Le musée est fermé le lundi, mais le jardin "
    "reste ouvert jusqu'à vingt heures.",
    "今天天气很好，我们去公园散步吧。 Сегодня хорошая погода.",
};

/// The likeliest of tokens whose logits come in pieces, and how likely they are.
class Likeliest {
 public:
  explicit Likeliest(size_t kept) : kept_(kept) {}

  void add(int64_t first_token, std::span<const float> logits) {
    for (size_t i = 0; i < logits.size(); ++i) {
      const float logit = logits[i];
      if (logit > largest_) {
        sum_ *= std::exp(largest_ - logit);
        largest_ = logit;
      }
      sum_ += std::exp(logit - largest_);
      if (best_.size() == kept_ && logit <= best_.back().first) continue;
      if (best_.size() == kept_) best_.pop_back();
      const auto place =
          std::ranges::upper_bound(best_, logit, std::greater{}, &std::pair<float, Token>::first);
      best_.insert(place, {logit, static_cast<Token>(first_token + static_cast<int64_t>(i))});
    }
  }

  void append_to(std::vector<Token>& tokens, std::vector<float>& log_probs) const {
    for (const auto& [logit, token] : best_) {
      tokens.push_back(token);
      log_probs.push_back(static_cast<float>(logit - largest_ - std::log(sum_)));
    }
  }

 private:
  size_t kept_;
  std::vector<std::pair<float, Token>> best_;  // falling
  double largest_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;  // of exp(logit - largest_)
};

/// Gathers what layers write.
class Recorder {
 public:
  Recorder(Record& record, ThreadTeam& team) : record_(record), team_(team) {}

  void add(const LayerOutput& output) {
    const bool logits = std::holds_alternative<Head>(output.layer.spec);
    if (output.first_column == 0) start(output);
    team_.run([&](int thread) {
      const Range mine = split(std::ssize(rows_), thread, team_.size());
      for (int64_t i = mine.begin; i < mine.end; ++i) {
        Row& row = rows_[static_cast<size_t>(i)];
        const std::span columns(output.values + i * output.stride,
                                static_cast<size_t>(output.columns));
        row.sketch.add(output.first_column, columns);
        if (logits) row.likeliest.add(output.first_column, columns);
      }
    });
    if (std::holds_alternative<Pool>(output.layer.spec)) {
      const float* end = output.values + std::ssize(rows_) * output.stride;
      record_.embeddings.assign(output.values, end);
    }
    if (output.is_last_piece()) finish(std::string(output.name), logits);
  }

 private:
  struct Row {
    size_t text;
    RowSketch sketch;
    Likeliest likeliest;
  };

  void start(const LayerOutput& output) {
    const bool of_targets = !record_.targets.empty() && !output.of_memory;
    const bool pooled = std::holds_alternative<Pool>(output.layer.spec);
    const auto& sequences = of_targets ? record_.targets : record_.texts;
    const int64_t kept = std::min(output.all_columns, Record::kMostKept);
    rows_.clear();
    for (size_t text = 0; text < sequences.size(); ++text) {
      const int64_t count = pooled ? 1 : std::ssize(sequences[text]);
      for (int64_t i = 0; i < count; ++i) {
        rows_.push_back({text, RowSketch(i), Likeliest(static_cast<size_t>(kept))});
      }
    }
  }

  void finish(std::string name, bool logits) {
    Record::Layer& layer = record_.layers.emplace_back(std::move(name));
    layer.sketches.resize(record_.texts.size() * RowSketch::kSize);
    const std::span sketches = layer.sketches;
    for (const Row& row : rows_) {
      row.sketch.add_to(sketches.subspan(row.text * RowSketch::kSize, RowSketch::kSize));
      if (logits) row.likeliest.append_to(record_.likeliest, record_.log_probs);
    }
    if (logits) record_.kept = std::ssize(record_.likeliest) / std::ssize(rows_);
  }

  Record& record_;
  ThreadTeam& team_;
  std::vector<Row> rows_;  // of the layer at hand
};

std::vector<Token> cut(std::vector<Token> tokens, int64_t most) {
  tokens.resize(std::min(tokens.size(), static_cast<size_t>(most)));
  return tokens;
}

/// An encoder-decoder reads each text as its own translation: what its decoder makes of that says
/// as much about its weights as a true one, and asks for no search.
void set_texts(const Metadata& metadata, const ModelGraph& graph, Record& record) {
  const TextTokenizer tokenizer = load_tokenizer(metadata);
  const auto& architecture = metadata.require<std::string>("general.architecture");
  const int64_t most = std::min(Record::kMostTokens, graph.main.dims.context);
  for (const std::string_view text : kTexts) {
    std::vector<Token> tokens = cut(tokenizer.encode(text), most);
    if (tokens.empty()) continue;
    record.texts.push_back(std::move(tokens));
    if (!graph.memory) continue;
    std::vector<Token> target = tokenizer.encode_target(text);
    target.insert(target.begin(),
                  metadata.require<int32_t>(architecture + ".decoder_start_token_id"));
    record.targets.push_back(cut(std::move(target), most));
  }
  const auto check = [&](const std::vector<std::vector<Token>>& sequences, const Graph& of) {
    for (const std::vector<Token>& sequence : sequences) {
      for (const Token token : sequence) {
        if (token >= 0 && token < of.dims.vocab) continue;
        fail(Error::Code::format, metadata.source(), ": the tokenizer gives token ", token,
             ", the model has ", of.dims.vocab);
      }
    }
  };
  check(record.texts, graph.memory ? *graph.memory : graph.main);
  check(record.targets, graph.main);
}

}  // namespace

SourceRun run_source(const PlannedModel& model, ThreadTeam& team,
                     const std::function<void(int64_t read_bytes)>& progress) {
  const ModelGraph graph = make_graph(model.metadata);
  SourceRun run;
  set_texts(model.metadata, graph, run.record);
  if (run.record.texts.empty()) {
    fail(Error::Code::unsupported, model.metadata.source(),
         ": the tokenizer makes no tokens of texts");
  }
  Recorder recorder(run.record, team);
  run_layerwise({.graph = graph, .tensors = model.tensors, .read = model.read},
                {.texts = run.record.texts, .targets = run.record.targets},
                {.layer = [&](const LayerOutput& output) { recorder.add(output); },
                 .progress = progress,
                 .input_squares = &run.input_squares},
                team);
  return run;
}

}  // namespace heed
