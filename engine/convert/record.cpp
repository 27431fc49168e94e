#include "engine/convert/record.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/core/error.h"
#include "engine/decode/sampler.h"

namespace heed {
namespace {

constexpr uint32_t kRecordVersion = 1;
constexpr const char* kVersionKey = "heed.record.version";
constexpr const char* kLayersKey = "heed.record.layers";
constexpr const char* kSketchesKey = "heed.record.sketches";
constexpr const char* kLikeliestKey = "heed.record.likeliest";
constexpr const char* kLogProbsKey = "heed.record.log_probs";
constexpr const char* kEmbeddingsKey = "heed.record.embeddings";

/// Sequences of tokens as two keys: all tokens, and how many each has.
struct SequenceKeys {
  const char* tokens;
  const char* counts;
};
constexpr SequenceKeys kTextKeys = {"heed.record.tokens", "heed.record.token_counts"};
constexpr SequenceKeys kTargetKeys = {"heed.record.target_tokens",
                                      "heed.record.target_token_counts"};

using Sequences = std::vector<std::vector<Token>>;

void write_sequences(const SequenceKeys& keys, const Sequences& sequences, Metadata& metadata) {
  std::vector<int32_t> tokens;
  std::vector<uint32_t> counts;
  for (const std::vector<Token>& sequence : sequences) {
    tokens.insert(tokens.end(), sequence.begin(), sequence.end());
    counts.push_back(static_cast<uint32_t>(sequence.size()));
  }
  metadata.set(keys.tokens, std::move(tokens));
  metadata.set(keys.counts, std::move(counts));
}

[[noreturn]] void misfit(const Metadata& metadata, const char* key, size_t found, size_t expected) {
  fail(Error::Code::format, metadata.source(), ": key '", key, "' has ", found,
       " values, expected ", expected);
}

Sequences read_sequences(const SequenceKeys& keys, const Metadata& metadata) {
  const auto tokens = metadata.require<std::vector<int32_t>>(keys.tokens);
  const auto counts = metadata.require<std::vector<uint32_t>>(keys.counts);
  Sequences sequences;
  size_t at = 0;
  for (const uint32_t count : counts) {
    if (count < 1 || count > Record::kMostTokens) {
      fail(Error::Code::format, metadata.source(), ": key '", keys.counts, "': expected 1 to ",
           Record::kMostTokens, ", found ", count);
    }
    if (count > tokens.size() - at) misfit(metadata, keys.tokens, tokens.size(), at + count);
    const auto first = tokens.begin() + static_cast<ptrdiff_t>(at);
    sequences.emplace_back(first, first + count);
    at += count;
  }
  if (at != tokens.size()) misfit(metadata, keys.tokens, tokens.size(), at);
  if (sequences.empty()) misfit(metadata, keys.counts, 0, 1);
  return sequences;
}

std::vector<float> read_floats(const char* key, size_t expected, const Metadata& metadata) {
  auto values = metadata.require<std::vector<float>>(key);
  if (values.size() != expected) misfit(metadata, key, values.size(), expected);
  for (const float value : values) {
    if (!std::isfinite(value)) {
      fail(Error::Code::format, metadata.source(), ": key '", key,
           "': expected finite numbers, found ", value);
    }
  }
  return values;
}

void read_layers(Record& record, const Metadata& metadata) {
  const auto& names = metadata.require<std::vector<std::string>>(kLayersKey);
  const size_t size = record.texts.size() * RowSketch::kSize;  // of a layer
  const auto sketches = read_floats(kSketchesKey, names.size() * size, metadata);
  auto at = sketches.begin();
  for (const std::string& name : names) {
    record.layers.push_back({name, {at, at + static_cast<ptrdiff_t>(size)}});
    at += static_cast<ptrdiff_t>(size);
  }
}

void read_predictions(Record& record, const Metadata& metadata) {
  const Sequences& read = record.targets.empty() ? record.texts : record.targets;
  size_t rows = 0;
  for (const std::vector<Token>& sequence : read) rows += sequence.size();
  record.likeliest = metadata.require<std::vector<int32_t>>(kLikeliestKey);
  const size_t found = record.likeliest.size();
  record.kept = rows == 0 ? 0 : static_cast<int64_t>(found / rows);
  if (record.kept < 1 || record.kept > Record::kMostKept || found % rows != 0) {
    misfit(metadata, kLikeliestKey, found, rows * Record::kMostKept);
  }
  record.log_probs = read_floats(kLogProbsKey, found, metadata);
}

}  // namespace

void RowSketch::add(int64_t first, std::span<const float> columns) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto signs =
        static_cast<uint32_t>(RandomNumbers(seed_ + static_cast<uint64_t>(first) + i).next());
    const auto bits = std::bit_cast<uint32_t>(columns[i]);
    for (size_t j = 0; j < kSize; ++j) {
      sums_[j] += std::bit_cast<float>(bits ^ (signs << (31 - j) & 0x80000000));
    }
    squares_ += static_cast<double>(columns[i]) * columns[i];
  }
}

void RowSketch::add_to(std::span<float> sum) const {
  if (squares_ == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares_));
  for (size_t j = 0; j < kSize; ++j) sum[j] += sums_[j] * scale;
}

void write_record(const Record& record, Metadata& metadata) {
  metadata.set(kVersionKey, kRecordVersion);
  write_sequences(kTextKeys, record.texts, metadata);
  if (!record.targets.empty()) write_sequences(kTargetKeys, record.targets, metadata);
  std::vector<std::string> names;
  std::vector<float> sketches;
  for (const Record::Layer& layer : record.layers) {
    names.push_back(layer.name);
    sketches.insert(sketches.end(), layer.sketches.begin(), layer.sketches.end());
  }
  metadata.set(kLayersKey, std::move(names));
  metadata.set(kSketchesKey, std::move(sketches));
  if (record.kept == 0) return metadata.set(kEmbeddingsKey, record.embeddings);
  metadata.set(kLikeliestKey, record.likeliest);
  metadata.set(kLogProbsKey, record.log_probs);
}

bool has_record(const Metadata& metadata) {
  return metadata.contains(kVersionKey);
}

std::optional<Record> read_record(const Metadata& metadata) {
  if (!has_record(metadata)) return std::nullopt;
  const auto version = metadata.require<uint32_t>(kVersionKey);
  if (version != kRecordVersion) {
    fail(Error::Code::unsupported, metadata.source(), ": key '", kVersionKey, "': expected ",
         kRecordVersion, ", found ", version);
  }
  Record record{.texts = read_sequences(kTextKeys, metadata)};
  if (metadata.contains(kTargetKeys.tokens)) {
    record.targets = read_sequences(kTargetKeys, metadata);
    if (record.targets.size() != record.texts.size()) {
      misfit(metadata, kTargetKeys.counts, record.targets.size(), record.texts.size());
    }
  }
  read_layers(record, metadata);
  if (metadata.contains(kLikeliestKey)) {
    read_predictions(record, metadata);
  } else {
    record.embeddings = metadata.require<std::vector<float>>(kEmbeddingsKey);
    const size_t found = record.embeddings.size(), texts = record.texts.size();
    if (found == 0 || found % texts != 0) misfit(metadata, kEmbeddingsKey, found, texts);
    read_floats(kEmbeddingsKey, found, metadata);
  }
  return record;
}

}  // namespace heed
