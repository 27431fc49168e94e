// Methods of Python's types that templates call: text.strip(), dict.items(), loop.cycle() ...
// Reference: docs.python.org/3/library/stdtypes.html.
#include <algorithm>
#include <array>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_format.h"
#include "engine/text/jinja_loop.h"
#include "engine/text/jinja_ops.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

// A method. Without `call` Python has it and Heed does not.
struct Method {
  std::string_view name;
  std::string_view parameters = "";
  Value (*call)(Budget& budget, const Value& self, const Bound& arguments) = nullptr;
};

const std::string& text_of(const Value& self) {
  return *self.as_text();
}

template <std::string (*Convert)(std::string_view)>
Value converted(Budget& budget, const Value& self, const Bound&) {
  budget.spend(text_of(self).size() / 8);
  return Value::text(Convert(text_of(self)));
}

template <Side side>
Value stripped(Budget& budget, const Value& self, const Bound& args) {
  const bool plain = !args.has(0) || args[0].is_none();
  if (!plain) budget.spend(extent_of(self).weight * args.text(0).size());
  return Value::text(strip(text_of(self), side,
                           plain ? std::nullopt : std::optional<std::string_view>(args.text(0))));
}

List texts(Budget& budget, const std::vector<std::string_view>& parts) {
  budget.spend(parts.size());
  List list;
  for (const std::string_view part : parts) list.push_back(Value::text(part));
  return list;
}

template <Side from>
Value split_text(Budget& budget, const Value& self, const Bound& args) {
  std::optional<std::string_view> separator;
  if (args.has(0) && !args[0].is_none()) separator = args.text(0);
  if (separator && separator->empty()) fail(Error::Code::argument, "split: an empty separator");
  spend_search(budget, text_of(self), separator.value_or(""));
  return Value::list(texts(budget, split(text_of(self), separator, args.integer(1, -1), from)));
}

Value split_into_lines(Budget& budget, const Value& self, const Bound& args) {
  return Value::list(texts(budget, split_lines(text_of(self), args.truth(0, false))));
}

template <Side from>
Value partitioned(Budget& budget, const Value& self, const Bound& args) {
  const std::string_view text = text_of(self), separator = args.text(0);
  if (separator.empty()) fail(Error::Code::argument, "partition: an empty separator");
  spend_search(budget, text, separator);
  const size_t at = from == Side::left ? text.find(separator) : text.rfind(separator);
  if (at == text.npos) {
    return from == Side::left ? Value::tuple(texts(budget, {text, "", ""}))
                              : Value::tuple(texts(budget, {"", "", text}));
  }
  return Value::tuple(
      texts(budget, {text.substr(0, at), separator, text.substr(at + separator.size())}));
}

// The part of the text that the arguments start and end (numbers 1 and 2) select; nothing if it
// begins behind the text. `skipped` is how many characters stand before it.
std::optional<std::string_view> part(std::string_view text, const Bound& args, int64_t& skipped) {
  if (!args.has(1) && !args.has(2)) return text;
  const auto size = static_cast<int64_t>(code_points(text));
  const auto at = [&](size_t i, int64_t fallback) {
    const int64_t bound = args.has(i) && !args[i].is_none() ? args.integer(i, 0) : fallback;
    return bound < 0 ? std::max<int64_t>(bound + size, 0) : bound;
  };
  const int64_t start = at(1, 0), end = std::min(at(2, size), size);
  if (start > size || end < start) return std::nullopt;
  skipped = start;
  const size_t from = byte_offset(text, static_cast<size_t>(start));
  return text.substr(from, byte_offset(text.substr(from), static_cast<size_t>(end - start)));
}

template <bool at_end>
Value affixed(Budget& budget, const Value& self, const Bound& args) {
  int64_t skipped = 0;
  const auto text = part(text_of(self), args, skipped);
  const auto matches = [&](const Value& affix) {
    if (!affix.as_text()) args.refuse(0, "a str or a tuple of them");
    return text &&
           (at_end ? text->ends_with(*affix.as_text()) : text->starts_with(*affix.as_text()));
  };
  const Sequence* several = args[0].as_sequence();
  if (several && several->kind == Sequence::Kind::tuple) {
    return Value::boolean(std::ranges::any_of(several->items, matches));
  }
  return Value::boolean(matches(args[0]));
}

