// The lexer: text up to the next tag, then the tokens of the tag.
#include "engine/text/jinja_lexer.h"

#include <algorithm>
#include <charconv>

#include "engine/core/error.h"
#include "engine/text/jinja_literal.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

// Python's universal newlines; the template's last line break is dropped.
std::string normalize_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(char32_t c, bool first) {
  return c == '_' || is_alpha(c) || (!first && is_decimal(c));
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(normalize_lines(source)) {}

  std::vector<Token> run() {
    try {
      lex();
    } catch (const Error& error) {
      fail(error.code(), "line ", line_at(position_), ": ", error.what());
    }
    return std::move(tokens_);
  }

 private:
  void lex() {
    while (position_ < text_.size()) {
      const size_t start = position_;
      const size_t tag = find_tag();
      if (tag == text_.npos) {
        add_data(start, text_.size());
        position_ = text_.size();
      } else {
        lex_tag(start, tag);
      }
    }
    add(Token::Kind::end, "");
  }

  std::string_view view() const { return text_; }
  bool at(std::string_view what) const { return view().substr(position_).starts_with(what); }

  [[noreturn]] static void refuse(std::string_view message) { fail(Error::Code::format, message); }

  int line_at(size_t position) const {
    while (counted_ < position) line_ += text_[counted_++] == '\n';
    return line_;
  }

  void add(Token::Kind kind, std::string_view text) {
    tokens_.push_back({.kind = kind, .text = std::string(text), .line = line_at(position_)});
  }

  void add_data(size_t from, size_t to) {
    if (to > from) add(Token::Kind::data, view().substr(from, to - from));
  }

  size_t find_tag() const {
    for (size_t i = position_; (i = text_.find('{', i)) != text_.npos; ++i) {
      if (i + 1 < text_.size() && std::string_view("{%#").find(text_[i + 1]) != std::string::npos) {
        return i;
      }
    }
    return text_.npos;
  }

  void skip_space() {
    while (position_ < text_.size()) {
      size_t next = position_;
      if (!is_space(next_code_point(text_, next))) break;
      position_ = next;
    }
  }

  bool skip(std::string_view what) {
    if (!at(what)) return false;
    position_ += what.size();
    return true;
  }

  // The text from `start` to the tag at `tag`, cut as the tag's sign and lstrip_blocks say.
  void add_text_before(size_t start, size_t tag, char sign, bool is_output) {
    std::string_view data = view().substr(start, tag - start);
    if (sign == '-') {
      data = strip(data, Side::right);
    } else if (sign != '+' && !is_output) {
      const size_t line = data.rfind('\n') + 1;  // npos + 1 is 0
      const bool starts_line = line > 0 || start == 0 || text_[start - 1] == '\n';
      if (starts_line && strip(data.substr(line)).empty()) data = data.substr(0, line);
    }
    add_data(start, start + data.size());
  }

  // The sign behind an opening tag; the position moves behind it.
  char take_sign() {
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    if (c != '-' && c != '+') return '\0';
    ++position_;
    return c;
  }

  // What ends a tag: -%}, +%} or %} and the white space that goes with it. False if not there.
  bool take_end(std::string_view close, bool is_output) {
    const size_t start = position_;
    if (skip("-")) {
      if (skip(close)) {
        skip_space();
        return true;
      }
    } else if (!is_output && skip("+")) {
      if (skip(close)) return true;
    } else if (skip(close)) {
      if (!is_output) skip("\n");
      return true;
    }
    position_ = start;
    return false;
  }

  void lex_tag(size_t start, size_t tag) {
    const char kind = text_[tag + 1];
    position_ = tag + 2;
    const char sign = take_sign();
    add_text_before(start, tag, sign, kind == '{');
    if (kind == '#') return lex_comment();
    if (kind == '%' && lex_raw()) return;
    const bool is_output = kind == '{';
    add(is_output ? Token::Kind::output_begin : Token::Kind::block_begin, is_output ? "{{" : "{%");
    lex_code(is_output);
  }

  void lex_comment() {
    for (; position_ < text_.size(); ++position_) {
      if (take_end("#}", false)) return;
    }
    refuse("a comment {# is never closed");
  }

  // {% raw %} ... {% endraw %}, when the position is behind its opening sign.
  bool lex_raw() {
    const size_t before = position_;
    skip_space();
    const bool named = skip("raw");
    skip_space();
    if (named && skip("-%}")) {
      skip_space();
    } else if (!named || !skip("%}")) {
      position_ = before;
      return false;
    }
    const size_t start = position_;
    for (size_t tag = start; (tag = text_.find("{%", tag)) != text_.npos; ++tag) {
      position_ = tag + 2;
      const char sign = take_sign();
      skip_space();
      if (!skip("endraw")) continue;
      skip_space();
      if (!take_end("%}", false)) continue;
      const size_t after = position_;
      position_ = start;
      add_text_before(start, tag, sign, false);
      position_ = after;
      return true;
    }
    refuse("a {% raw %} block is never closed");
  }

  void lex_code(bool is_output) {
    const std::string_view close = is_output ? "}}" : "%}";
    std::string brackets;  // the closing brackets still to come
    while (true) {
      skip_space();
      if (position_ >= text_.size()) refuse(cat("the template ends before ", close));
      const int line = line_at(position_);
      if (brackets.empty() && take_end(close, is_output)) {
        const auto kind = is_output ? Token::Kind::output_end : Token::Kind::block_end;
        tokens_.push_back({.kind = kind, .text = std::string(close), .line = line});
        return;
      }
      lex_token(brackets);
    }
  }

  void lex_token(std::string& brackets) {
    const char c = text_[position_];
    size_t next = position_;
    if (is_digit(c)) {
      lex_number();
    } else if (c == '"' || c == '\'') {
      lex_text(c);
    } else if (is_name_character(next_code_point(text_, next), true)) {
      lex_name();
    } else {
      lex_symbol(brackets);
    }
  }

  void lex_name() {
    size_t end = position_;
    for (size_t next = end; next < text_.size();) {
      if (!is_name_character(next_code_point(text_, next), false)) break;
      end = next;
    }
    add(Token::Kind::name, view().substr(position_, end - position_));
    position_ = end;
  }

  void lex_text(char quote) {
    size_t end = position_ + 1;
    for (; end < text_.size() && text_[end] != quote; ++end) {
      if (text_[end] == '\\') ++end;
    }
    if (end >= text_.size()) refuse("a string is never closed");
    add(Token::Kind::text, unescape(view().substr(position_ + 1, end - position_ - 1)));
    position_ = end + 1;
  }

  void lex_number() {
    const bool after_dot = position_ > 0 && text_[position_ - 1] == '.';
    const NumberLiteral literal = read_number(view().substr(position_), !after_dot);
    const bool real = std::holds_alternative<double>(literal.value);
    add(real ? Token::Kind::real : Token::Kind::integer, view().substr(position_, literal.size));
    tokens_.back().number = literal.value;
    position_ += literal.size;
  }

  void lex_symbol(std::string& brackets) {
    static constexpr std::string_view kSymbols[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto symbol = std::ranges::find_if(kSymbols, [&](auto s) { return at(s); });
    if (symbol == std::end(kSymbols)) {
      size_t end = position_;
      next_code_point(text_, end);
      refuse(cat("unexpected character '", view().substr(position_, end - position_), "'"));
    }
    const char c = (*symbol)[0];
    if (c == '(' || c == '[' || c == '{') {
      brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty()) refuse(cat("unexpected '", c, "'"));
      if (brackets.back() != c) {
        refuse(cat("unexpected '", c, "', expected '", brackets.back(), "'"));
      }
      brackets.pop_back();
    }
    add(Token::Kind::symbol, *symbol);
    position_ += symbol->size();
  }

  const std::string text_;
  size_t position_ = 0;
  std::vector<Token> tokens_;
  mutable size_t counted_ = 0;  // line_ is the line of this position
  mutable int line_ = 1;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::end:
      return "the end of the template";
    case Token::Kind::data:
      return "text";
    case Token::Kind::text:
      return "a string";
    default:
      return cat("'", token.text, "'");
  }
}

}  // namespace heed::jinja
