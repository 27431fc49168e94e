// Reading and writing UTF-8 a character at a time. Used by every tokenizer and by streaming output.
// Reference: the Unicode Standard, section 3.9, table 3-7 (well-formed byte sequences).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace heed {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

/// One character read from bytes that need not be UTF-8.
struct Utf8Char {
  enum class Status : uint8_t {
    valid,
    invalid,    ///< `length` bytes (a maximal subpart) that no continuation could make valid
    truncated,  ///< the text ends inside a character that is well-formed so far
  };
  char32_t code = 0;  ///< meaningful for valid characters only
  uint8_t length = 0;
  Status status = Status::valid;
};

/// Reads the character that starts at `text[pos]`; `pos` must be less than the size.
Utf8Char read_utf8(std::string_view text, size_t pos);

/// The length of the character that starts with `lead`, in text known to be valid.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

void append_utf8(char32_t code, std::string& out);

}  // namespace heed
