// printf-style and str.format formatting.
#include "engine/text/jinja_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

// One %[(key)][flags][width][.precision]conversion.
struct Conversion {
  std::optional<std::string_view> key;
  bool left = false, plus = false, blank = false, zero = false, alternate = false;
  size_t width = 0;
  std::optional<size_t> precision;
  char letter = 's';
};

constexpr size_t kMaxWidth = 10'000;

class PercentFormatter {
 public:
  PercentFormatter(std::string_view format, const Value& values, Budget& budget)
      : format_(format), values_(values), out_(budget) {
    const Sequence* s = values.as_sequence();
    if (s && s->kind == Sequence::Kind::tuple) tuple_ = &s->items;
  }

  Value run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ << format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent == format_.size()) break;
      const Conversion conversion = parse();
      if (conversion.letter == '%') {
        out_ << '%';
      } else {
        pad(conversion, convert(conversion, argument(conversion)));
      }
    }
    // What can be subscripted may hold more than is asked for; anything else must be used up.
    const Sequence* s = values_.as_sequence();
    const bool optional =
        values_.as_dict() || values_.as_undefined() ||
        (s && (s->kind == Sequence::Kind::list || s->kind == Sequence::Kind::range));
    const bool left_over = tuple_ ? used_ < tuple_->size() : used_ == 0 && !optional;
    if (left_over) refuse("not all arguments are used");
    return Value::text(out_.take());
  }

 private:
  [[noreturn]] static void refuse(std::string_view why) {
    fail(Error::Code::argument, "string formatting with %: ", why);
  }

  char next() {
    if (at_ >= format_.size()) refuse("the format is incomplete");
    return format_[at_++];
  }

  // A width or precision: digits, or * for the next argument.
  size_t number() {
    size_t value = 0;
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const auto given = next_argument().as_integer();
      if (!given || *given < 0) refuse("'*' needs a positive integer");
      value = static_cast<size_t>(*given);
    }
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9' &&
           value <= kMaxWidth) {
      value = value * 10 + static_cast<size_t>(format_[at_++] - '0');
    }
    if (value > kMaxWidth) fail(Error::Code::limit, "a field is wider than ", kMaxWidth);
    return value;
  }

  Conversion parse() {
    Conversion c;
    if (at_ < format_.size() && format_[at_] == '(') {
      const size_t end = format_.find(')', at_);
      if (end == format_.npos) refuse("a key is never closed");
      c.key = format_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    }
    for (;; ++at_) {
      const char flag = at_ < format_.size() ? format_[at_] : '\0';
      if (flag == '-') {
        c.left = true;
      } else if (flag == '+') {
        c.plus = true;
      } else if (flag == ' ') {
        c.blank = true;
      } else if (flag == '0') {
        c.zero = true;
      } else if (flag == '#') {
        c.alternate = true;
      } else {
        break;
      }
    }
    c.width = number();
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      c.precision = number();
    }
    do {
      c.letter = next();
    } while (c.letter == 'l' || c.letter == 'h' || c.letter == 'L');
    return c;
  }

  const Value& next_argument() {
    if (!tuple_ && used_++ == 0) return values_;
    if (!tuple_ || used_ >= tuple_->size()) refuse("not enough arguments");
    return (*tuple_)[used_++];
  }

  const Value& argument(const Conversion& c) {
    if (!c.key) return next_argument();
    const Dict* dict = values_.as_dict();
    const Value* value = dict ? dict->find(*c.key) : nullptr;
    if (!value) refuse(cat("there is no key '", *c.key, "'"));
    out_.budget().spend(1 + dict->items.size() / 8);
    return *value;
  }

  std::string convert(const Conversion& c, const Value& value) {
    switch (c.letter) {
      case 's':
      case 'r': {
        TextBuilder text(out_.budget());
        c.letter == 's' ? print(text, value) : print_repr(text, value);
        const size_t size =
            c.precision ? byte_offset(text.text(), *c.precision) : text.text().size();
        return text.take().substr(0, size);
      }
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return integer(c, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(c, value);
      case 'c':
        if (value.as_text() && code_points(*value.as_text()) == 1) return *value.as_text();
        refuse("%c needs one character");
      default:
        refuse(cat("unsupported conversion '", c.letter, "'"));
    }
  }

  static std::string with_sign(const Conversion& c, bool negative, std::string digits) {
    const std::string sign = negative ? "-" : c.plus ? "+" : c.blank ? " " : "";
    const size_t size = sign.size() + digits.size();
    if (c.zero && !c.left && c.width > size) digits.insert(0, c.width - size, '0');
    return sign + digits;
  }

  static std::string integer(const Conversion& c, const Value& value) {
    require_defined(value);
    auto number = value.as_integer();
    const bool decimal = c.letter == 'd' || c.letter == 'i' || c.letter == 'u';
    if (const double* d = value.as_real(); d && decimal && std::abs(*d) < 9e18) {
      number = static_cast<int64_t>(*d);
    }
    if (!number) refuse(cat("%", c.letter, " needs an int, not a ", type_name(value)));
    const int base = decimal ? 10 : c.letter == 'o' ? 8 : 16;
    const uint64_t magnitude =
        *number < 0 ? -static_cast<uint64_t>(*number) : static_cast<uint64_t>(*number);
    char buffer[32];
    std::string digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
    if (c.precision && digits.size() < *c.precision)
      digits.insert(0, *c.precision - digits.size(), '0');
    if (c.letter == 'X') digits = to_upper(digits);
    if (c.alternate && !decimal) {
      fail(Error::Code::unsupported, "the flag '#' of string formatting is not supported");
    }
    return with_sign(c, *number < 0, std::move(digits));
  }

  static std::string real(const Conversion& c, const Value& value) {
    require_defined(value);
    if (!value.is_number()) refuse(cat("%", c.letter, " needs a number, not a ", type_name(value)));
    const double number =
        value.as_real() ? *value.as_real() : static_cast<double>(*value.as_integer());
    if (!std::isfinite(number)) refuse("infinite and undefined numbers are not supported");
    constexpr size_t kMaxPrecision = 300;
    const int precision = static_cast<int>(std::min(c.precision.value_or(6), kMaxPrecision));
    const char kind = static_cast<char>(c.letter | 32);
    const auto style = kind == 'e'   ? std::chars_format::scientific
                       : kind == 'f' ? std::chars_format::fixed
                                     : std::chars_format::general;
    char buffer[2 * kMaxPrecision + 100];
    const char* end =
        std::to_chars(buffer, buffer + sizeof buffer, std::abs(number), style, precision).ptr;
    std::string digits(static_cast<const char*>(buffer), end);
    if (kind != c.letter) digits = to_upper(digits);
    return with_sign(c, std::signbit(number), std::move(digits));
  }

  void pad(const Conversion& c, const std::string& text) {
    const size_t size = code_points(text);
    const size_t missing = c.width > size ? c.width - size : 0;
    if (!c.left) out_.repeat(" ", missing);
    out_ << text;
    if (c.left) out_.repeat(" ", missing);
  }

  std::string_view format_;
  const Value& values_;
  const List* tuple_ = nullptr;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
};

