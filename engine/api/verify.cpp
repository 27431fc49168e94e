// heed::verify: the texts of a file's record, through the file's own model.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>

#include "engine/api/library.h"
#include "engine/api/model_impl.h"
#include "engine/convert/record.h"
#include "engine/core/error.h"
#include "engine/decode/decoder.h"
#include "engine/decode/encoder.h"
#include "engine/decode/seq2seq.h"
#include "engine/quant/quant.h"

namespace heed {
namespace {

/// What rounding activations adds to a layer's error: to 8 bits or bf16, and not at all.
constexpr double kActivationError = 0.01;
constexpr double kExactError = 1e-4;

/// Layers hand on errors that they were handed, some of them larger: at most twice as large in
/// models measured (decoders, encoders and translators, from F32 to Q2_K: 1.9).
constexpr double kMostGrowth = 2;

/// A layer multiplies with several rounded matrices, one behind the other: queries and keys, values
/// and output. Random weights, which lean on attention more than trained ones do, show 2.3.
constexpr double kMatricesInARow = 3;

static_assert(Record::kMostTokens <= Decoder::kLogitRows, "a text is one pass");

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

/// Of `values` from `expected`, relative to its length.
double distance(std::span<const float> values, std::span<const float> expected) {
  double squares = 0, length = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - expected[i];
    squares += difference * difference;
    length += static_cast<double>(expected[i]) * expected[i];
  }
  return length == 0 ? std::sqrt(squares) : std::sqrt(squares / length);
}

/// What a type makes of normally distributed weights.
double type_error(DType type) {
  std::mt19937 random(1);
  std::vector<float> values(4096), rounded(values.size());
  for (float& value : values) {
    value = 0;  // a sum of twelve uniform numbers: the same everywhere, unlike std's distribution
    for (int i = 0; i < 12; ++i) value += static_cast<float>(random()) * 0x1p-32F - 0.5F;
  }
  std::vector<std::byte> row(static_cast<size_t>(row_bytes(type, std::ssize(values))));
  quantize_row(type, values.data(), row.data(), std::ssize(values));
  dequantize_row(type, row.data(), rounded.data(), std::ssize(values));
  return distance(rounded, values);
}

/// "blk.3." of "blk.3.attn_output"
std::string_view scope_of(std::string_view name) {
  return name.substr(0, name.rfind('.') + 1);
}

/// By scope ("blk.3.", or empty), what the coarsest of its matrices' types makes of weights.
std::map<std::string, double, std::less<>> rounding_errors(const GgufFile& file) {
  std::map<DType, double> of_types;
  std::map<std::string, double, std::less<>> errors;
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.shape.size() < 2) continue;
    const std::string_view name = tensor.name;
    const auto [it, is_new] = of_types.try_emplace(tensor.type);
    if (is_new) it->second = type_error(tensor.type);
    double& worst = errors[std::string(scope_of(name.substr(0, name.rfind('.'))))];
    worst = std::max(worst, it->second);
  }
  return errors;
}

/// Runs the texts of a record, one at a time, and gathers what the model makes of them.
class Replay {
 public:
  Replay(const Model& model, const Record& record, const VerifyOptions& options)
      : model_(model),
        loaded_(model.impl().loaded),
        record_(record),
        threads_(options.threads > 0 ? options.threads : default_threads()),
        progress_(options.progress) {
    for (const Record::Layer& layer : record.layers) {
      found_.push_back({layer.name, std::vector<float>(layer.sketches.size())});
    }
    decoder_begin_ = found_.size();
    report_.texts = std::ssize(record.texts);
    for (size_t text = 0; text < record.texts.size(); ++text) all_tokens_ += tokens_of(text);
  }

  /// All but the layers.
  VerifyReport run() {
    if (loaded_.graph.memory) {
      run_encoder_decoder();
    } else if (record_.kept > 0) {
      run_decoder();
    } else {
      run_encoder();
    }
    if (report_.tokens > 0) {
      report_.divergence = std::max(0.0, report_.divergence / static_cast<double>(report_.tokens));
    }
    return std::move(report_);
  }

