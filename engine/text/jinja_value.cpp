// Values: construction, truth, equality, order, iteration.
#include "engine/text/jinja_value.h"

#include <algorithm>
#include <cmath>

#include "engine/text/jinja_loop.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

void enclose(Extent& outer, const Value& inner) {
  const Extent extent = extent_of(inner);
  if (extent.depth >= kMaxValueDepth) {
    fail(Error::Code::limit, "a value is nested deeper than ", kMaxValueDepth, " levels");
  }
  outer.depth = std::max(outer.depth, extent.depth + 1);
  outer.weight += std::min(extent.weight, kMaxSteps);
  outer.hashable &= extent.hashable;
}

Extent extent_around(const List& items) {
  Extent extent{.depth = 1};
  for (const Value& item : items) enclose(extent, item);
  return extent;
}

// Both numbers; exact, as Python compares (long double has the 64 bits an int64 needs).
int compare_numbers(const Value& a, const Value& b) {
  if (a.as_integer() && b.as_integer()) {
    return *a.as_integer() < *b.as_integer() ? -1 : *a.as_integer() > *b.as_integer();
  }
  const auto wide = [](const Value& v) -> long double {
    return v.as_real() ? *v.as_real() : static_cast<long double>(*v.as_integer());
  };
  const long double x = wide(a), y = wide(b);
  if (std::isnan(x) || std::isnan(y)) return 2;  // neither less, equal nor greater
  return x < y ? -1 : x > y;
}

bool equal_items(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_equal);
}

bool equal_sequences(const Sequence& a, const Sequence& b) {
  if (&a == &b || a.kind != b.kind) return &a == &b;
  if (a.kind >= Sequence::Kind::dict_keys) {
    fail(Error::Code::unsupported, "comparing views of dicts is not supported");
  }
  return equal_items(a.items, b.items);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  return a.items.size() == b.items.size() && std::ranges::all_of(a.items, [&](const auto& item) {
           const Value* other = b.find(item.first);
           return other && is_equal(item.second, *other);
         });
}

}  // namespace

Value Value::undefined(std::string why) {
  return Value(Data(Undefined{std::make_shared<const std::string>(std::move(why))}));
}

Value Value::text(std::string_view value) {
  return text(std::string(value));
}

Value Value::text(std::string&& value) {
  return Value(Data(std::make_shared<const std::string>(std::move(value))));
}

Value Value::safe_text(std::string value) {
  return Value(Data(SafeText{std::make_shared<const std::string>(std::move(value))}));
}

Value Value::of(Sequence sequence) {
  sequence.extent = extent_around(sequence.items);
  const Sequence::Kind kind = sequence.kind;
  sequence.extent.hashable &= kind == Sequence::Kind::tuple || kind == Sequence::Kind::range;
  return Value(Data(std::make_shared<const Sequence>(std::move(sequence))));
}

Value Value::list(List items) {
  return of(Sequence{.kind = Sequence::Kind::list, .items = std::move(items)});
}

Value Value::tuple(List items) {
  return of(Sequence{.kind = Sequence::Kind::tuple, .items = std::move(items)});
}

Value Value::dict(Items items) {
  Extent extent{.depth = 1};
  for (const auto& [key, value] : items) {
    enclose(extent, key);
    enclose(extent, value);
  }
  extent.hashable = false;
  return Value(Data(std::make_shared<const Dict>(Dict{std::move(items), extent})));
}

Value Value::iterator(List items) {
  Iterator iterator{.items = std::move(items)};
  iterator.extent = extent_around(iterator.items);
  return Value(Data(std::make_shared<Iterator>(std::move(iterator))));
}

Value Value::of(Function function) {
  enclose(function.extent, function.self);
  return Value(Data(std::make_shared<const Function>(std::move(function))));
}

Namespace* Value::as_namespace() const {
  Namespace* const* space = std::get_if<Namespace*>(&data_);
  return space ? *space : nullptr;
}

std::optional<int64_t> Value::as_integer() const {
  if (const int64_t* i = std::get_if<int64_t>(&data_)) return *i;
  if (const bool* b = as_bool()) return *b;
  return std::nullopt;
}

const Value* Dict::find(const Value& key) const {
  if (const std::string* text = key.as_any_text()) return find(*text);
  const auto it =
      std::ranges::find_if(items, [&](const auto& i) { return is_equal(i.first, key); });
  return it == items.end() ? nullptr : &it->second;
}

const Value* Dict::find(std::string_view key) const {
  const auto it = std::ranges::find_if(items, [&](const auto& item) {
    const std::string* text = item.first.as_any_text();
    return text && *text == key;
  });
  return it == items.end() ? nullptr : &it->second;
}

size_t Dict::cost_of_finding(const Value& key) const {
  constexpr size_t kKeysPerStep = 8;
  return (1 + items.size() / kKeysPerStep) * extent_of(key).weight;
}

Value* Namespace::find(std::string_view name) {
  const auto it = std::ranges::find(attributes, name, &std::pair<std::string, Value>::first);
  return it == attributes.end() ? nullptr : &it->second;
}

void Namespace::set(std::string_view name, Value value) {
  if (Value* old = find(name)) {
    *old = std::move(value);
  } else {
    attributes.emplace_back(name, std::move(value));
  }
}

