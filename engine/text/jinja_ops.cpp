// Arithmetic, comparison and slicing.
#include "engine/text/jinja_ops.h"

#include <algorithm>
#include <cmath>

#include "engine/text/jinja_format.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

[[noreturn]] void refuse_types(std::string_view op, const Value& left, const Value& right) {
  if (left.as_safe_text() || right.as_safe_text()) {
    fail(Error::Code::unsupported, "'", op, "' is not supported for a text marked safe");
  }
  fail(Error::Code::argument, "cannot apply '", op, "' to a ", type_name(left), " and a ",
       type_name(right));
}

[[noreturn]] void refuse_size() {
  fail(Error::Code::limit, "an integer does not fit into 64 bits");
}

[[noreturn]] void refuse_zero() {
  fail(Error::Code::argument, "division by zero");
}

double real_of(const Value& value) {
  return value.as_real() ? *value.as_real() : static_cast<double>(*value.as_integer());
}

using Overflowing = bool (*)(int64_t, int64_t, int64_t*);
bool add_overflow(int64_t a, int64_t b, int64_t* out) {
  return __builtin_add_overflow(a, b, out);
}
bool subtract_overflow(int64_t a, int64_t b, int64_t* out) {
  return __builtin_sub_overflow(a, b, out);
}
bool multiply_overflow(int64_t a, int64_t b, int64_t* out) {
  return __builtin_mul_overflow(a, b, out);
}

Value checked(Overflowing op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op(a, b, &result)) refuse_size();
  return Value::integer(result);
}

// Python rounds quotients down and gives remainders the divisor's sign.
int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == 0) refuse_zero();
  if (a == INT64_MIN && b == -1) refuse_size();
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

double floor_remainder(double a, double b) {
  if (b == 0) refuse_zero();
  double remainder = std::fmod(a, b);
  if (remainder != 0) {
    if ((b < 0) != (remainder < 0)) remainder += b;
  } else {
    remainder = std::copysign(0.0, b);
  }
  return remainder;
}

double floor_quotient(double a, double b) {
  if (b == 0) refuse_zero();
  const double remainder = floor_remainder(a, b);
  const double quotient = (a - remainder) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value power(const Value& left, const Value& right) {
  const auto base = left.as_integer(), exponent = right.as_integer();
  if (!base || !exponent || *exponent < 0) {
    const double x = real_of(left), y = real_of(right);
    if (x == 0 && y < 0) refuse_zero();
    const double result = std::pow(x, y);
    if (std::isnan(result) && !std::isnan(x) && !std::isnan(y)) {
      fail(Error::Code::unsupported, "a power has a complex value");
    }
    if (std::isinf(result) && !std::isinf(x) && !std::isinf(y)) {
      fail(Error::Code::argument, "a power is too large");
    }
    return Value::real(result);
  }
  int64_t result = 1;
  for (int64_t i = 0; i < *exponent; ++i) {
    if (result == *base && (*base == 0 || *base == 1)) break;
    if (*base == -1) return Value::integer(*exponent % 2 ? -1 : 1);
    if (__builtin_mul_overflow(result, *base, &result)) refuse_size();
  }
  return Value::integer(result);
}

Value integer_op(BinaryOp op, int64_t a, int64_t b) {
  switch (op) {
    case BinaryOp::add:
      return checked(add_overflow, a, b);
    case BinaryOp::subtract:
      return checked(subtract_overflow, a, b);
    case BinaryOp::multiply:
      return checked(multiply_overflow, a, b);
    case BinaryOp::floor_divide:
      return Value::integer(floor_quotient(a, b));
    case BinaryOp::modulo:
      if (b == -1) return Value::integer(0);  // INT64_MIN % -1 overflows
      return Value::integer(a - floor_quotient(a, b) * b);
    default:
      if (b == 0) refuse_zero();
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
  }
}

Value real_op(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return Value::real(a + b);
    case BinaryOp::subtract:
      return Value::real(a - b);
    case BinaryOp::multiply:
      return Value::real(a * b);
    case BinaryOp::floor_divide:
      return Value::real(floor_quotient(a, b));
    case BinaryOp::modulo:
      return Value::real(floor_remainder(a, b));
    default:
      if (b == 0) refuse_zero();
      return Value::real(a / b);
  }
}

bool is_list_or_tuple(const Value& value) {
  const Sequence* s = value.as_sequence();
  return s && (s->kind == Sequence::Kind::list || s->kind == Sequence::Kind::tuple);
}

// str + str, one of them marked safe: the other is escaped.
Value joined_safely(const Value& left, const Value& right, Budget& budget) {
  TextBuilder text(budget);
  for (const Value* part : {&left, &right}) {
    if (const std::string* safe = part->as_safe_text()) {
      text << *safe;
    } else if (part->as_text()) {
      escape_html(text, *part->as_text());
    } else {
      refuse_types("+", left, right);
    }
  }
  return Value::safe_text(text.take());
}

