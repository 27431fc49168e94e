// Finds tokens by their texts. Used while the merges of a vocabulary are read, and to look up whole
// words; a fifth of the time that std::unordered_map takes.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed_types.hpp"

namespace heed {

class TokenIndex {
 public:
  /// `texts`, in the order of ids, must outlive this object, unmoved.
  explicit TokenIndex(std::span<const std::string> texts)
      : texts_(texts), slots_(std::bit_ceil(2 * texts.size() + 1)) {}

  /// Makes `token` found. Of equal texts the first one added counts.
  void add(Token token) {
    const std::string_view text = texts_[static_cast<size_t>(token)];
    const Place place = find_place(text);
    if (slots_[place.slot].token == kNone) slots_[place.slot] = {place.tag, token};
  }

  std::optional<Token> find(std::string_view text) const {
    const Token token = slots_[find_place(text).slot].token;
    if (token == kNone) return std::nullopt;
    return token;
  }

 private:
  static constexpr Token kNone = -1;

  /// Eight bytes, so that the slots of a vocabulary of 100,000 tokens stay in a core's own cache.
  struct Slot {
    /// The upper half of the text's hash: other texts seldom need to be looked at.
    uint32_t tag = 0;
    Token token = kNone;
  };
  struct Place {
    size_t slot;
    uint32_t tag;
  };

  /// The slot that `text` has, or the empty one that it could take: slots are never full, since
  /// there are twice as many as texts.
  Place find_place(std::string_view text) const {
    const uint64_t hash = std::hash<std::string_view>()(text);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.token == kNone) return {i, tag};
      if (slot.tag == tag && texts_[static_cast<size_t>(slot.token)] == text) return {i, tag};
    }
  }

  std::span<const std::string> texts_;
  std::vector<Slot> slots_;  ///< a power of two of them, filled by linear probing
};

}  // namespace heed
