// Filters on lists, dicts and other sequences.
// Reference: jinja.palletsprojects.com, "List of Builtin Filters".
#include <algorithm>
#include <span>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_ops.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

// The parts of "address.city" or "items.0"; numbers are indices.
List attribute_path(const Value& attribute) {
  if (attribute.is_none()) return {};
  if (!attribute.as_text()) return {attribute};
  List path;
  for (const std::string_view step : split(*attribute.as_text(), ".", -1, Side::left)) {
    const bool number = !step.empty() && step.size() < 10 &&
                        std::ranges::all_of(step, [](char c) { return c >= '0' && c <= '9'; });
    path.push_back(number ? Value::integer(std::stoll(std::string(step))) : Value::text(step));
  }
  return path;
}

Value follow(Evaluator& evaluator, Value item, const List& path, const Value& fallback = Value()) {
  for (const Value& step : path) {
    evaluator.budget().spend(1);
    item = evaluator.item(item, step);
    if (item.as_undefined() && !fallback.is_none()) item = fallback;
  }
  return item;
}

// The value an item is ordered or compared by.
Value key_of(Evaluator& evaluator, const Value& item, const List& path, bool case_sensitive) {
  Value key = follow(evaluator, item, path);
  if (case_sensitive || !key.as_text()) return key;
  evaluator.budget().spend(key.as_text()->size() / 8);
  return Value::text(to_lower(*key.as_text()));
}

using Keyed = std::vector<std::pair<Value, Value>>;  // (key, item)

void sort_by_key(Evaluator& evaluator, Keyed& items, bool reverse) {
  size_t weight = items.size();
  for (const auto& [key, item] : items) weight += extent_of(key).weight;
  for (size_t n = items.size(); n > 0; n /= 2) evaluator.budget().spend(weight);
  std::stable_sort(items.begin(), items.end(), [&](const auto& a, const auto& b) {
    return reverse ? is_less(b.first, a.first) : is_less(a.first, b.first);
  });
}

List items_only(Keyed&& keyed) {
  List items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return items;
}

Value sort(Evaluator& evaluator, const Value& input, const Bound& args) {
  std::vector<List> paths;
  if (args[2].as_text()) {
    for (const auto part : split(args.text(2), ",", -1, Side::left)) {
      paths.push_back(attribute_path(Value::text(part)));
    }
  } else {
    paths.push_back(attribute_path(args[2]));
  }
  Keyed keyed;
  for (const Value& item : items_of(input, evaluator.budget())) {
    List keys;
    for (const List& path : paths)
      keys.push_back(key_of(evaluator, item, path, args.truth(1, false)));
    keyed.emplace_back(Value::list(std::move(keys)), item);
  }
  sort_by_key(evaluator, keyed, args.truth(0, false));
  return Value::list(items_only(std::move(keyed)));
}

Value sort_dict(Evaluator& evaluator, const Value& input, const Bound& args) {
  require_defined(input);
  if (!input.as_dict())
    fail(Error::Code::argument, "dictsort: expected a dict, not a ", type_name(input));
  const std::string by = args.has(1) ? args.text(1) : "key";
  if (by != "key" && by != "value")
    fail(Error::Code::argument, "dictsort: by must be key or value");
  Keyed keyed;
  for (const auto& [key, value] : input.as_dict()->items) {
    keyed.emplace_back(key_of(evaluator, by == "key" ? key : value, {}, args.truth(0, false)),
                       Value::tuple({key, value}));
  }
  sort_by_key(evaluator, keyed, args.truth(2, false));
  return Value::list(items_only(std::move(keyed)));
}

Value group_by(Evaluator& evaluator, const Value& input, const Bound& args) {
  const List path = attribute_path(args[0]);
  const bool case_sensitive = args.truth(2, false);
  Keyed keyed;
  for (const Value& item : items_of(input, evaluator.budget())) {
    Value key = follow(evaluator, item, path, args[1]);
    if (!case_sensitive && key.as_text()) key = Value::text(to_lower(*key.as_text()));
    keyed.emplace_back(std::move(key), item);
  }
  sort_by_key(evaluator, keyed, false);
  List groups;
  for (size_t i = 0; i < keyed.size();) {
    const Value& key = keyed[i].first;
    List members;
    size_t end = i;
    for (; end < keyed.size() && is_equal(keyed[end].first, key); ++end) {
      members.push_back(keyed[end].second);
    }
    // The name of a group is as its first member writes it.
    Value name = case_sensitive ? key : follow(evaluator, members[0], path, args[1]);
    groups.push_back(Value::of(Sequence{.kind = Sequence::Kind::tuple,
                                        .items = {std::move(name), Value::list(std::move(members))},
                                        .is_group = true}));
    i = end;
  }
  return Value::list(std::move(groups));
}