Value joined(const Value& left, const Value& right, Budget& budget) {
  if (left.as_text() && right.as_text()) {
    TextBuilder text(budget);
    text << *left.as_text() << *right.as_text();
    return Value::text(text.take());
  }
  if (left.as_safe_text() || right.as_safe_text()) return joined_safely(left, right, budget);
  if (is_list_or_tuple(left) && is_list_or_tuple(right) &&
      left.as_sequence()->kind == right.as_sequence()->kind) {
    const List& more = right.as_sequence()->items;
    budget.spend(left.as_sequence()->items.size() + more.size());
    List items = left.as_sequence()->items;
    items.insert(items.end(), more.begin(), more.end());
    return Value::of(Sequence{.kind = left.as_sequence()->kind, .items = std::move(items)});
  }
  refuse_types("+", left, right);
}

Value repeated(const Value& left, const Value& right, Budget& budget) {
  const bool count_first = left.as_integer().has_value();
  const Value& what = count_first ? right : left;
  const auto count = (count_first ? left : right).as_integer();
  if (!count || (!what.as_text() && !is_list_or_tuple(what))) refuse_types("*", left, right);
  const size_t times = *count < 0 ? 0 : static_cast<size_t>(*count);
  if (const std::string* text = what.as_text()) {
    TextBuilder out(budget);
    out.repeat(*text, times);
    return Value::text(out.take());
  }
  const Sequence& sequence = *what.as_sequence();
  if (!sequence.items.empty() && times > kMaxSteps) budget.spend(kMaxSteps + 1);
  budget.spend(sequence.items.size() * times);
  List items;
  items.reserve(sequence.items.size() * times);
  for (size_t i = 0; i < times && !sequence.items.empty(); ++i) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return Value::of(Sequence{.kind = sequence.kind, .items = std::move(items)});
}

// The places that [start:stop:step] picks in a sequence of a certain size.
class Stride {
 public:
  Stride(const Value& start, const Value& stop, const Value& step, int64_t size) {
    const int64_t by = bound(step).value_or(1);
    if (by == 0) fail(Error::Code::argument, "the step of a slice cannot be zero");
    const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
    const auto clamp = [&](std::optional<int64_t> at, int64_t fallback) {
      return at ? std::clamp(*at < 0 ? *at + size : *at, low, high) : fallback;
    };
    from = clamp(bound(start), by > 0 ? low : high);
    to = clamp(bound(stop), by > 0 ? high : low);
    step_by = std::clamp(by, -size - 1, size + 1);  // the same picks, and no overflow
  }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (int64_t i = from; step_by > 0 ? i < to : i > to; i += step_by) {
      visit(static_cast<size_t>(i));
    }
  }

  int64_t from = 0, to = 0, step_by = 1;

 private:
  static std::optional<int64_t> bound(const Value& value) {
    require_defined(value);
    if (!value.is_none() && !value.as_integer()) {
      fail(Error::Code::argument, "the bounds of a slice must be integers or None, not ",
           type_name(value));
    }
    return value.as_integer();
  }
};

Value slice_text(std::string_view text, const Stride& stride) {
  if (stride.step_by == 1) {
    const size_t start = byte_offset(text, static_cast<size_t>(stride.from));
    const auto count = static_cast<size_t>(std::max<int64_t>(stride.to - stride.from, 0));
    return Value::text(text.substr(start, byte_offset(text.substr(start), count)));
  }
  std::u32string characters;
  for (size_t i = 0; i < text.size();) characters += next_code_point(text, i);
  std::string picked;
  stride.for_each([&](size_t i) { append_utf8(picked, characters[i]); });
  return Value::text(std::move(picked));
}

bool contains(const Value& container, const Value& value, Budget& budget) {
  if (const std::string* text = container.as_any_text()) {
    require_defined(value);
    const std::string* part = value.as_any_text();
    if (!part) refuse_types("in", value, container);
    spend_search(budget, *text, *part);
    return text->find(*part) != text->npos;
  }
  if (const Dict* dict = container.as_dict()) {
    if (!is_hashable(value)) {
      fail(Error::Code::argument, "a ", type_name(value), " cannot be the key of a dict");
    }
    budget.spend(dict->cost_of_finding(value));
    return dict->find(value) != nullptr;
  }
  Cursor cursor(container);
  while (const auto item = cursor.next()) {
    budget.spend(std::min(extent_of(*item).weight, extent_of(value).weight));
    if (is_equal(*item, value)) return true;
  }
  return false;
}

}  // namespace