[[noreturn]] void refuse_braces(std::string_view why) {
  fail(Error::Code::argument, "str.format: ", why);
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

const Value& brace_field(std::string_view name, const Arguments& arguments, size_t& automatic) {
  if (name.find_first_of(".[") != name.npos) {
    fail(Error::Code::unsupported,
         "str.format: attributes and elements of fields are not supported");
  }
  if (name.empty() || is_number(name)) {
    size_t index = automatic++;
    if (!name.empty()) std::from_chars(name.data(), name.data() + name.size(), index);
    if (index >= arguments.positional.size()) refuse_braces("not enough arguments");
    return arguments.positional[index];
  }
  for (const auto& [key, value] : arguments.keyword) {
    if (key == name) return value;
  }
  refuse_braces(cat("there is no argument '", name, "'"));
}

}  // namespace

Value format_percent(std::string_view format, const Value& values, Budget& budget) {
  return PercentFormatter(format, values, budget).run();
}

Value format_braces(std::string_view format, const Arguments& arguments, Budget& budget) {
  TextBuilder out(budget);
  size_t automatic = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (c != '{' && c != '}') {
      const size_t end = std::min(format.find_first_of("{}", i), format.size());
      out << format.substr(i, end - i);
      i = end - 1;
    } else if (i + 1 < format.size() && format[i + 1] == c) {
      out << c;
      ++i;
    } else {
      const size_t end = c == '{' ? format.find('}', i) : format.npos;
      if (end == format.npos) refuse_braces("a single '{' or '}'");
      std::string_view field = format.substr(i + 1, end - i - 1);
      if (field.find_first_of(":{") != field.npos) {
        fail(Error::Code::unsupported, "str.format: format specifications are not supported");
      }
      const bool repr = field.ends_with("!r");
      if (repr || field.ends_with("!s")) field.remove_suffix(2);
      const Value& value = brace_field(field, arguments, automatic);
      repr ? print_repr(out, value) : print(out, value);
      i = end;
    }
  }
  return Value::text(out.take());
}

}  // namespace heed::jinja
