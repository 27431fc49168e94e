// How a text is cut into words before a model looks at them, as data: the steps that tokenizer.json
// calls pre_tokenizers, in fewer and simpler ones. Used by the models that work word by word.
// Reference: Hugging Face `tokenizers`, modules pre_tokenizers and tokenizer::normalizer.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "engine/text/text_pattern.h"
#include "engine/text/word_list.h"

namespace heed::pre_tokenizers {

/// What becomes of the places that a word is cut at.
enum class Behaviour {
  removed,
  isolated,              ///< each is a word
  merged_with_previous,  ///< the part before it has it at its end
  merged_with_next,
  contiguous,  ///< those in a row are one word
};

struct Split {
  TextPattern pattern;
  Behaviour behaviour = Behaviour::isolated;
  bool invert = false;  ///< cut at what does not match
};

/// Cuts at each character of a kind.
struct CharacterSplit {
  bool (*is_cut)(char32_t) = nullptr;
  Behaviour behaviour = Behaviour::isolated;
};

/// Puts `text` before words that do not begin with it.
struct Prefix {
  std::string text;
  bool only_first = false;  ///< before the one that the whole text begins with
};

struct Substitute {
  std::string from, to;
};

/// Each byte becomes a printable character: byte_alphabet.h.
struct ByteCharacters {};

/// Words of so many characters; the last may be shorter.
struct FixedLength {
  size_t characters = 1;
};

using Step = std::variant<Split, CharacterSplit, Prefix, Substitute, ByteCharacters, FixedLength>;

void apply(const Step& step, WordList& words);

/// BERT's: words between white space, and each punctuation mark by itself.
std::vector<Step> bert_words();

}  // namespace heed::pre_tokenizers
