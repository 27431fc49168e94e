// The named ways in which byte-level BPE cuts a text into words before it merges within them.
// Names as in GGUF's tokenizer.ggml.pre.
#pragma once

#include <span>
#include <string_view>

namespace heed {

struct PreTokenizer {
  std::string_view name;
  std::string_view pattern;  ///< a regular expression; each match is a word, as is text between
  bool nfc = false;          ///< the text is brought into Unicode's normal form C first
  /// A word that is a token as a whole becomes that token, whatever the merges would make of it.
  bool ignore_merges = false;
  bool add_bos = false;  ///< unless the file says otherwise
};

/// All that have a name.
std::span<const PreTokenizer> known_pre_tokenizers();

/// The pre-tokenizer called `name` (empty: "default"). Throws Error(unsupported) for any other
/// name, listing those known.
const PreTokenizer& pre_tokenizer(std::string_view name);

}  // namespace heed
