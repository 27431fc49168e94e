// Number and string literals of template code. Used by jinja_lexer.
// Reference: docs.python.org/3/reference/lexical_analysis.html#literals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace heed::jinja {

struct NumberLiteral {
  std::variant<int64_t, double> value;
  size_t size = 0;  ///< bytes it takes
};

/// The number `text` (which starts with a digit) starts with; an integer only unless
/// `may_be_real`, which it may not behind a dot (a.1.2). Throws Error(limit) if it is too large.
NumberLiteral read_number(std::string_view text, bool may_be_real);

/// The string literal `body` (what stands between the quotes), escapes resolved. Throws
/// Error(format) for a bad escape, Error(unsupported) for one by name.
std::string unescape(std::string_view body);

}  // namespace heed::jinja
