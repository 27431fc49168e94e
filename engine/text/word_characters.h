// What tokenizers take characters for when they clean and cut a text, and their simpler forms.
// Reference: Devlin et al. 2019 (arXiv 1810.04805), as Hugging Face `tokenizers` does it, by
// Unicode 8: marks and punctuation of later versions are nothing special.
#pragma once

#include <array>
#include <span>

namespace heed {

/// A blank, tab, line end or separator.
bool is_white_space(char32_t code);

/// White_Space as Unicode has it, and so Rust's char::is_whitespace.
bool is_unicode_space(char32_t code);

/// Control and format characters, U+0000 and U+FFFD: they vanish from the text.
bool is_dropped(char32_t code);

bool is_punctuation(char32_t code);

/// Ideographs of Chinese, each of which is a word of its own.
bool is_ideograph(char32_t code);

/// An accent or the like, which takes no room of its own.
bool is_nonspacing_mark(char32_t code);

/// A mark of any kind, as Unicode 8 has them.
bool is_mark(char32_t code);

/// A digit, fraction, Roman numeral or the like, in any script.
bool is_numeric(char32_t code);

/// What words are made of to regular expressions (\w): letters, marks, digits, connectors.
bool is_word_character(char32_t code);

/// The characters that `code` is composed of, by canonical decomposition (Hangul included), in
/// `buffer`.
std::span<const char32_t> decompose(char32_t code, std::array<char32_t, 4>& buffer);

char32_t to_lower(char32_t code);

}  // namespace heed
