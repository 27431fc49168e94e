#include "engine/decode/cell_masks.h"

#include <algorithm>
#include <bit>

namespace heed {

CellMasks::CellMasks(int64_t hypotheses, int64_t length)
    : words_(static_cast<size_t>((hypotheses * length + kBits - 1) / kBits)),
      current_(static_cast<size_t>(hypotheses) * words_),
      next_(current_.size()),
      taken_(words_),
      cells_(static_cast<size_t>(hypotheses)) {}

void CellMasks::start(int64_t cells) {
  std::fill_n(current_.begin(), words_, uint16_t{0});
  for (int64_t cell = 0; cell < cells; ++cell) {
    current_[static_cast<size_t>(cell / kBits)] |= static_cast<uint16_t>(1 << cell % kBits);
  }
  used_ = cells;
}

void CellMasks::advance(std::span<const int32_t> parents) {
  std::ranges::fill(taken_, uint16_t{0});
  for (size_t i = 0; i < parents.size(); ++i) {
    const uint16_t* from = mask(static_cast<size_t>(parents[i]));
    uint16_t* to = next_.data() + i * words_;
    for (size_t w = 0; w < words_; ++w) {
      to[w] = from[w];
      taken_[w] |= from[w];
    }
  }
  size_t word = 0;
  for (size_t i = 0; i < parents.size(); ++i) {
    while (taken_[word] == 0xffff) ++word;
    const int bit = std::countr_one(taken_[word]);
    const auto flag = static_cast<uint16_t>(1 << bit);
    taken_[word] |= flag;
    next_[i * words_ + word] |= flag;
    cells_[i] = static_cast<int32_t>(static_cast<int64_t>(word) * kBits + bit);
  }
  current_.swap(next_);
  size_t last = words_;
  while (last > 0 && taken_[last - 1] == 0) --last;
  used_ = last == 0 ? 0 : static_cast<int64_t>(last) * kBits - std::countl_zero(taken_[last - 1]);
}

}  // namespace heed
