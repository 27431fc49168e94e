// A hash map from 64-bit keys to 32-bit values, filled once and then only read: one array, linear
// probing. The tokenizers' inner loops live in it (a BPE merge is one look-up a pair of tokens).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heed {

class FlatMap {
 public:
  static constexpr uint64_t kNoKey = ~uint64_t{0};  ///< the one key that cannot be stored
  static constexpr uint32_t kNone = ~uint32_t{0};   ///< "not there"

  explicit FlatMap(size_t expected = 0) : slots_(std::bit_ceil(2 * expected + 1)) {}

  /// The value of `key`, or kNone.
  uint32_t find(uint64_t key) const {
    for (size_t i = home(key);; i = (i + 1) & mask()) {
      if (slots_[i].key == key) return slots_[i].value;
      if (slots_[i].key == kNoKey) return kNone;
    }
  }

  /// Stores `value` unless `key` is there already; returns the value that is there now.
  uint32_t insert(uint64_t key, uint32_t value) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    size_t i = home(key);
    while (slots_[i].key != key) {
      if (slots_[i].key == kNoKey) {
        slots_[i] = {key, value};
        ++size_;
        break;
      }
      i = (i + 1) & mask();
    }
    return slots_[i].value;
  }

 private:
  struct Slot {
    uint64_t key = kNoKey;
    uint32_t value = kNone;
  };

  size_t mask() const { return slots_.size() - 1; }
  size_t home(uint64_t key) const {
    key *= 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio: spreads neighbouring ids
    return (key ^ key >> 32) & mask();
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key == kNoKey) continue;
      size_t i = home(slot.key);
      while (slots_[i].key != kNoKey) i = (i + 1) & mask();
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;  ///< a power of two of them, never more than half full
  size_t size_ = 0;
};

}  // namespace heed
