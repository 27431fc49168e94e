// What is done to a text before it is cut into words, as data: the steps that tokenizer.json calls
// normalizers. Used by TextTokenizer. Reference: Hugging Face `tokenizers`, module normalizers.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/text/charsmap.h"
#include "engine/text/edited_text.h"
#include "engine/text/normalize.h"
#include "engine/text/text_pattern.h"

namespace heed::normalizers {

struct Unicode {
  NormalForm form = NormalForm::c;
};
struct Lowercase {};
struct StripAccents {};  ///< removes all marks
struct Strip {           ///< white space at the ends of a text
  bool left = true;
  bool right = true;
};
struct Prepend {  ///< to a text that is not empty
  std::string text;
};
struct Replace {
  TextPattern pattern;
  std::string by;
};
struct Bert {
  bool clean_text = true;            ///< drops control characters; all white space becomes blanks
  bool separates_ideographs = true;  ///< a blank on either side of each
  bool strip_accents = true;
  bool lowercase = true;
};
struct Nmt {};             ///< drops control characters; some others become blanks
struct ByteCharacters {};  ///< each byte becomes a printable character: byte_alphabet.h

using Step = std::variant<Unicode, Lowercase, StripAccents, Strip, Prepend, Replace, Bert, Nmt,
                          ByteCharacters, Charsmap>;

/// What `step` makes of a text, which must be valid UTF-8.
EditedText apply(const Step& step, std::string_view text, EditRules rules = {});

/// Replaces the bytes `range` of `text`, one by one, by their printable characters.
void write_byte_characters(std::string_view text, ByteRange range, EditedText& edited);

}  // namespace heed::normalizers
