// What a model's weights compute for a few texts, small enough to be kept in its file: the tokens,
// a sketch of every layer's output, and the likeliest next tokens or the embeddings. The converter
// makes it from the source (source_run.h); heed::verify compares a file with it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/metadata.h"
#include "heed_types.hpp"

namespace heed {

/// The direction of a row, in few numbers: its projections onto vectors of random signs, scaled as
/// if the row had length 1. Sums of many rows' sketches are as far apart as the rows are, within
/// about 1 / sqrt(2 * numbers). Reference: Achlioptas 2003 (Johnson-Lindenstrauss with coins).
class RowSketch {
 public:
  static constexpr size_t kSize = 16;

  /// The row's signs: rows whose sketches are summed must have different seeds.
  explicit RowSketch(int64_t seed) : seed_(static_cast<uint64_t>(seed) << 32) {}

  /// Columns of the row from `first` on.
  void add(int64_t first, std::span<const float> columns);
  /// Adds the sketch to `sum` [kSize].
  void add_to(std::span<float> sum) const;

 private:
  uint64_t seed_;
  std::array<float, kSize> sums_ = {};
  double squares_ = 0;
};

struct Record {
  /// Of a text, and of a translation of it.
  static constexpr int64_t kMostTokens = 32;
  /// Of each next token's distribution, the likeliest.
  static constexpr int64_t kMostKept = 32;

  struct Layer {
    std::string name;             ///< of its last step, as a Trace names it
    std::vector<float> sketches;  ///< [texts, RowSketch::kSize]: sums of the rows of each text
  };

  std::vector<std::vector<Token>> texts;
  std::vector<std::vector<Token>> targets;  ///< of an encoder-decoder: what its decoder reads
  std::vector<Layer> layers;                ///< as they are computed, an encoder's first
  int64_t kept = 0;                         ///< at most kMostKept; 0: of a model without a head
  std::vector<Token> likeliest;             ///< [tokens, kept], falling
  std::vector<float> log_probs;             ///< [tokens, kept], natural
  std::vector<float> embeddings;            ///< [texts, width], of a model without a head

  bool operator==(const Record&) const = default;
};

inline bool operator==(const Record::Layer& a, const Record::Layer& b) {
  return a.name == b.name && a.sketches == b.sketches;
}

/// Sets the keys heed.record.*: version (u32, 1); tokens and token_counts, arrays of all texts'
/// tokens and of how many each has, likewise target_tokens and target_token_counts of an
/// encoder-decoder; layers (names) and sketches [layers, texts, 16]; likeliest and log_probs
/// [tokens, kept], or embeddings [texts, width].
void write_record(const Record& record, Metadata& metadata);

bool has_record(const Metadata& metadata);

/// The record in a file's metadata; nothing if there is none. Throws Error(unsupported) for a
/// version that Heed does not know, Error(format) naming file and key for one whose parts do not
/// fit each other.
std::optional<Record> read_record(const Metadata& metadata);

}  // namespace heed
