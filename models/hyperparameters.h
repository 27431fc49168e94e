// A model file's own numbers, as the architectures read them: keys below the architecture's name,
// within bounds that no real model exceeds. Used by the files in models/.
#pragma once

#include <string>
#include <string_view>

#include "engine/format/metadata.h"
#include "engine/layers/param.h"

namespace heed {

class Hyperparameters {
 public:
  /// Reads keys "ARCHITECTURE.key" of `metadata`, which must outlive this.
  Hyperparameters(const Metadata& metadata, std::string_view architecture)
      : metadata_(metadata), architecture_(architecture) {}

  /// A size or a number of things: 1 to 2^31 - 1. Error(format) names key, expected and found.
  int64_t count(std::string_view key) const;
  int64_t count_or(std::string_view key, int64_t fallback) const;
  /// Blocks of a stack: 1 to 1,024.
  int64_t blocks(std::string_view key = "block_count") const;
  float real(std::string_view key) const;
  float real_or(std::string_view key, float fallback) const;
  std::string text_or(std::string_view key, const std::string& fallback) const;
  bool has(std::string_view key) const { return metadata_.contains(full(key)); }
  /// The key as the file has it, for messages.
  std::string full(std::string_view key) const;

  /// Width (embedding_length), context (context_length) and vocabulary of the file's tokenizer.
  Dims dims() const;
  /// Of the language that is translated from, which may have tokens of its own.
  Dims source_dims() const;
  /// Of the whole file, not of the architecture: "tokenizer.ggml.token_type_count".
  const Metadata& file() const { return metadata_; }

  /// Throws Error(format) unless `number` is a multiple of `divisor`.
  void check_divides(std::string_view key, int64_t number, int64_t divisor) const;

 private:
  const Metadata& metadata_;
  std::string architecture_;
};

}  // namespace heed
