// Finds tokens that stand for themselves ("<|im_start|>") in a text before it is cut into words.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/edited_text.h"
#include "engine/text/tokenizer_spec.h"

namespace heed {

class SpecialTokens {
 public:
  struct Match {
    Token token;
    ByteRange range;
  };

  /// `text` must be nonempty and outlive this object. Of equal texts the first one added counts.
  void add(std::string_view text, Token token);
  /// To be called once, after the last add().
  void finish();

  /// The leftmost token at or after byte `from` of `text`, and of those there the longest.
  std::optional<Match> find(std::string_view text, size_t from) const;

 private:
  using Entry = std::pair<std::string_view, Token>;

  const Entry* longest_at(std::string_view text) const;

  std::vector<Entry> entries_;      ///< in the order of their texts
  std::array<bool, 256> starts_{};  ///< whether any of them begins with this byte
};

}  // namespace heed