Value unique(Evaluator& evaluator, const Value& input, const Bound& args) {
  const List path = attribute_path(args[1]);
  List seen, items;
  for (const Value& item : items_of(input, evaluator.budget())) {
    const Value key = key_of(evaluator, item, path, args.truth(0, false));
    if (!is_hashable(key))
      fail(Error::Code::argument, "unique: a ", type_name(key), " cannot be compared");
    evaluator.budget().spend(extent_of(key).weight * (1 + seen.size()));
    if (std::ranges::any_of(seen, [&](const Value& other) { return is_equal(key, other); }))
      continue;
    seen.push_back(key);
    items.push_back(item);
  }
  return Value::iterator(std::move(items));
}

template <bool largest>
Value extreme(Evaluator& evaluator, const Value& input, const Bound& args) {
  const List path = attribute_path(args[1]);
  const List items = items_of(input, evaluator.budget());
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const auto key = [&](const Value& item) {
    return key_of(evaluator, item, path, args.truth(0, false));
  };
  const Value* best = &items.front();
  Value best_key = key(*best);
  for (const Value& item : std::span(items).subspan(1)) {
    Value other = key(item);
    evaluator.budget().spend(extent_of(other).weight);
    if (!(largest ? is_less(best_key, other) : is_less(other, best_key))) continue;
    best = &item;
    best_key = std::move(other);
  }
  return *best;
}

Value sum(Evaluator& evaluator, const Value& input, const Bound& args) {
  const List path = attribute_path(args[0]);
  Value total = args.has(1) ? args[1] : Value::integer(0);
  for (const Value& item : items_of(input, evaluator.budget())) {
    total = apply(BinaryOp::add, total, follow(evaluator, item, path), evaluator.budget());
  }
  return total;
}

Value join(Evaluator& evaluator, const Value& input, const Bound& args) {
  Budget& budget = evaluator.budget();
  const List path = attribute_path(args[1]);
  const std::string separator = args.has(0) ? to_text(args[0], budget) : "";
  TextBuilder out(budget);
  Cursor cursor(input);
  bool first = true;
  while (const auto item = cursor.next()) {
    budget.spend(1);
    if (!std::exchange(first, false)) out << separator;
    print(out, follow(evaluator, *item, path));
  }
  return Value::text(out.take());
}

Value first(Evaluator&, const Value& input, const Bound&) {
  return Cursor(input).next().value_or(Value::undefined("No first item, sequence was empty."));
}

// reversed() refuses what can be read only once.
List reversed_items(Evaluator& evaluator, const Value& input) {
  List items = items_of(input, evaluator.budget());
  std::ranges::reverse(items);
  return items;
}

