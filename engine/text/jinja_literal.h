// Number and string literals of template code. Used by jinja_lexer.
// Reference: docs.python.org/3/reference/lexical_analysis.html#literals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace heed::jinja {

struct NumberLiteral {
  std::variant<std::monostate, int64_t, double> value;
  size_t size = 0;      ///< bytes it takes
  std::string why_not;  ///< why it cannot be read; else empty
};

/// The number `text` (which starts with a digit) starts with; an integer only unless
/// `may_be_real`, which it may not behind a dot (a.1.2).
NumberLiteral read_number(std::string_view text, bool may_be_real);

/// Appends the string literal `body` (what stands between the quotes) to `value`, escapes resolved.
/// Returns why that is impossible, else nothing.
std::string unescape(std::string_view body, std::string& value);

}  // namespace heed::jinja
