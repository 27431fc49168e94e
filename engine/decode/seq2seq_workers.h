// Many sources for several threads: each translates some of them on its own and waits for no other.
// A source's translation does not depend on which thread makes it. Used by the sessions of the API.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/decode/seq2seq.h"

namespace heed {

class Seq2SeqWorkers {
 public:
  /// options.batch sources are at work at once, on all threads together. What must outlive this,
  /// and errors: Seq2Seq.
  Seq2SeqWorkers(const ModelGraph& model, const Weights& weights, const Weights& memory_weights,
                 const Seq2SeqOptions& options);

  /// As Seq2Seq::translate(). `done` is called on the caller's thread.
  void translate(std::span<const Seq2Seq::Tokens> sources, std::span<const Token> prompt,
                 const Seq2Seq::Done& done);

  int64_t bytes() const;
  void set_cancel(const std::atomic<bool>* flag);

 private:
  using Found = std::pair<size_t, std::vector<BeamSearch::Result>>;

  bool hand_out(const Seq2Seq::Done& done);

  ThreadTeam team_;
  std::deque<Seq2Seq> workers_;  // [threads]
  std::mutex mutex_;             // of found_
  std::vector<Found> found_;     // what has not been handed out
  std::atomic<bool> stopped_ = false;
};

}  // namespace heed
