// Chooses the next token from a row of logits. Used by the generation loop of Session.
// Reference: the order and the definitions are llama.cpp's: bias, penalties, top-k, top-p (Holtzman
// et al., 2020), min-p (Nguyen et al., 2024), then temperature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/kernels.h"
#include "heed_records.hpp"

namespace heed {

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers from the same seed on any machine.
class RandomNumbers {
 public:
  explicit RandomNumbers(uint64_t seed) noexcept : state_(seed) {}

  uint64_t next() noexcept {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1).
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

/// One answer's sampler: its settings, its random numbers, its scratch memory. sample() allocates
/// nothing and does not sort the vocabulary: its time grows with vocab, not vocab log vocab.
class Sampler {
 public:
  /// Throws Error(argument) naming the setting that is out of range.
  Sampler(const Sampling& sampling, int64_t vocab, const Kernels& kernels);

  /// The next token. `logits` is [vocab]; of `tokens`, all so far (the prompt's too), the penalties
  /// look at the last repeat_last_n; ids are in [0, vocab). NaN counts as impossible; equal logits
  /// count the smaller id as the likelier. Throws Error(format) where no token is possible.
  Token sample(std::span<const float> logits, std::span<const Token> tokens);

 private:
  struct Candidate {
    float logit;
    Token id;
  };
  struct Likelier {
    bool operator()(const Candidate& a, const Candidate& b) const noexcept {
      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
    }
  };

  void adjust(std::span<const Token> tokens) noexcept;
  void keep_top_k(std::span<const float> logits, float floor);
  void keep_nucleus(std::span<const float> logits, float max);
  Token draw(float max) noexcept;

  Sampling sampling_;
  RandomNumbers random_;
  int64_t (*argmax_)(const float* x, int64_t n);
  std::vector<float> adjusted_;        // [vocab] logits after bias and penalties; empty if unused
  std::vector<int32_t> counts_;        // [vocab] zero between calls; empty without penalties
  std::vector<Candidate> candidates_;  // what the cuts have left, in no order
  std::vector<double> weights_;        // of the candidates, while drawing
};

}  // namespace heed
