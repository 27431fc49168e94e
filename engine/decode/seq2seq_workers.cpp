#include "engine/decode/seq2seq_workers.h"

namespace heed {
namespace {

Seq2SeqOptions one_threads_share(Seq2SeqOptions options) {
  options.batch = (options.batch + options.threads - 1) / options.threads;
  options.threads = 1;
  return options;
}

}  // namespace

Seq2SeqWorkers::Seq2SeqWorkers(const ModelGraph& model, const Weights& weights,
                               const Weights& memory_weights, const Seq2SeqOptions& options)
    : team_(options.threads) {
  const Seq2SeqOptions share = one_threads_share(options);
  for (int i = 0; i < options.threads; ++i) {
    workers_.emplace_back(model, weights, memory_weights, share);
  }
}

int64_t Seq2SeqWorkers::bytes() const {
  int64_t bytes = 0;
  for (const Seq2Seq& worker : workers_) bytes += worker.bytes();
  return bytes;
}

void Seq2SeqWorkers::set_cancel(const std::atomic<bool>* flag) {
  for (Seq2Seq& worker : workers_) worker.set_cancel(flag);
}

/// Whether `done` wants more.
bool Seq2SeqWorkers::hand_out(const Seq2Seq::Done& done) {
  std::vector<Found> found;
  {
    const std::scoped_lock lock(mutex_);
    found.swap(found_);
  }
  for (auto& [index, results] : found) {
    if (!done(index, std::move(results))) return false;
  }
  return true;
}

void Seq2SeqWorkers::translate(std::span<const Seq2Seq::Tokens> sources,
                               std::span<const Token> prompt, const Seq2Seq::Done& done) {
  SourceQueue queue(sources);
  found_.clear();
  stopped_ = false;
  team_.run([&](int thread) {
    const auto keep = [&](size_t index, std::vector<BeamSearch::Result> results) {
      {
        const std::scoped_lock lock(mutex_);
        found_.emplace_back(index, std::move(results));
      }
      if (thread == 0 && !hand_out(done)) stopped_ = true;
      return !stopped_ && !team_.failed();
    };
    workers_[static_cast<size_t>(thread)].translate(queue, prompt, keep);
  });
  if (!stopped_) hand_out(done);
}

}  // namespace heed