void escape_html(TextBuilder& out, std::string_view text) {
  static constexpr std::string_view kSpecial = "&<>'\"";
  static constexpr std::string_view kEscapes[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  while (!text.empty()) {
    const size_t plain = std::min(text.find_first_of(kSpecial), text.size());
    out << text.substr(0, plain);
    if (plain < text.size()) out << kEscapes[kSpecial.find(text[plain])];
    text.remove_prefix(std::min(plain + 1, text.size()));
  }
}

void spend_search(Budget& budget, std::string_view text, std::string_view needle) {
  // memcmp compares some 64 bytes a cycle pair; at worst it runs for every start.
  budget.spend(1 + text.size() / kBytesPerStep * (1 + needle.size() / kBytesPerStep));
}

Value apply(BinaryOp op, const Value& left, const Value& right, Budget& budget) {
  static constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  if (op == BinaryOp::modulo && left.as_text()) {
    return format_percent(*left.as_text(), right, budget);
  }
  require_defined(left);
  require_defined(right);
  if (left.is_number() && right.is_number()) {
    if (op == BinaryOp::power) return power(left, right);
    if (left.as_integer() && right.as_integer()) {
      return integer_op(op, *left.as_integer(), *right.as_integer());
    }
    return real_op(op, real_of(left), real_of(right));
  }
  if (op == BinaryOp::add) return joined(left, right, budget);
  if (op == BinaryOp::multiply) return repeated(left, right, budget);
  refuse_types(kSymbols[static_cast<size_t>(op)], left, right);
}

Value apply(UnaryOp op, const Value& value) {
  require_defined(value);
  if (const double* d = value.as_real()) return Value::real(op == UnaryOp::negate ? -*d : *d);
  const auto i = value.as_integer();
  if (!i) fail(Error::Code::argument, "a ", type_name(value), " has no sign");
  return op == UnaryOp::negate ? checked(subtract_overflow, 0, *i) : Value::integer(*i);
}

bool compare(CompareOp op, const Value& left, const Value& right, Budget& budget) {
  if (op == CompareOp::in) return contains(right, left, budget);
  if (op == CompareOp::not_in) return !contains(right, left, budget);
  budget.spend(std::min(extent_of(left).weight, extent_of(right).weight));
  switch (op) {
    case CompareOp::equal:
      return is_equal(left, right);
    case CompareOp::not_equal:
      return !is_equal(left, right);
    case CompareOp::less:
      return is_less(left, right);
    case CompareOp::greater:
      return is_less(right, left);
    case CompareOp::less_equal:
      return is_less(left, right) || is_equal(left, right);
    default:
      return is_less(right, left) || is_equal(left, right);
  }
}

std::optional<size_t> resolve_index(int64_t i, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (i < -count || i >= count) return std::nullopt;
  return static_cast<size_t>(i < 0 ? i + count : i);
}

Value slice(const Value& object, const Value& start, const Value& stop, const Value& step,
            Budget& budget) {
  require_defined(object);
  const std::string* text = object.as_text();
  const Sequence* s = object.as_sequence();
  if (!text && !is_list_or_tuple(object) && !(s && s->kind == Sequence::Kind::range)) {
    fail(Error::Code::argument, "a ", type_name(object), " cannot be sliced");
  }
  const Stride stride(start, stop, step, *length_of(object));
  budget.spend(extent_of(object).weight);
  if (text) return slice_text(*text, stride);
  List picked;
  stride.for_each([&](size_t i) { picked.push_back(s->items[i]); });
  return Value::of(Sequence{.kind = s->kind, .items = std::move(picked)});
}

Value replace_text(Budget& budget, std::string_view text, std::string_view old,
                   std::string_view replacement, int64_t count) {
  spend_search(budget, text, old);
  size_t left = count < 0 ? SIZE_MAX : static_cast<size_t>(count);
  TextBuilder out(budget);
  size_t start = 0;
  if (old.empty()) {  // before every character, and at the end
    for (size_t i = 0; left > 0 && i <= text.size(); --left) {
      out << text.substr(start, i - start) << replacement;
      start = i;
      if (i == text.size()) break;
      next_code_point(text, i);
    }
  } else {
    for (size_t at; left > 0 && (at = text.find(old, start)) != text.npos; --left) {
      out << text.substr(start, at - start) << replacement;
      start = at + old.size();
    }
  }
  out << text.substr(start);
  return Value::text(out.take());
}

std::string pad_text(Budget& budget, std::string_view text, Side side, int64_t width,
                     std::string_view fill) {
  budget.spend(text.size() / kBytesPerStep);
  const auto size = static_cast<int64_t>(code_points(text));
  const int64_t missing = std::max<int64_t>(width - size, 0);
  // As CPython's center, which gives the odd one to the left when the width is odd.
  const int64_t half = missing / 2 + (missing & width & 1);
  const int64_t left = side == Side::left ? 0 : side == Side::right ? missing : half;
  TextBuilder out(budget);
  out.repeat(fill, static_cast<size_t>(left));
  out << text;
  out.repeat(fill, static_cast<size_t>(missing - left));
  return out.take();
}

}  // namespace heed::jinja