template <bool from_right, bool must_exist>
Value found(Budget& budget, const Value& self, const Bound& args) {
  int64_t skipped = 0;
  const auto text = part(text_of(self), args, skipped);
  const std::string& needle = args.text(0);
  if (text) {
    spend_search(budget, *text, needle);
    const size_t at = from_right ? text->rfind(needle) : text->find(needle);
    if (at != text->npos) {
      return Value::integer(skipped + static_cast<int64_t>(code_points(text->substr(0, at))));
    }
  }
  if (must_exist) fail(Error::Code::argument, args.callee(), ": the text is not found");
  return Value::integer(-1);
}

Value counted(Budget& budget, const Value& self, const Bound& args) {
  int64_t skipped = 0;
  const auto text = part(text_of(self), args, skipped);
  if (!text) return Value::integer(0);
  const std::string& needle = args.text(0);
  if (needle.empty()) return Value::integer(static_cast<int64_t>(code_points(*text)) + 1);
  spend_search(budget, *text, needle);
  int64_t count = 0;
  for (size_t at = 0; (at = text->find(needle, at)) != text->npos; at += needle.size()) ++count;
  return Value::integer(count);
}

Value replaced(Budget& budget, const Value& self, const Bound& args) {
  return replace_text(budget, text_of(self), args.text(0), args.text(1), args.integer(2, -1));
}

Value joined(Budget& budget, const Value& self, const Bound& args) {
  TextBuilder out(budget);
  Cursor cursor(args[0]);
  bool first = true;
  while (const auto item = cursor.next()) {
    budget.spend(1);
    if (!item->as_text())
      fail(Error::Code::argument, "join: expected texts, found a ", type_name(*item));
    if (!std::exchange(first, false)) out << text_of(self);
    out << *item->as_text();
  }
  return Value::text(out.take());
}

template <bool at_end>
Value without_affix(Budget&, const Value& self, const Bound& args) {
  std::string_view text = text_of(self);
  const std::string& affix = args.text(0);
  if (at_end && text.ends_with(affix)) text.remove_suffix(affix.size());
  if (!at_end && text.starts_with(affix)) text.remove_prefix(affix.size());
  return Value::text(text);
}

template <Side side>
Value justified(Budget& budget, const Value& self, const Bound& args) {
  if (args.has(1) && code_points(args.text(1)) != 1) args.refuse(1, "one character");
  const std::string fill = args.has(1) ? args.text(1) : " ";
  return Value::text(pad_text(budget, text_of(self), side, args.integer(0, 0), fill));
}

Value zero_filled(Budget& budget, const Value& self, const Bound& args) {
  const std::string_view text = text_of(self);
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const int64_t width = args.integer(0, 0) - (has_sign ? 1 : 0);
  const std::string digits = pad_text(budget, text.substr(has_sign), Side::right, width, "0");
  return Value::text(std::string(text.substr(0, has_sign)) + digits);
}

// All characters, and at least one, are `Is`.
template <bool (*Is)(char32_t)>
Value all_are(Budget& budget, const Value& self, const Bound&) {
  const std::string_view text = text_of(self);
  bool all = !text.empty();
  for (size_t i = 0; all && i < text.size();) all = Is(next_code_point(text, i));
  return Value::boolean(all);
}

template <bool (*Is)(std::string_view)>
Value whole_is(Budget& budget, const Value& self, const Bound&) {
  return Value::boolean(Is(text_of(self)));
}

bool is_letter_or_number(char32_t c) {
  return is_alpha(c) || is_decimal(c) || is_other_number(c);
}

bool is_digit(char32_t c) {
  if (is_other_number(c)) {
    fail(Error::Code::unsupported, "isdigit is not supported for numbers such as superscripts");
  }
  return is_decimal(c);
}

Value formatted(Budget& budget, const Value& self, const Bound& args) {
  return format_braces(text_of(self), args.all(), budget);
}