  const std::vector<Record::Layer>& layers() const { return found_; }
  /// The first layer of an encoder-decoder's second pass; else one past the last.
  size_t decoder_begin() const { return decoder_begin_; }

 private:
  /// The next layer of the record whose name comes by is the one that has just been computed:
  /// encoder and decoder may have layers of one name.
  Trace trace() {
    const auto call = [this](std::string_view name, const float* values, int64_t stride) {
      if (!values) {
        if (++passes_ == 2) decoder_begin_ = next_;
      } else if (next_ < found_.size() && name == found_[next_].name) {
        add(found_[next_++], values, stride);
      }
    };
    return {.call = call};
  }

  void add(Record::Layer& layer, const float* values, int64_t stride) {
    const auto sum = std::span(layer.sketches).subspan(text_ * RowSketch::kSize, RowSketch::kSize);
    const auto& sequences = loaded_.graph.memory && passes_ == 2 ? record_.targets : record_.texts;
    const bool pooled = record_.kept == 0 && next_ == found_.size();
    const size_t rows = pooled ? 1 : sequences[text_].size();
    for (size_t row = 0; row < rows; ++row) {
      RowSketch sketch(static_cast<int64_t>(row));
      sketch.add(0, {values + static_cast<int64_t>(row) * stride, static_cast<size_t>(stride)});
      sketch.add_to(sum);
    }
  }

  void begin(size_t text) {
    text_ = text;
    next_ = 0;
    passes_ = 0;
  }
  void end() {
    if (next_ < found_.size()) {
      fail(Error::Code::format, model_.info().path.string(), ": its record has a layer '",
           found_[next_].name, "' that the model does not");
    }
    done_tokens_ += tokens_of(text_);
    if (progress_) progress_(done_tokens_, all_tokens_);
  }

  int64_t tokens_of(size_t text) const {
    const int64_t tokens = std::ssize(record_.texts[text]);
    return record_.targets.empty() ? tokens : tokens + std::ssize(record_.targets[text]);
  }

  void run_decoder() {
    Decoder decoder(loaded_.graph.main, *loaded_.weights,
                    {.context = std::min(Record::kMostTokens, loaded_.graph.main.dims.context),
                     .threads = threads_,
                     .kv_type = kv_type()});
    decoder.set_trace(trace());
    for (size_t text = 0; text < record_.texts.size(); ++text) {
      begin(text);
      decoder.rewind(0);
      decoder.eval_all(record_.texts[text],
                       [&](int64_t, std::span<const float> logits) { compare(logits); });
      end();
    }
  }

  void run_encoder_decoder() {
    const int64_t most = std::min(Record::kMostTokens, loaded_.graph.main.dims.context);
    Seq2Seq seq2seq(loaded_.graph, *loaded_.weights, *loaded_.memory_weights,
                    {.batch = 1,
                     .threads = threads_,
                     .kv_type = kv_type(),
                     .search = {.beams = 1, .max_length = most}});
    seq2seq.set_trace(trace());
    for (size_t text = 0; text < record_.texts.size(); ++text) {
      begin(text);
      seq2seq.eval_all(record_.texts[text], record_.targets[text],
                       [&](int64_t, std::span<const float> logits) { compare(logits); });
      end();
    }
  }

  void run_encoder() {
    Encoder encoder(loaded_.graph.main, *loaded_.weights,
                    {.rows = Record::kMostTokens, .threads = threads_});
    encoder.set_trace(trace());
    const auto width = static_cast<size_t>(encoder.width());
    std::vector<float> embedding(width);
    for (size_t text = 0; text < record_.texts.size(); ++text) {
      begin(text);
      encoder.run({&record_.texts[text], 1}, embedding.data());
      end();
      report_.similarity =
          std::min(report_.similarity,
                   cosine(embedding, std::span(record_.embeddings).subspan(text * width, width)));
    }
  }

