// One step by itself, for the tests of layers: rows of floats to read and write, a pass, and
// scratch whose end is guarded.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/layers/linear.h"
#include "engine/layers/pass.h"
#include "tests/kernels/matrices.h"

namespace heed {

inline std::vector<float> random_values(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

class StepBench {
 public:
  /// A pass of one sequence of `rows` tokens, numbered from 0.
  explicit StepBench(int64_t rows, const Kernels& kernels = heed::kernels(Isa::scalar))
      : arena_(kArenaBytes), kernels_(kernels), tokens_(rows), positions_(rows) {
    std::iota(tokens_.begin(), tokens_.end(), 0);
    std::iota(positions_.begin(), positions_.end(), 0);
    set_sequences({rows});
    pass.tokens = tokens_;
    pass.positions = positions_;
  }

  /// Rows of the arena that hold `values`.
  Buffer buffer(int64_t width, const std::vector<float>& values) {
    const Buffer made{.offset = take(static_cast<int64_t>(values.size() * sizeof(float))),
                      .width = width};
    std::ranges::copy(values, at(made));
    return made;
  }
  Buffer buffer(int64_t width, float fill = -77) {
    return buffer(width, std::vector<float>(static_cast<size_t>(width * pass.rows()), fill));
  }
  int64_t take(int64_t bytes) {
    const int64_t offset = used_;
    used_ += ScratchSplitter::padded(bytes);
    REQUIRE(used_ <= kArenaBytes);
    return offset;
  }
  std::vector<float> values(const Buffer& buffer, int64_t rows) {
    return {at(buffer), at(buffer) + rows * buffer.width};
  }
  std::vector<float> values(const Buffer& buffer) { return values(buffer, pass.rows()); }

  void set_tokens(std::vector<Token> tokens) {
    tokens_ = std::move(tokens);
    pass.tokens = tokens_;
  }
  /// Sequences of so many rows each; their positions count from `first`.
  void set_sequences(const std::vector<int64_t>& lengths, const KvView* cache = nullptr,
                     int32_t first = 0) {
    sequences_.clear();
    int64_t row = 0;
    for (const int64_t length : lengths) {
      sequences_.push_back({.first_row = row, .rows = length, .cache = cache});
      for (int64_t i = 0; i < length; ++i) positions_[row++] = first + static_cast<int32_t>(i);
    }
    pass.sequences = sequences_;
  }
  /// A memory for each sequence, and how many tokens it holds.
  void set_memory(const std::vector<const KvView*>& memories, const std::vector<int64_t>& tokens) {
    for (size_t i = 0; i < sequences_.size(); ++i) {
      sequences_[i].memory = memories[i];
      sequences_[i].memory_tokens = tokens[i];
    }
  }
  /// The first `used` cells of each sequence are spoken of by `visible`.
  void set_cells(const std::vector<int32_t>& cells, const std::vector<const uint16_t*>& visible,
                 int64_t used) {
    pass.cells = cells;
    pass.visible = visible;
    for (SequenceRows& sequence : sequences_) sequence.used_cells = used;
  }
  void set_wanted(std::vector<int64_t> wanted) {
    wanted_ = std::move(wanted);
    pass.wanted = wanted_;
  }

  /// Runs a step with `threads` threads of `scratch_bytes` each.
  template <typename S>
  void run(const S& step, int64_t scratch_bytes, int threads = 2) {
    constexpr int64_t kGuard = 4096;
    constexpr auto kCanary = std::byte{0x5a};
    ThreadTeam team(threads);
    const int64_t bytes = ScratchSplitter::padded(scratch_bytes);
    const AlignedBytes scratch(threads * bytes + kGuard);
    std::fill_n(scratch.data(), threads * bytes + kGuard, kCanary);
    const Run run{.pass = pass,
                  .kernels = kernels_,
                  .team = team,
                  .arena = arena_.data(),
                  .scratch = scratch.data(),
                  .scratch_bytes = bytes};
    team.run([&](int thread) { step.run(run, thread); });
    CHECK(std::all_of(scratch.data() + threads * bytes, scratch.data() + threads * bytes + kGuard,
                      [](std::byte b) { return b == kCanary; }));
  }

  Pass pass;

 private:
  static constexpr int64_t kArenaBytes = 1 << 20;

  float* at(const Buffer& buffer) {
    return reinterpret_cast<float*>(arena_.data() + buffer.offset);
  }

  AlignedBytes arena_;
  int64_t used_ = 0;
  const Kernels& kernels_;
  std::vector<Token> tokens_;
  std::vector<int32_t> positions_;
  std::vector<SequenceRows> sequences_;
  std::vector<int64_t> wanted_;
};

}  // namespace heed
