// Byte-pair encoding within words, whatever cut them out. Used for GGUF's "gpt2" vocabularies and
// for tokenizer.json's BPE.
// Reference: Sennrich et al. 2016 (arXiv 1508.07909); Hugging Face `tokenizers`, module
// models::bpe.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/subword.h"

namespace heed {

struct BytePairRules {
  bool bytes = false;          ///< merging begins with single bytes, else with single characters
  bool ignore_merges = false;  ///< a word that is a token as a whole becomes that token
  bool byte_fallback = false;  ///< characters that are no tokens become bytes such as <0x0A>
  bool fuse_unknown = false;   ///< unknown characters in a row are one unknown token
  std::optional<Token> unknown = {};   ///< nothing: unknown characters are left out
  std::string continuing_prefix = {};  ///< of the first token of each character but a word's first
  std::string word_suffix = {};        ///< of the first token of a word's last character
};

struct BytePairVocabulary {
  /// By id, as the merges have them, and as words have them: the same, or for `bytes` the bytes.
  std::span<const std::string> written, texts;
  std::span<const Token> tokens;  ///< those that words are made of
  std::vector<std::pair<std::string_view, std::string_view>> merges;  ///< the first one goes first
};

/// Throws Error(format) for a merge of what are no tokens, or into what is none.
std::unique_ptr<const WordModel> make_byte_pair_model(const BytePairVocabulary& vocabulary,
                                                      BytePairRules rules);

}  // namespace heed
