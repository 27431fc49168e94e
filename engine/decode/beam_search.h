// The search for the likeliest sequences of one sentence, step by step: the caller computes logits,
// the search says which hypotheses go on. Knows no model. Used by engine/decode/seq2seq.
// Reference: generate() of Hugging Face's transformers 5, which it follows rule by rule: _sample
// (greedy, for one beam), _beam_search, and the processors of logits_process.py.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/kernels/kernels.h"
#include "heed_types.hpp"

namespace heed {

/// Lengths count all tokens of a hypothesis: the prompt's too.
struct SearchOptions {
  int64_t beams = 1;  ///< 1: greedy
  int64_t min_length = 0;
  int64_t max_length = 512;   ///< a hypothesis of that many tokens ends
  double length_penalty = 1;  ///< score = sum of log-probabilities / new tokens ^ length_penalty
  EarlyStopping early_stopping = EarlyStopping::no;
  int64_t no_repeat_ngram = 0;  ///< no n tokens in a row come twice; 0: they may
  Token eos = 0;
  std::optional<Token> forced_bos;  ///< follows a prompt of one token
  std::optional<Token> forced_eos;  ///< the token at max_length
  std::vector<Token> forbidden;
  /// Forbidding a token makes the others likelier, so that probabilities sum to 1 again.
  bool renormalize = false;

  bool operator==(const SearchOptions&) const = default;
};

class BeamSearch {
 public:
  /// A hypothesis that goes on. They are ordered by score, best first.
  struct Live {
    int32_t parent = 0;  ///< its place in live() before the last step
    Token token = 0;     ///< its last
    float score = 0;     ///< sum of log-probabilities
    int32_t node = 0;
  };
  struct Result {
    std::vector<Token> tokens;  ///< the prompt and what follows, with the end token if there is one
    float score = 0;
  };

  /// Throws Error(argument) naming the option that is out of range. All memory is taken here.
  BeamSearch(SearchOptions options, int64_t vocab, const Kernels& kernels);

  /// Begins anew with one hypothesis. Throws Error(limit) where a prompt (a start token and a
  /// forced prefix) leaves no room in max_length, Error(argument) for no tokens or ids out of
  /// range.
  void start(std::span<const Token> prompt);

  std::span<const Live> live() const { return live_; }
  /// Tokens of each live hypothesis.
  int64_t length() const { return length_; }

  /// One step: logits [live, vocab] of each live hypothesis's next token, which are overwritten.
  /// Throws Error(format) where they are no numbers. Allocates nothing.
  void advance(std::span<float> logits);

  bool done() const { return done_; }

  /// What has ended, best first: `beams` of them, or fewer where no more are possible.
  std::vector<Result> results() const;

 private:
  struct Candidate {
    int32_t row = 0;  // in live_
    Token token = 0;
    float score = 0;
  };
  struct Node {
    int32_t parent = -1;
    Token token = 0;
  };
  struct Finished {
    int32_t node = 0;
    float score = 0;
  };

  std::optional<Token> forced_token() const;
  void gather(int32_t row, std::span<float> logits);
  void forbid(int32_t row, std::span<float> logits);
  void forbid_repeats(int32_t row, std::span<float> logits);
  void take_away(Token token, std::span<float> logits);
  Token best_of(size_t block, std::span<const float> logits) const;
  size_t most_candidates() const;
  bool is_wanted(float score) const;
  void offer(const Candidate& candidate);
  void choose();
  int32_t add_node(int32_t parent, Token token);
  void finish(int32_t node, float sum);
  bool has_ended() const;
  float normalised(float sum, int64_t length) const;

  SearchOptions options_;
  int64_t vocab_;
  const Kernels& kernels_;
  size_t beams_;
  int64_t prompt_ = 0;  // tokens
  int64_t length_ = 0;
  bool done_ = true;
  std::vector<Live> live_;
  std::vector<Live> next_;
  std::vector<Candidate> candidates_;  // best first
  std::vector<Finished> finished_;     // best first
  std::vector<Node> nodes_;            // every hypothesis is a path to the root
  std::vector<Token> history_;         // of one hypothesis
  std::vector<float> block_best_;      // [blocks of a row of logits]: the largest of each
};

}  // namespace heed
