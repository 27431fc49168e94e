// The models that look words up, or cut them into pieces of a vocabulary: WordPiece, whole words,
// Unigram. Used for tokenizer.json's models of these names, and GGUF's "bert" vocabularies.
// References: Devlin et al. 2019 (arXiv 1810.04805); Kudo 2018 (arXiv 1804.10959); Hugging Face
// `tokenizers`, module models.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/byte_trie.h"
#include "engine/text/subword.h"

namespace heed {

/// The longest pieces from a word's start on; a word that cannot be made of pieces is unknown.
struct WordPieceVocabulary {
  ByteTrie starts, continuations;  ///< what a word may begin with, and go on with
  Token unknown = 0;
  size_t max_characters = 100;  ///< longer words are unknown
};
std::unique_ptr<const WordModel> make_word_piece_model(WordPieceVocabulary vocabulary);

/// Words that are tokens; the others are unknown, or left out if nothing stands for them.
struct WordLevelVocabulary {
  ByteTrie words;
  std::optional<Token> unknown = {};
};
std::unique_ptr<const WordModel> make_word_level_model(WordLevelVocabulary vocabulary);

/// The most probable pieces, by the sum of their scores.
struct UnigramVocabulary {
  std::vector<std::pair<std::string, double>> pieces;  ///< by id
  std::optional<Token> unknown = {};  ///< nothing: what is not made of pieces is an error
  bool byte_fallback = false;         ///< what is unknown becomes bytes such as <0x0A>
};
std::unique_ptr<const WordModel> make_unigram_model(const UnigramVocabulary& vocabulary);

}  // namespace heed
