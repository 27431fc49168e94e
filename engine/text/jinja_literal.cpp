// Reading number and string literals.
#include "engine/text/jinja_literal.h"

#include <charconv>

#include "engine/core/error.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

bool is_digit_of(char c, int base) {
  const int value = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : 99;
  return value < base;
}

// End of the digits from `at` on, single underscores between them allowed; `at` if there are none.
size_t end_of_digits(std::string_view text, size_t at, int base) {
  size_t end = at;
  while (end < text.size()) {
    if (is_digit_of(text[end], base)) {
      ++end;
    } else if (text[end] == '_' && end > at && end + 1 < text.size() &&
               is_digit_of(text[end + 1], base)) {
      end += 2;
    } else {
      break;
    }
  }
  return end;
}

// End of the fraction and exponent behind the whole part that ends at `at`; `at` if there are none.
size_t end_of_real(std::string_view text, size_t at) {
  size_t end = at;
  if (end < text.size() && text[end] == '.') {
    const size_t fraction = end_of_digits(text, end + 1, 10);
    if (fraction > end + 1) end = fraction;
  }
  if (end < text.size() && (text[end] | 32) == 'e') {
    size_t digits = end + 1;
    if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
    const size_t exponent = end_of_digits(text, digits, 10);
    if (exponent > digits) end = exponent;
  }
  return end;
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

template <typename Number, typename... Format>
NumberLiteral parsed(std::string_view text, size_t prefix, size_t end, Format... format) {
  const std::string digits = without_underscores(text.substr(prefix, end - prefix));
  Number value = 0;
  const auto result =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, format...);
  if (result.ec != std::errc())
    fail(Error::Code::limit, "the number ", text.substr(0, end), " is too large");
  return {.value = value, .size = end};
}

NumberLiteral read_integer(std::string_view text) {
  if (text[0] == '0') {
    const char letter = text.size() > 1 ? static_cast<char>(text[1] | 32) : '\0';
    const int base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
    const size_t start = base && text.size() > 2 && text[2] == '_' ? 3 : 2;
    const size_t end = base ? end_of_digits(text, start, base) : 0;
    if (end > start) return parsed<int64_t>(text, start, end, base);
    size_t zeros = 1;
    while (zeros < text.size() && text[zeros] == '0') ++zeros;
    return {.value = int64_t{0}, .size = zeros};
  }
  return parsed<int64_t>(text, 0, end_of_digits(text, 0, 10), 10);
}

// What Python sees of a string before it resolves escapes: a backslash before a character outside
// ASCII stays, and the character becomes the letters of its own escape.
std::string ascii_escape(char32_t c) {
  char buffer[16];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<uint32_t>(c), 16).ptr;
  const std::string digits(buffer, end);
  const size_t width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  const char letter = c < 0x100 ? 'x' : c < 0x10000 ? 'u' : 'U';
  return letter + std::string(width - digits.size(), '0') + digits;
}

// The number of digits of a numeric escape with this letter.
size_t escape_digits(char letter) {
  return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
}

void append_numeric(std::string_view digits, size_t wanted, int base, std::string& value) {
  uint32_t code = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
  if (digits.size() != wanted || result.ec != std::errc() || result.ptr != digits.end()) {
    fail(Error::Code::format, "a string has an incomplete \\x, \\u or \\U escape");
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    fail(Error::Code::format, "a string has a \\u or \\U escape that is no Unicode character");
  }
  append_utf8(value, code);
}

// The escape at `at`, behind its backslash; `at` moves behind it.
void append_escape(std::string_view body, size_t& at, std::string& value) {
  static constexpr std::string_view kLetters = "\n\\'\"abfnrtv";
  static constexpr std::string_view kValues[] = {"",   "\\", "'",  "\"", "\a", "\b",
                                                 "\f", "\n", "\r", "\t", "\v"};
  const char c = body[at];
  if (const size_t known = kLetters.find(c); known != kLetters.npos) {
    value += kValues[known];
    ++at;
  } else if (is_digit_of(c, 8)) {
    size_t end = at;
    while (end < body.size() && end < at + 3 && is_digit_of(body[end], 8)) ++end;
    const size_t size = end - at;
    at = end;
    append_numeric(body.substr(end - size, size), size, 8, value);
  } else if (const size_t digits = escape_digits(c)) {
    const std::string_view number = body.substr(at + 1, digits);
    at += 1 + number.size();
    append_numeric(number, digits, 16, value);
  } else if (c == 'N') {
    fail(Error::Code::unsupported, "the escape \\N{...} in a string is not supported");
  } else {
    value += '\\';
    const size_t start = at;
    const char32_t character = next_code_point(body, at);
    value += character < 0x80 ? std::string(body.substr(start, 1)) : ascii_escape(character);
  }
}

}  // namespace

NumberLiteral read_number(std::string_view text, bool may_be_real) {
  const size_t whole = end_of_digits(text, 0, 10);
  const size_t end = may_be_real ? end_of_real(text, whole) : whole;
  if (end == whole) return read_integer(text);
  return parsed<double>(text, 0, end);
}

std::string unescape(std::string_view body) {
  std::string value;
  for (size_t at = 0; at < body.size();) {
    if (body[at] == '\\') {
      append_escape(body, ++at, value);
    } else {
      value += body[at++];
    }
  }
  return value;
}

}  // namespace heed::jinja
