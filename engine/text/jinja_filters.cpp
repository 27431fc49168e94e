// Filters on single values, and the table of all.
// Reference: jinja.palletsprojects.com, "List of Builtin Filters".
#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_format.h"
#include "engine/text/jinja_literal.h"
#include "engine/text/jinja_ops.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

template <std::string (*Convert)(std::string_view)>
Value converted(Evaluator& evaluator, const Value& input, const Bound&) {
  const std::string text = to_text(input, evaluator.budget());
  evaluator.budget().spend(text.size() / 8);
  return Value::text(Convert(text));
}

bool breaks_word(char32_t c) {
  return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

// End of the characters from `at` on that all break words, or all do not.
size_t end_of_run(std::string_view text, size_t at, bool breaking) {
  for (size_t next = at; next < text.size(); at = next) {
    if (breaks_word(next_code_point(text, next)) != breaking) break;
  }
  return at;
}

// Each word with one capital letter; not str.title(), whose words end at any other sign, too.
std::string title_words(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t word = end_of_run(text, at, true), end = end_of_run(text, word, false);
    size_t rest = word;
    if (word < end) next_code_point(text, rest);
    out += text.substr(at, word - at);
    out += to_upper(text.substr(word, rest - word));
    out += to_lower(text.substr(rest, end - rest));
    at = end;
  }
  return out;
}

Value as_string(Evaluator& evaluator, const Value& input, const Bound&) {
  return input.as_any_text() ? input : Value::text(to_text(input, evaluator.budget()));
}

Value mark_safe(Evaluator& evaluator, const Value& input, const Bound&) {
  return Value::safe_text(to_text(input, evaluator.budget()));
}

Value force_escape(Evaluator& evaluator, const Value& input, const Bound&) {
  TextBuilder out(evaluator.budget());
  escape_html(out, to_text(input, evaluator.budget()));
  return Value::safe_text(out.take());
}

Value escape(Evaluator& evaluator, const Value& input, const Bound& args) {
  return input.as_safe_text() ? input : force_escape(evaluator, input, args);
}

Value trim(Evaluator& evaluator, const Value& input, const Bound& args) {
  const std::string text = to_text(input, evaluator.budget());
  const bool plain = !args.has(0) || args[0].is_none();
  if (plain) return Value::text(strip(text));
  evaluator.budget().spend((1 + text.size() / kBytesPerStep) * args.text(0).size());
  return Value::text(strip(text, Side::both, args.text(0)));
}

Value replace(Evaluator& evaluator, const Value& input, const Bound& args) {
  Budget& budget = evaluator.budget();
  const int64_t count = args[2].is_none() ? -1 : args.integer(2, -1);
  return replace_text(budget, to_text(input, budget), to_text(args[0], budget),
                      to_text(args[1], budget), count);
}

Value center(Evaluator& evaluator, const Value& input, const Bound& args) {
  const std::string text = to_text(input, evaluator.budget());
  return Value::text(pad_text(evaluator.budget(), text, Side::both, args.integer(0, 80), " "));
}

Value indent(Evaluator& evaluator, const Value& input, const Bound& args) {
  require_defined(input);
  if (!input.as_text())
    fail(Error::Code::argument, "indent: expected a str, not a ", type_name(input));
  std::string indention;
  if (args[0].as_text()) {
    indention = args.text(0);
  } else {
    indention = pad_text(evaluator.budget(), "", Side::left, args.integer(0, 4), " ");
  }
  const bool first = args.truth(1, false), blank = args.truth(2, false);
  const std::string text = *input.as_text() + "\n";
  TextBuilder out(evaluator.budget());
  size_t number = 0;
  for (const std::string_view line : split_lines(text)) {
    if (number > 0) out << '\n';
    if (number > 0 ? (blank || !line.empty()) : first) out << indention;
    out << line;
    ++number;
  }
  return Value::text(out.take());
}

Value truncate(Evaluator& evaluator, const Value& input, const Bound& args) {
  const auto size = length_of(input);
  if (!size) fail(Error::Code::argument, "truncate: a ", type_name(input), " has no length");
  const std::string end = args.has(2) ? args.text(2) : "...";
  const int64_t length = args.integer(0, 255), leeway = args[3].is_none() ? 5 : args.integer(3, 5);
  const int64_t kept = length - static_cast<int64_t>(code_points(end));
  if (kept < 0 || leeway < 0)
    fail(Error::Code::argument, "truncate: length and leeway are too small");
  if (*size <= length || *size - length <= leeway) return input;
  if (!input.as_text()) fail(Error::Code::argument, "truncate: expected a str");
  const std::string_view text = *input.as_text();
  std::string_view head = text.substr(0, byte_offset(text, static_cast<size_t>(kept)));
  if (!args.truth(1, false)) head = split(head, " ", 1, Side::right)[0];
  return Value::text(std::string(head) + end);
}

