// A prefix tree over bytes, for "the known pieces that begin here" in one walk. Used by the models
// that look pieces up. Its edges lie in one hash map: (node, byte) -> node.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/text/flat_map.h"

namespace heed {

class ByteTrie {
 public:
  struct Match {
    int32_t value;
    size_t size;  ///< bytes
  };

  /// Of equal keys the first one added counts. Values are not negative.
  void add(std::string_view key, int32_t value) {
    uint32_t node = 0;
    for (const char byte : key) {
      const auto fresh = static_cast<uint32_t>(values_.size());
      node = edges_.insert(edge(node, byte), fresh);
      if (node == fresh) values_.push_back(kNoValue);
    }
    if (values_[node] == kNoValue) values_[node] = value;
  }

  /// Calls on_match(match) for each key, of one byte or more, that `text` begins with, the shortest
  /// one first.
  void for_each_prefix(std::string_view text, const auto& on_match) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = edges_.find(edge(node, text[i]));
      if (node == FlatMap::kNone) break;
      if (values_[node] != kNoValue) on_match(Match{values_[node], i + 1});
    }
  }

  /// The longest key, of one byte or more, that `text` begins with.
  std::optional<Match> longest_prefix(std::string_view text) const {
    std::optional<Match> longest;
    for_each_prefix(text, [&](Match match) { longest = match; });
    return longest;
  }

  /// The value of `text`, which is not empty.
  std::optional<int32_t> find(std::string_view text) const {
    const auto longest = longest_prefix(text);
    if (!longest || longest->size != text.size()) return std::nullopt;
    return longest->value;
  }

 private:
  static constexpr int32_t kNoValue = -1;

  static uint64_t edge(uint32_t node, char byte) {
    return static_cast<uint64_t>(node) << 8 | static_cast<uint8_t>(byte);
  }

  FlatMap edges_;
  std::vector<int32_t> values_ = {kNoValue};  ///< one for each node; node 0 is the root
};

}  // namespace heed