constexpr Method kTextMethods[] = {
    {"strip", "chars?", stripped<Side::both>},
    {"lstrip", "chars?", stripped<Side::left>},
    {"rstrip", "chars?", stripped<Side::right>},
    {"split", "sep? maxsplit?", split_text<Side::left>},
    {"rsplit", "sep? maxsplit?", split_text<Side::right>},
    {"splitlines", "keepends?", split_into_lines},
    {"partition", "sep", partitioned<Side::left>},
    {"rpartition", "sep", partitioned<Side::right>},
    {"startswith", "prefix start? end?", affixed<false>},
    {"endswith", "suffix start? end?", affixed<true>},
    {"find", "sub start? end?", found<false, false>},
    {"rfind", "sub start? end?", found<true, false>},
    {"index", "sub start? end?", found<false, true>},
    {"rindex", "sub start? end?", found<true, true>},
    {"count", "sub start? end?", counted},
    {"replace", "old new count?", replaced},
    {"join", "iterable", joined},
    {"removeprefix", "prefix", without_affix<false>},
    {"removesuffix", "suffix", without_affix<true>},
    {"upper", "", converted<to_upper>},
    {"lower", "", converted<to_lower>},
    {"title", "", converted<to_title>},
    {"capitalize", "", converted<to_capitalized>},
    {"ljust", "width fillchar?", justified<Side::left>},
    {"rjust", "width fillchar?", justified<Side::right>},
    {"center", "width fillchar?", justified<Side::both>},
    {"zfill", "width", zero_filled},
    {"isalpha", "", all_are<is_alpha>},
    {"isalnum", "", all_are<is_letter_or_number>},
    {"isdigit", "", all_are<is_digit>},
    {"isdecimal", "", all_are<is_decimal>},
    {"isspace", "", all_are<is_space>},
    {"islower", "", whole_is<is_lower_text>},
    {"isupper", "", whole_is<is_upper_text>},
    {"format", "*", formatted},
    {"casefold"},
    {"encode"},
    {"expandtabs"},
    {"format_map"},
    {"isascii"},
    {"isidentifier"},
    {"isnumeric"},
    {"isprintable"},
    {"istitle"},
    {"maketrans"},
    {"swapcase"},
    {"translate"},
};

Sequence view(const Value& self, Sequence::Kind kind) {
  Sequence sequence{.kind = kind};
  for (const auto& [key, value] : self.as_dict()->items) {
    sequence.items.push_back(kind == Sequence::Kind::dict_keys     ? key
                             : kind == Sequence::Kind::dict_values ? value
                                                                   : Value::tuple({key, value}));
  }
  return sequence;
}

template <Sequence::Kind kind>
Value dict_view(Budget& budget, const Value& self, const Bound&) {
  budget.spend(self.as_dict()->items.size());
  return Value::of(view(self, kind));
}

Value dict_get(Budget& budget, const Value& self, const Bound& args) {
  const Dict& dict = *self.as_dict();
  budget.spend(dict.cost_of_finding(args[0]));
  if (!is_hashable(args[0])) args.refuse(0, "hashable");
  const Value* value = dict.find(args[0]);
  return value ? *value : args[1];
}

Value same(Budget&, const Value& self, const Bound&) {
  return self;  // a copy of what nothing can change
}

constexpr Method kDictMethods[] = {
    {"get", "key default?", dict_get},
    {"items", "", dict_view<Sequence::Kind::dict_items>},
    {"keys", "", dict_view<Sequence::Kind::dict_keys>},
    {"values", "", dict_view<Sequence::Kind::dict_values>},
    {"copy", "", same},
    {"fromkeys"},
};

Value item_count(Budget& budget, const Value& self, const Bound& args) {
  budget.spend(extent_of(self).weight);
  return Value::integer(std::ranges::count_if(
      self.as_sequence()->items, [&](const Value& item) { return is_equal(item, args[0]); }));
}

Value item_index(Budget& budget, const Value& self, const Bound& args) {
  budget.spend(extent_of(self).weight);
  const List& items = self.as_sequence()->items;
  const auto it =
      std::ranges::find_if(items, [&](const Value& item) { return is_equal(item, args[0]); });
  if (it == items.end()) fail(Error::Code::argument, "index: the value is not in the list");
  return Value::integer(it - items.begin());
}

constexpr Method kListMethods[] = {
    {"count", "value", item_count}, {"index", "value", item_index}, {"copy", "", same}};
constexpr Method kTupleMethods[] = {{"count", "value", item_count}, {"index", "value", item_index}};
constexpr Method kIntegerMethods[] = {
    {"as_integer_ratio"}, {"bit_count"}, {"bit_length"}, {"conjugate"}, {"denominator"},
    {"from_bytes"},       {"imag"},      {"numerator"},  {"real"},      {"to_bytes"}};
