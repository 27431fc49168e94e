// Finds tokens that stand for themselves ("<|im_start|>") in a text before it is cut into words.
// Reference: Hugging Face `tokenizers`, added_vocabulary (single_word, lstrip and rstrip).
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/text/edited_text.h"
#include "engine/text/subword.h"

namespace heed {

class SpecialTokens {
 public:
  struct Match {
    Token token;
    ByteRange range;
  };

  /// The token's text must not be empty. Of equal texts the first one added counts.
  void add(AddedToken token);
  /// To be called once, after the last add().
  void finish();

  /// The leftmost token at or after byte `from` of `text`, and of those there the longest. White
  /// space around it that it takes belongs to its range.
  std::optional<Match> find(std::string_view text, size_t from) const;

 private:
  const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> entries_;  ///< in the order of their texts
  std::array<bool, 256> starts_{};   ///< whether any of them begins with this byte
};

}  // namespace heed
