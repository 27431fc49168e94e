// str(), repr() and json.dumps() of values.
#include "engine/text/jinja_print.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

constexpr char kHex[] = "0123456789abcdef";

std::string hex(char32_t c, int digits) {
  std::string out(static_cast<size_t>(digits), '0');
  for (int i = digits; i-- > 0; c >>= 4) out[static_cast<size_t>(i)] = kHex[c & 15];
  return out;
}

// The escape of an unprintable character in a Python literal.
std::string repr_escape(char32_t c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return c < 0x100 ? "\\x" + hex(c, 2) : c < 0x10000 ? "\\u" + hex(c, 4) : "\\U" + hex(c, 8);
  }
}

void print_quoted(TextBuilder& out, std::string_view text) {
  const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out << quote;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const char32_t c = next_code_point(text, i);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out << '\\' << static_cast<char>(c);
    } else if (is_printable(c)) {
      out << text.substr(start, i - start);
    } else {
      out << repr_escape(c);
    }
  }
  out << quote;
}

void print_items(TextBuilder& out, const List& items) {
  std::string_view separator;
  for (const Value& item : items) {
    out << separator;
    print_repr(out, item);
    separator = ", ";
  }
}

void print_sequence(TextBuilder& out, const Sequence& sequence) {
  struct Brackets {
    std::string_view open, close;
  };
  static constexpr std::array<Brackets, 6> kBrackets = {{{"[", "]"},
                                                         {"(", ")"},
                                                         {},
                                                         {"dict_keys([", "])"},
                                                         {"dict_values([", "])"},
                                                         {"dict_items([", "])"}}};
  if (sequence.kind == Sequence::Kind::range) {
    fail(Error::Code::unsupported, "printing a range is not supported; use range(...)|list");
  }
  const Brackets& brackets = kBrackets[static_cast<size_t>(sequence.kind)];
  out << brackets.open;
  print_items(out, sequence.items);
  if (sequence.kind == Sequence::Kind::tuple && sequence.items.size() == 1) out << ',';
  out << brackets.close;
}

void print_dict(TextBuilder& out, const Dict& dict) {
  out << '{';
  std::string_view separator;
  for (const auto& [key, value] : dict.items) {
    out << separator;
    print_repr(out, key);
    out << ": ";
    print_repr(out, value);
    separator = ", ";
  }
  out << '}';
}

class JsonPrinter {
 public:
  JsonPrinter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  void print(const Value& value) {
    if (const std::string* text = value.as_text()) {
      quoted(*text);
    } else if (const std::string* safe = value.as_safe_text()) {
      quoted(*safe);
    } else if (const Dict* dict = value.as_dict()) {
      object(*dict);
    } else if (const Sequence* s = value.as_sequence();
               s && (s->kind == Sequence::Kind::list || s->kind == Sequence::Kind::tuple)) {
      array(s->items);
    } else if (const auto plain = scalar(value)) {
      out_ << *plain;
    } else {
      require_defined(value);
      fail(Error::Code::argument, "tojson: a value of type ", type_name(value),
           " has no form in JSON");
    }
  }

 private:
  static std::optional<std::string> scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* b = value.as_bool()) return *b ? "true" : "false";
    if (const auto i = value.as_integer()) return std::to_string(*i);
    if (const double* d = value.as_real()) {
      if (std::isnan(*d)) return "NaN";
      return std::isinf(*d) ? (*d < 0 ? "-Infinity" : "Infinity") : real_text(*d);
    }
    return std::nullopt;
  }

  void escaped(char32_t c) {
    static constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    const size_t at = c < 0x80 ? kNamed.find(static_cast<char>(c)) : kNamed.npos;
    if (at != kNamed.npos) {
      out_ << '\\' << kLetters[at];
    } else if (c < 0x10000) {
      out_ << "\\u" << hex(c, 4);
    } else {
      out_ << "\\u" << hex(0xD800 + ((c - 0x10000) >> 10), 4);
      out_ << "\\u" << hex(0xDC00 + ((c - 0x10000) & 0x3FF), 4);
    }
  }

  void quoted(std::string_view text) {
    out_ << '"';
    size_t plain = 0;  // start of what has not been written yet
    for (size_t i = 0; i < text.size();) {
      const size_t start = i;
      const char32_t c = next_code_point(text, i);
      if (c >= 0x20 && c != '"' && c != '\\' && (!style_.ascii || c < 0x7F)) continue;
      out_ << text.substr(plain, start - plain);
      escaped(c);
      plain = i;
    }
    out_ << text.substr(plain) << '"';
  }

  void line_break() {
    if (!style_.indent) return;
    out_ << '\n';
    out_.repeat(*style_.indent, level_);
  }

  // Calls print_item(i) for each of `count` items, between the brackets.
  template <typename PrintItem>
  void enclosed(char open, char close, size_t count, PrintItem&& print_item) {
    out_ << open;
    ++level_;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_ << style_.item_separator;
      line_break();
      print_item(i);
    }
    --level_;
    if (count > 0) line_break();
    out_ << close;
  }

  void array(const List& items) {
    enclosed('[', ']', items.size(), [&](size_t i) { print(items[i]); });
  }

  void object(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& item : dict.items) order.push_back(&item);
    if (style_.sort_keys) {
      out_.budget().spend(dict.extent.weight);
      std::ranges::stable_sort(order, [](auto* a, auto* b) { return is_less(a->first, b->first); });
    }
    enclosed('{', '}', order.size(), [&](size_t i) {
      const Value& key = order[i]->first;
      const auto plain = scalar(key);
      if (!plain && !key.as_text()) {
        fail(Error::Code::argument, "tojson: a ", type_name(key), " cannot be a key in JSON");
      }
      quoted(plain ? *plain : *key.as_text());
      out_ << style_.key_separator;
      print(order[i]->second);
    });
  }

  TextBuilder& out_;
  const JsonStyle& style_;
  size_t level_ = 0;
};

}  // namespace

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = text.find('e');
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) return std::string(text);
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void print(TextBuilder& out, const Value& value) {
  if (const std::string* text = value.as_text()) {
    out << *text;
  } else if (const std::string* safe = value.as_safe_text()) {
    out << *safe;
  } else if (!value.as_undefined()) {
    print_repr(out, value);
  }
}

std::string to_text(const Value& value, Budget& budget) {
  TextBuilder out(budget);
  print(out, value);
  return out.take();
}

void print_repr(TextBuilder& out, const Value& value) {
  if (const std::string* text = value.as_text()) {
    print_quoted(out, *text);
  } else if (const std::string* safe = value.as_safe_text()) {
    out << "Markup(";
    print_quoted(out, *safe);
    out << ')';
  } else if (value.as_undefined()) {
    out << "Undefined";
  } else if (value.is_none()) {
    out << "None";
  } else if (const bool* b = value.as_bool()) {
    out << (*b ? "True" : "False");
  } else if (const auto i = value.as_integer()) {
    out << std::to_string(*i);
  } else if (const double* d = value.as_real()) {
    out << real_text(*d);
  } else if (const Sequence* s = value.as_sequence()) {
    print_sequence(out, *s);
  } else if (const Dict* dict = value.as_dict()) {
    print_dict(out, *dict);
  } else {
    fail(Error::Code::unsupported, "printing a ", type_name(value), " is not supported");
  }
}

void print_json(TextBuilder& out, const Value& value, const JsonStyle& style) {
  JsonPrinter(out, style).print(value);
}

}  // namespace heed::jinja