Value last(Evaluator& evaluator, const Value& input, const Bound&) {
  if (const Sequence* s = input.as_sequence(); s && !s->items.empty()) return s->items.back();
  if (input.as_iterator()) fail(Error::Code::argument, "last: a generator cannot be reversed");
  List items = reversed_items(evaluator, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items[0];
}

Value reverse(Evaluator& evaluator, const Value& input, const Bound&) {
  List items = reversed_items(evaluator, input);
  if (input.as_iterator()) return Value::list(std::move(items));
  if (!input.as_text()) return Value::iterator(std::move(items));
  std::string out;
  for (const Value& item : items) out += *item.as_text();
  return Value::text(std::move(out));
}

Value length(Evaluator&, const Value& input, const Bound& args) {
  const auto size = length_of(input);
  if (!size) fail(Error::Code::argument, args.callee(), ": a ", type_name(input), " has no length");
  return Value::integer(*size);
}

Value list(Evaluator& evaluator, const Value& input, const Bound&) {
  return Value::list(items_of(input, evaluator.budget()));
}

Value items(Evaluator& evaluator, const Value& input, const Bound&) {
  if (input.as_undefined()) return Value::iterator({});
  if (!input.as_dict())
    fail(Error::Code::argument, "items: expected a dict, not a ", type_name(input));
  List pairs;
  for (const auto& [key, value] : input.as_dict()->items) {
    evaluator.budget().spend(1);
    pairs.push_back(Value::tuple({key, value}));
  }
  return Value::iterator(std::move(pairs));
}

Value map(Evaluator& evaluator, const Value& input, const Bound& args) {
  Arguments rest = args.all();
  List results;
  if (!is_truthy(input)) return Value::iterator({});
  if (rest.positional.empty()) {
    const Bound named("map", "attribute default?", rest);
    const List path = attribute_path(named[0]);
    for (const Value& item : items_of(input, evaluator.budget())) {
      results.push_back(follow(evaluator, item, path, named[1]));
    }
  } else {
    if (!rest.positional[0].as_text())
      fail(Error::Code::argument, "map: expected the name of a filter");
    const std::string name = *rest.positional[0].as_text();
    rest.positional.erase(rest.positional.begin());
    for (const Value& item : items_of(input, evaluator.budget())) {
      results.push_back(evaluator.apply_filter(name, item, rest));
    }
  }
  return Value::iterator(std::move(results));
}

// select and reject, of the items or of an attribute of theirs.
template <bool by_attribute, bool wanted>
Value selected(Evaluator& evaluator, const Value& input, const Bound& args) {
  if (!is_truthy(input)) return Value::iterator({});
  Arguments rest = args.all();
  const auto take = [&]() -> std::optional<Value> {
    if (rest.positional.empty()) return std::nullopt;
    const Value value = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
    return value;
  };
  List path;
  if (by_attribute) {
    const auto attribute = take();
    if (!attribute)
      fail(Error::Code::argument, args.callee(), ": the name of an attribute is missing");
    path = attribute_path(*attribute);
  }
  const auto test = take();
  if (test && !test->as_text())
    fail(Error::Code::argument, args.callee(), ": expected the name of a test");
  List picked;
  for (const Value& item : items_of(input, evaluator.budget())) {
    const Value value = follow(evaluator, item, path);
    const bool passes =
        test ? evaluator.apply_predicate(*test->as_text(), value, rest) : is_truthy(value);
    if (passes == wanted) picked.push_back(item);
  }
  return Value::iterator(std::move(picked));
}

Value batch(Evaluator& evaluator, const Value& input, const Bound& args) {
  const int64_t size = args.integer(0, 0);
  if (size <= 0) fail(Error::Code::argument, "batch: the size must be positive");
  List batches, current;
  for (Value& item : items_of(input, evaluator.budget())) {
    if (static_cast<int64_t>(current.size()) == size)
      batches.push_back(Value::list(std::exchange(current, {})));
    current.push_back(std::move(item));
  }
  if (!current.empty() && !args[1].is_none()) {
    evaluator.budget().spend(std::min<size_t>(static_cast<size_t>(size), kMaxSteps + 1));
    current.resize(static_cast<size_t>(size), args[1]);
  }
  if (!current.empty()) batches.push_back(Value::list(std::move(current)));
  return Value::iterator(std::move(batches));
}

Value slice_evenly(Evaluator& evaluator, const Value& input, const Bound& args) {
  const int64_t count = args.integer(0, 0);
  if (count <= 0) fail(Error::Code::argument, "slice: the number of slices must be positive");
  const List all = items_of(input, evaluator.budget());
  evaluator.budget().spend(std::min<size_t>(static_cast<size_t>(count), kMaxSteps + 1));
  const auto size = static_cast<int64_t>(all.size());
  List slices;
  auto from = all.begin();
  for (int64_t i = 0; i < count; ++i) {
    const auto to = from + size / count + (i < size % count);
    List part(from, to);
    if (!args[1].is_none() && i >= size % count) part.push_back(args[1]);
    slices.push_back(Value::list(std::move(part)));
    from = to;
  }
  return Value::iterator(std::move(slices));
}

constexpr Filter kSequenceFilters[] = {
    {"batch", "linecount fill_with?", batch},
    {"count", "", length},
    {"dictsort", "case_sensitive? by? reverse?", sort_dict},
    {"first", "", first},
    {"groupby", "attribute default? case_sensitive?", group_by},
    {"items", "", items},
    {"join", "d? attribute?", join},
    {"last", "", last},
    {"length", "", length},
    {"list", "", list},
    {"map", "*", map},
    {"max", "case_sensitive? attribute?", extreme<true>},
    {"min", "case_sensitive? attribute?", extreme<false>},
    {"reject", "*", selected<false, false>},
    {"rejectattr", "*", selected<true, false>},
    {"reverse", "", reverse},
    {"select", "*", selected<false, true>},
    {"selectattr", "*", selected<true, true>},
    {"slice", "slices fill_with?", slice_evenly},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"sum", "attribute? start?", sum},
    {"unique", "case_sensitive? attribute?", unique},
};

}  // namespace

std::span<const Filter> sequence_filters() {
  return kSequenceFilters;
}

}  // namespace heed::jinja
