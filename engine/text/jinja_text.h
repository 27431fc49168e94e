// Python's str operations on UTF-8 text, counting in code points. Used by the jinja_* files.
// Reference: docs.python.org/3/library/stdtypes.html#string-methods. All text here is valid UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heed::jinja {

bool is_valid_utf8(std::string_view text);
/// The code point at byte `position`, which moves behind it.
char32_t next_code_point(std::string_view text, size_t& position);
/// Where the code point starts that ends at byte `end` (not 0).
size_t previous_start(std::string_view text, size_t end);
void append_utf8(std::string& out, char32_t code_point);
size_t code_points(std::string_view text);
/// Byte offset of the code point number `index`; the text's size if there are fewer.
size_t byte_offset(std::string_view text, size_t index);

bool is_space(char32_t c);         ///< str.isspace()
bool is_cased(char32_t c);         ///< has an upper or lower case
bool is_upper(char32_t c);         ///< str.isupper() of one character
bool is_lower(char32_t c);         ///< str.islower() of one character
bool is_alpha(char32_t c);         ///< str.isalpha()
bool is_decimal(char32_t c);       ///< str.isdecimal()
bool is_other_number(char32_t c);  ///< a fraction, superscript, Roman numeral ...
bool is_printable(char32_t c);     ///< str.isprintable(): what repr() leaves as it is

enum class Side { left, right, both };
/// strip(): without the white space, or the characters of `chars`, at its ends.
std::string_view strip(std::string_view text, Side side = Side::both,
                       std::optional<std::string_view> chars = std::nullopt);

/// split() and rsplit(): on `separator` (not empty), or on white space when there is none. At most
/// `max` cuts unless it is negative, counted from the left or the right. Throws Error(limit), as
/// split_lines does, for too many parts.
std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, int64_t max,
                                    Side from);
/// splitlines(): the ends of lines are dropped, or kept.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);        ///< str.title()
std::string to_capitalized(std::string_view text);  ///< str.capitalize()

bool is_upper_text(std::string_view text);  ///< str.isupper()
bool is_lower_text(std::string_view text);  ///< str.islower()

}  // namespace heed::jinja
