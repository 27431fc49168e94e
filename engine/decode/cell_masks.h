// Which cells of a shared key/value cache each hypothesis of a search sees. A cell holds the key
// and value of one token; hypotheses that begin alike share the cells of what they have in common.
// One goes on by taking over its parent's mask and one free cell: nothing is copied but bits.
// Used by engine/decode/seq2seq.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace heed {

class CellMasks {
 public:
  /// Room for `hypotheses` of up to `length` tokens each.
  CellMasks(int64_t hypotheses, int64_t length);

  /// Begins anew: one hypothesis, which sees the first `cells` cells.
  void start(int64_t cells);

  /// The next step's hypotheses, by the places their parents had in this one. Each takes the lowest
  /// cell that no hypothesis sees. Allocates nothing.
  void advance(std::span<const int32_t> parents);

  /// The cell that the hypothesis has taken: for its last token.
  int32_t cell(size_t hypothesis) const { return cells_[hypothesis]; }
  /// Bit i % 16 of word i / 16: it sees cell i. Valid until the next step.
  const uint16_t* mask(size_t hypothesis) const { return current_.data() + hypothesis * words_; }
  /// One more than the greatest cell that any hypothesis sees.
  int64_t used() const { return used_; }
  /// Cells there are.
  int64_t cells() const { return static_cast<int64_t>(words_) * kBits; }

 private:
  static constexpr int64_t kBits = 16;

  size_t words_;
  std::vector<uint16_t> current_;  // [hypotheses, words]
  std::vector<uint16_t> next_;
  std::vector<uint16_t> taken_;  // [words] cells that some hypothesis sees
  std::vector<int32_t> cells_;   // [hypotheses]
  int64_t used_ = 0;
};

}  // namespace heed