void set_item(Items& items, const Value& key, Value value) {
  if (!is_hashable(key)) {
    fail(Error::Code::argument, "a ", type_name(key), " cannot be the key of a dict");
  }
  const auto it =
      std::ranges::find_if(items, [&](const auto& i) { return is_equal(i.first, key); });
  if (it == items.end()) {
    items.emplace_back(key, std::move(value));
  } else {
    it->second = std::move(value);
  }
}

Extent extent_of(const Value& value) {
  if (const Sequence* s = value.as_sequence()) return s->extent;
  if (const Dict* d = value.as_dict()) return d->extent;
  if (const Iterator* i = value.as_iterator()) return i->extent;
  if (const Function* f = value.as_function()) return f->extent;
  const std::string* text = value.as_any_text();
  return {.weight = text ? 1 + text->size() / kBytesPerStep : 1};
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kNames[] = {
      "NoneType", "Undefined", "bool",     "int",         "float",     "str",   "list",
      "dict",     "generator", "function", "LoopContext", "Namespace", "Markup"};
  if (const Sequence* s = value.as_sequence()) {
    static constexpr std::string_view kKinds[] = {"list",      "tuple",       "range",
                                                  "dict_keys", "dict_values", "dict_items"};
    return kKinds[static_cast<size_t>(s->kind)];
  }
  return kNames[value.data().index()];
}

bool is_truthy(const Value& value) {
  if (value.is_none() || value.as_undefined()) return false;
  if (const auto i = value.as_integer()) return *i != 0;
  if (const double* d = value.as_real()) return *d != 0;
  if (const std::string* text = value.as_any_text()) return !text->empty();
  return length_of(value).value_or(1) != 0;
}

bool is_equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.as_any_text() && b.as_any_text()) return *a.as_any_text() == *b.as_any_text();
  if (a.data().index() != b.data().index()) return false;
  if (const Sequence* s = a.as_sequence()) {
    return equal_sequences(*s, *b.as_sequence());
  }
  if (const Dict* d = a.as_dict()) return d == b.as_dict() || equal_dicts(*d, *b.as_dict());
  if (const Function* f = a.as_function()) return f == b.as_function();
  if (a.as_iterator()) return a.as_iterator() == b.as_iterator();
  if (a.as_loop()) return a.as_loop() == b.as_loop();
  if (a.as_namespace()) return a.as_namespace() == b.as_namespace();
  return true;  // two Nones, or two undefined values
}

bool is_less(const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == -1;
  if (a.as_any_text() && b.as_any_text()) return *a.as_any_text() < *b.as_any_text();
  const Sequence *x = a.as_sequence(), *y = b.as_sequence();
  if (x && y && x->kind == y->kind &&
      (x->kind == Sequence::Kind::list || x->kind == Sequence::Kind::tuple)) {
    const auto [i, j] = std::ranges::mismatch(x->items, y->items, is_equal);
    if (i == x->items.end() || j == y->items.end()) return x->items.size() < y->items.size();
    return is_less(*i, *j);
  }
  fail(Error::Code::argument, "a ", type_name(a), " and a ", type_name(b), " have no order");
}

bool is_hashable(const Value& value) {
  return extent_of(value).hashable;
}

bool is_iterable(const Value& value) {
  return value.as_text() || value.as_sequence() || value.as_dict() || value.as_iterator() ||
         value.as_undefined();
}

std::optional<int64_t> length_of(const Value& value) {
  if (const std::string* text = value.as_any_text()) {
    return static_cast<int64_t>(code_points(*text));
  }
  if (const Sequence* s = value.as_sequence()) return static_cast<int64_t>(s->items.size());
  if (const Dict* d = value.as_dict()) return static_cast<int64_t>(d->items.size());
  if (value.as_undefined()) return 0;
  return std::nullopt;
}

Cursor::Cursor(Value source) : source_(std::move(source)) {
  if (!is_iterable(source_)) {
    fail(Error::Code::argument, "a value of type ", type_name(source_), " cannot be iterated over");
  }
}

std::optional<Value> Cursor::next() {
  if (const Sequence* s = source_.as_sequence()) {
    if (position_ < s->items.size()) return s->items[position_++];
  } else if (const Dict* d = source_.as_dict()) {
    if (position_ < d->items.size()) return d->items[position_++].first;
  } else if (Iterator* i = source_.as_iterator()) {
    if (i->next < i->items.size()) return i->items[i->next++];
  } else if (const std::string* text = source_.as_text()) {
    if (position_ < text->size()) {
      const size_t start = position_;
      next_code_point(*text, position_);
      return Value::text(std::string_view(*text).substr(start, position_ - start));
    }
  }
  return std::nullopt;
}

List items_of(const Value& value, Budget& budget) {
  const size_t steps = value.as_text() ? 4 : 1;  // each character becomes a value of its own
  List items;
  Cursor cursor(value);
  while (auto item = cursor.next()) {
    budget.spend(steps);
    items.push_back(std::move(*item));
  }
  return items;
}

void require_defined(const Value& value) {
  if (const Undefined* u = value.as_undefined()) fail(Error::Code::argument, *u->why);
}

}  // namespace heed::jinja
