// SentencePiece's table of normalisations as Hugging Face `tokenizers` applies it ("Precompiled"),
// which differs from the library's own way in what wins where several entries match.
// Reference: sentencepiece's normalizer.h (the layout: size of a double array in bytes, its 32-bit
// units, then NUL-terminated replacements); the crate spm_precompiled (the rules).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/edited_text.h"

namespace heed {

class Charsmap {
 public:
  /// Throws Error(format), which begins with `name`, for a table that leads outside of itself.
  Charsmap(std::string_view table, std::string_view name);

  /// `source`, which must be valid UTF-8, normalised character by user-perceived character.
  EditedText normalize(std::string_view source, EditRules rules = {}) const;

 private:
  std::optional<std::string_view> find(std::string_view text) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace heed
