// Flags that several verbs share, with llama.cpp's names and defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "heed.hpp"
#include "tools/flags.h"
#include "tools/verb.h"

namespace heed {

/// Which model, and how to load it: MODEL or -m, --exact, --no-mmap, -t.
struct ModelArguments {
  std::string name;
  bool exact = false;
  bool no_mmap = false;
  int threads = 0;

  /// -m alone: for verbs that look at a file but compute nothing.
  void add_name(Flags& flags);
  void add_flags(Flags& flags);
  /// The first word, unless -m has named the model.
  void take_name(Words& words);
  /// Loads with a progress bar.
  Model load() const;
  /// Its tokenizer and template alone.
  Model load_vocabulary() const;
};

/// What a session is made of: -c, -ub, --kv-type.
struct SessionArguments {
  int64_t context = 0;
  int64_t ubatch = 512;
  KvType kv_type = KvType::bf16;

  void add_flags(Flags& flags, std::string_view context_help =
                                   "tokens of context; 0 = the model's, at most 4096");
  SessionOptions options(const ModelArguments& model) const;
};

/// A number of Sampling that has a name: of a flag, and in `/set parameter`.
struct SamplingNumber {
  std::string_view name;   ///< "top_k"
  std::string_view flags;  ///< "--top-k"
  float Sampling::*real = nullptr;
  int Sampling::*integer = nullptr;
  Limits range = {};

  double get(const Sampling& sampling) const;
  /// Throws UsageError "takes ..., not ...".
  void set(Sampling& sampling, std::string_view text) const;
};
const std::vector<SamplingNumber>& sampling_numbers();

/// How tokens are chosen: --temp and its like, -s, -n, -r.
struct SamplingArguments {
  GenerateOptions options = {.sampling = {.temperature = 0.8f}};
  int64_t seed = -1;  ///< -1: another one each time

  void add_flags(Flags& flags);
  /// The options with their seed.
  GenerateOptions resolve() const;
};

/// A text of which there is one: a flag's value, a file, stdin, or the words left.
std::string take_text(const std::optional<std::string>& text, const std::string& file, Words& words,
                      std::string_view what);

}  // namespace heed