Value word_count(Evaluator& evaluator, const Value& input, const Bound&) {
  const std::string text = to_text(input, evaluator.budget());
  int64_t words = 0;
  bool in_word = false;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    const bool of_word = c == '_' || is_alpha(c) || is_decimal(c) || is_other_number(c);
    words += of_word && !in_word;
    in_word = of_word;
  }
  return Value::integer(words);
}

Value format(Evaluator& evaluator, const Value& input, const Bound& args) {
  const auto& [positional, keyword] = args.all();
  if (!positional.empty() && !keyword.empty()) {
    fail(Error::Code::argument, "format: arguments with and without names");
  }
  Items items;
  for (const auto& [name, value] : keyword) items.emplace_back(Value::text(name), value);
  const Value values = keyword.empty() ? Value::tuple(positional) : Value::dict(std::move(items));
  return format_percent(to_text(input, evaluator.budget()), values, evaluator.budget());
}

Value default_value(Evaluator&, const Value& input, const Bound& args) {
  const bool replaced = input.as_undefined() || (args.truth(1, false) && !is_truthy(input));
  if (!replaced) return input;
  return args.has(0) ? args[0] : Value::text("");
}

Value absolute(Evaluator&, const Value& input, const Bound&) {
  require_defined(input);
  if (!input.is_number())
    fail(Error::Code::argument, "abs: expected a number, not a ", type_name(input));
  if (const double* d = input.as_real()) return Value::real(std::abs(*d));
  return *input.as_integer() < 0 ? apply(UnaryOp::negate, input) : apply(UnaryOp::plus, input);
}

// A number in a text as from_chars takes it: without spaces around, a plus sign, and underscores
// between digits. Nothing if int() and float() refuse it, too.
std::optional<std::string> number_text(std::string_view text) {
  text = strip(text);
  if (text.starts_with("+")) {
    text.remove_prefix(1);
    if (text.starts_with("-")) return std::nullopt;
  }
  std::string out;
  for (size_t i = 0, start = 0; i < text.size(); start = i) {
    const char32_t c = next_code_point(text, i);
    if (c >= 0x80 && is_decimal(c)) {
      fail(Error::Code::unsupported, "digits other than 0 to 9 are not supported in numbers");
    }
    const auto is_digit_at = [&](size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '9';
    };
    if (c != '_') {
      out += text.substr(start, i - start);
    } else if (start == 0 || !is_digit_at(start - 1) || !is_digit_at(i)) {
      return std::nullopt;
    }
  }
  return out;
}

// float(text): nothing if that fails.
std::optional<double> parse_real(std::string_view text) {
  const auto digits = number_text(text);
  if (!digits || digits->find('(') != digits->npos) return std::nullopt;  // from_chars reads nan(1)
  double value = 0;
  const auto result = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (result.ptr != digits->data() + digits->size() || digits->empty()) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {
    fail(Error::Code::limit, "the number ", *digits, " is too large or too small");
  }
  return value;
}

// int(text), likewise.
std::optional<int64_t> parse_integer(std::string_view text, int64_t base) {
  if (base != 10) fail(Error::Code::unsupported, "int: bases other than 10 are not supported");
  const auto digits = number_text(text);
  int64_t value = 0;
  if (!digits) return std::nullopt;
  const auto result = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (result.ptr != digits->data() + digits->size() || digits->empty()) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {
    fail(Error::Code::limit, "the integer ", *digits, " does not fit into 64 bits");
  }
  return value;
}

Value whole_number(double value, const Value& fallback) {
  if (!std::isfinite(value)) return fallback;
  if (std::abs(value) >= 9.2e18) fail(Error::Code::limit, "an integer does not fit into 64 bits");
  return Value::integer(static_cast<int64_t>(value));
}

Value to_integer(Evaluator&, const Value& input, const Bound& args) {
  require_defined(input);
  const Value fallback = args.has(0) ? args[0] : Value::integer(0);
  if (const std::string* text = input.as_text()) {
    if (const auto value = parse_integer(*text, args.integer(1, 10))) return Value::integer(*value);
    const auto real = parse_real(*text);
    return real ? whole_number(*real, fallback) : fallback;
  }
  if (const auto i = input.as_integer()) return Value::integer(*i);
  if (const double* d = input.as_real()) {
    if (std::isinf(*d)) fail(Error::Code::argument, "int: the number is infinite");
    return whole_number(*d, fallback);
  }
  return fallback;
}

