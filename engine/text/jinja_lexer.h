// Cuts a template into text and tokens, white space control included. Used by jinja_parser.
// Reference: jinja.palletsprojects.com, "Template Designer Documentation", with trim_blocks and
// lstrip_blocks on, as transformers has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace heed::jinja {

struct Token {
  enum class Kind {
    data,          ///< text outside of tags
    output_begin,  ///< {{
    output_end,    ///< }}
    block_begin,   ///< {%
    block_end,     ///< %}
    name,
    text,  ///< a string literal, its escapes resolved
    integer,
    real,
    symbol,  ///< an operator or bracket
    end,     ///< of the template
  };
  Kind kind = Kind::end;
  std::string text;  ///< of data, name, text literal or symbol
  std::variant<int64_t, double> number;
  int line = 1;

  bool is(Kind k, std::string_view value) const { return kind == k && text == value; }
};

/// All tokens of `source` (valid UTF-8), ending with Kind::end. Throws Error(format) that names the
/// line of what cannot be a token.
std::vector<Token> tokenize(std::string_view source);

/// How an error message calls the token.
std::string describe(const Token& token);

}  // namespace heed::jinja
