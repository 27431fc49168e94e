// Finds tokens by their texts. Used while the merges of a vocabulary are read, and to look up whole
// words; a third of the time that std::unordered_map takes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/text/flat_map.h"
#include "heed_types.hpp"

namespace heed {

class TokenIndex {
 public:
  /// `texts`, in the order of ids, must outlive this object, unmoved.
  explicit TokenIndex(std::span<const std::string> texts) : texts_(texts), ids_(texts.size()) {}

  /// Makes `token` found. Of equal texts the first one added counts.
  void add(Token token) {
    ids_.insert(hash(texts_[static_cast<size_t>(token)]), static_cast<uint32_t>(token));
  }

  std::optional<Token> find(std::string_view text) const {
    const uint32_t id = ids_.find(hash(text));
    if (id == FlatMap::kNone || texts_[id] != text) return std::nullopt;
    return static_cast<Token>(id);
  }

 private:
  /// Two texts of the same hash would hide one another; in 64 bits none do but by design.
  static uint64_t hash(std::string_view text) {
    return std::hash<std::string_view>()(text) & ~uint64_t{1};  // never FlatMap::kNoKey
  }

  std::span<const std::string> texts_;
  FlatMap ids_;
};

}  // namespace heed