  KvType kv_type() const { return loaded_.weights->exact() ? KvType::f32 : KvType::bf16; }

  /// The next row of logits with the next row of the record.
  void compare(std::span<const float> logits) {
    const auto kept = static_cast<size_t>(record_.kept);
    const size_t at = static_cast<size_t>(report_.tokens++) * kept;
    const auto largest = std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - *largest);
    const double normalizer = *largest + std::log(sum);
    report_.agreements += largest - logits.begin() == record_.likeliest[at];
    double rest = 1, our_rest = 1;  // of the probabilities
    for (size_t i = at; i < at + kept; ++i) {
      const double log_p = record_.log_probs[i], p = std::exp(log_p);
      const double log_q = logits[static_cast<size_t>(record_.likeliest[i])] - normalizer;
      report_.divergence += p * (log_p - log_q);
      rest -= p;
      our_rest -= std::exp(log_q);
    }
    if (rest > 0 && our_rest > 0) report_.divergence += rest * std::log(rest / our_rest);
  }

  const Model& model_;
  const LoadedModel& loaded_;
  const Record& record_;
  int threads_;
  const ProgressCallback& progress_;
  std::vector<Record::Layer> found_;
  VerifyReport report_;
  int64_t done_tokens_ = 0, all_tokens_ = 0;
  size_t text_ = 0;  // at work
  size_t next_ = 0;  // layer of the record to come by
  int passes_ = 0;   // of the text
  size_t decoder_begin_;
};

/// Finds the first layer whose error neither what it was handed nor its own rounding explains.
void judge(const Replay& replay, const Record& record, const LoadedModel& model,
           VerifyReport& report) {
  const auto roundings = rounding_errors(model.file);
  const double of_activations = model.weights->exact() ? kExactError : kActivationError;
  double previous = 0, memory = 0;
  for (size_t i = 0; i < record.layers.size(); ++i) {
    const std::string& name = record.layers[i].name;
    const double error = distance(replay.layers()[i].sketches, record.layers[i].sketches);
    report.layers.push_back({name, error});
    if (i == replay.decoder_begin()) memory = previous;
    const auto rounding = roundings.find(scope_of(name));
    const double limit = kMostGrowth * std::max(previous, memory) + of_activations +
                         kMatricesInARow * (rounding == roundings.end() ? 0 : rounding->second);
    if (report.drifting.empty() && !(error <= limit)) report.drifting = name;
    previous = error;
  }
}

/// What reading a record cannot tell: whether it is of this model.
void check_fits(const Record& record, const LoadedModel& model, const std::string& file) {
  const Dims& dims = model.graph.main.dims;
  const bool has_targets = !record.targets.empty();
  const auto of_vocab = [&](Token token) { return token >= 0 && token < dims.vocab; };
  const auto width = static_cast<size_t>(dims.width);
  if (has_targets == model.graph.memory.has_value() &&
      std::ranges::all_of(record.likeliest, of_vocab) &&
      (record.kept > 0 || record.embeddings.size() == record.texts.size() * width)) {
    return;
  }
  fail(Error::Code::format, file, ": its record is of another model");
}

}  // namespace

VerifyReport verify(const Model& model, const VerifyOptions& options) {
  const LoadedModel& loaded = model.impl().loaded;
  const std::string file = model.info().path.string();
  const std::optional<Record> record = read_record(loaded.file.metadata());
  if (!record) {
    fail(Error::Code::unsupported, file,
         ": has no record of what it was made of: expected key 'heed.record.version', which heed "
         "convert writes");
  }
  if (!loaded.weights) {
    fail(Error::Code::argument, file, ": loaded with vocabulary_only, expected weights");
  }
  check_fits(*record, loaded, file);
  Replay replay(model, *record, options);
  VerifyReport report = replay.run();
  judge(replay, *record, loaded, report);
  return report;
}

}  // namespace heed