constexpr Method kRealMethods[] = {
    {"as_integer_ratio"}, {"conjugate"}, {"fromhex"}, {"hex"}, {"imag"}, {"is_integer"}, {"real"}};
constexpr Method kViewMethods[] = {{"isdisjoint"}, {"mapping"}};
constexpr Method kRangeMethods[] = {
    {"count", "value", item_count}, {"index", "value", item_index}, {"start"}, {"step"}, {"stop"}};
constexpr Method kIteratorMethods[] = {{"close"}, {"send"}, {"throw"}};
constexpr Method kFunctionMethods[] = {{"arguments"},     {"caller"},          {"catch_kwargs"},
                                       {"catch_varargs"}, {"explicit_caller"}, {"name"}};

std::span<const Method> methods_of(const Value& object) {
  if (object.as_text()) return kTextMethods;
  if (object.as_dict()) return kDictMethods;
  if (object.as_real()) return kRealMethods;
  if (object.as_integer()) return kIntegerMethods;
  if (object.as_iterator()) return kIteratorMethods;
  if (object.as_function()) return kFunctionMethods;
  const Sequence* s = object.as_sequence();
  if (!s) return {};
  if (s->kind == Sequence::Kind::list) return kListMethods;
  if (s->kind == Sequence::Kind::tuple) return kTupleMethods;
  if (s->kind == Sequence::Kind::range) return kRangeMethods;
  return kViewMethods;
}

// What would change the object; Jinja's sandbox lets no template do that.
bool is_forbidden(const Value& object, std::string_view name) {
  static constexpr std::array<std::string_view, 5> kOfDicts = {"clear", "pop", "popitem",
                                                               "setdefault", "update"};
  static constexpr std::array<std::string_view, 8> kOfLists = {
      "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
  if (name.starts_with("__") && name.ends_with("__")) return true;
  if (object.as_dict()) return std::ranges::find(kOfDicts, name) != kOfDicts.end();
  const Sequence* s = object.as_sequence();
  return s && s->kind == Sequence::Kind::list &&
         std::ranges::find(kOfLists, name) != kOfLists.end();
}

std::optional<Value> find_loop_method(const Value& object, std::string_view name) {
  if (name == "cycle") {
    const auto cycle = [object](Evaluator&, const Arguments& arguments) {
      if (arguments.positional.empty()) fail(Error::Code::argument, "loop.cycle needs arguments");
      const auto count = static_cast<int64_t>(arguments.positional.size());
      return arguments.positional[static_cast<size_t>(object.as_loop()->index0() % count)];
    };
    return Value::of(Function{.name = "loop.cycle", .call = cycle});
  }
  if (name == "changed") {
    const auto changed = [object](Evaluator& evaluator, const Arguments& arguments) {
      for (const Value& value : arguments.positional) {
        evaluator.budget().spend(extent_of(value).weight);
      }
      return Value::boolean(object.as_loop()->changed(arguments.positional));
    };
    return Value::of(Function{.name = "loop.changed", .call = changed});
  }
  return object.as_loop()->attribute(name);
}

}  // namespace

std::optional<Value> find_method(const Value& object, std::string_view name) {
  if (object.as_loop()) return find_loop_method(object, name);
  if (object.as_safe_text()) {
    fail(Error::Code::unsupported, "methods of a text marked safe are not supported: ", name);
  }
  if (const Sequence* s = object.as_sequence(); s && s->is_group) {
    if (name == "grouper") return s->items[0];
    if (name == "list") return s->items[1];
  }
  if (is_forbidden(object, name)) {
    return Value::undefined(
        cat("access to attribute '", name, "' of a ", type_name(object), " is unsafe"));
  }
  const auto methods = methods_of(object);
  const auto method = std::ranges::find(methods, name, &Method::name);
  if (method == methods.end()) return std::nullopt;
  const auto call = [object, method = *method](Evaluator& evaluator, const Arguments& arguments) {
    if (object.as_text()) evaluator.budget().spend(extent_of(object).weight);
    if (!method.call) {
      fail(Error::Code::unsupported, "the method '", method.name, "' of ", type_name(object),
           " is not supported");
    }
    return method.call(evaluator.budget(), object,
                       Bound(method.name, method.parameters, arguments));
  };
  return Value::of(Function{.name = std::string(name), .call = call, .self = object});
}

}  // namespace heed::jinja