Value to_real(Evaluator&, const Value& input, const Bound& args) {
  require_defined(input);
  const Value fallback = args.has(0) ? args[0] : Value::real(0);
  if (const std::string* text = input.as_text()) {
    const auto value = parse_real(*text);
    return value ? Value::real(*value) : fallback;
  }
  if (const auto i = input.as_integer()) return Value::real(static_cast<double>(*i));
  return input.as_real() ? input : fallback;
}

Value round_number(Evaluator&, const Value& input, const Bound& args) {
  require_defined(input);
  if (!input.is_number())
    fail(Error::Code::argument, "round: expected a number, not a ", type_name(input));
  const int64_t precision = args.integer(0, 0);
  const std::string method = args.has(1) ? args.text(1) : "common";
  if (precision < 0 || precision > 15) {
    fail(Error::Code::unsupported, "round: only precisions from 0 to 15 are supported");
  }
  if (method == "common") {
    if (const auto i = input.as_integer()) return Value::integer(*i);
    // Rounds the exact value, halves to even, as Python does.
    char buffer[400];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, *input.as_real(),
                                   std::chars_format::fixed, static_cast<int>(precision));
    double rounded = 0;
    std::from_chars(buffer, end.ptr, rounded);
    return Value::real(rounded);
  }
  if (method != "ceil" && method != "floor") {
    fail(Error::Code::argument, "round: the method must be common, ceil or floor");
  }
  const double number =
      input.as_real() ? *input.as_real() : static_cast<double>(*input.as_integer());
  const double scale = std::pow(10.0, static_cast<double>(precision));
  return Value::real((method == "ceil" ? std::ceil(number * scale) : std::floor(number * scale)) /
                     scale);
}

std::optional<std::string> json_indent(const Value& indent, Budget& budget) {
  if (indent.is_none()) return std::nullopt;
  if (indent.as_text()) return *indent.as_text();
  const auto width = indent.as_integer();
  if (!width) fail(Error::Code::argument, "tojson: the indent must be an int or a str");
  return pad_text(budget, "", Side::left, *width, " ");
}

Value to_json(Evaluator& evaluator, const Value& input, const Bound& args) {
  JsonStyle style{.ascii = args.truth(0, false), .sort_keys = args.truth(3, false)};
  style.indent = json_indent(args[1], evaluator.budget());
  if (style.indent) style.item_separator = ",";
  if (!args[2].is_none()) {
    const List separators = items_of(args[2], evaluator.budget());
    if (separators.size() != 2 || !separators[0].as_text() || !separators[1].as_text()) {
      args.refuse(2, "two texts");
    }
    style.item_separator = *separators[0].as_text();
    style.key_separator = *separators[1].as_text();
  }
  TextBuilder out(evaluator.budget());
  print_json(out, input, style);
  return Value::text(out.take());
}

Value attribute(Evaluator& evaluator, const Value& input, const Bound& args) {
  require_defined(input);
  if (input.as_dict() && !find_method(input, args.text(0))) {  // attributes only, not elements
    return Value::undefined(cat("a dict has no attribute '", args.text(0), "'"));
  }
  return evaluator.attribute(input, args.text(0));
}

constexpr Filter kFilters[] = {
    {"abs", "", absolute},
    {"attr", "name", attribute},
    {"capitalize", "", converted<to_capitalized>},
    {"center", "width?", center},
    {"d", "default_value? boolean?", default_value},
    {"default", "default_value? boolean?", default_value},
    {"e", "", escape},
    {"escape", "", escape},
    {"float", "default?", to_real},
    {"forceescape", "", force_escape},
    {"format", "*", format},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", to_integer},
    {"lower", "", converted<to_lower>},
    {"replace", "old new count?", replace},
    {"round", "precision? method?", round_number},
    {"safe", "", mark_safe},
    {"string", "", as_string},
    {"title", "", converted<title_words>},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", to_json},
    {"trim", "chars?", trim},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"upper", "", converted<to_upper>},
    {"wordcount", "", word_count},
    {"filesizeformat", "", nullptr},
    {"pprint", "", nullptr},
    {"random", "", nullptr},
    {"striptags", "", nullptr},
    {"urlencode", "", nullptr},
    {"urlize", "", nullptr},
    {"wordwrap", "", nullptr},
    {"xmlattr", "", nullptr},
};

}  // namespace

std::span<const Filter> value_filters() {
  return kFilters;
}

const Filter* find_filter(std::string_view name) {
  for (const auto table : {value_filters(), sequence_filters()}) {
    const auto it = std::ranges::find(table, name, &Filter::name);
    if (it != table.end()) return &*it;
  }
  return nullptr;
}

}  // namespace heed::jinja
