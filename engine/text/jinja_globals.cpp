// Global functions, and the binding of arguments to parameters.
#include <algorithm>
#include <array>
#include <clocale>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_time.h"

namespace heed::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as in Jinja's sandbox

Value range(Evaluator& evaluator, const Arguments& arguments) {
  const Bound args("range", "start stop? step?", arguments);
  const bool one = !args.has(1);
  const int64_t start = one ? 0 : args.integer(0, 0), stop = args.integer(one ? 0 : 1, 0);
  const int64_t step = args.integer(2, 1);
  if (step == 0) fail(Error::Code::argument, "range: the step cannot be zero");
  Sequence numbers{.kind = Sequence::Kind::range};
  int64_t i = start;
  while (step > 0 ? i < stop : i > stop) {
    if (static_cast<int64_t>(numbers.items.size()) == kMaxRange) {
      fail(Error::Code::limit, "range: more than ", kMaxRange, " numbers");
    }
    numbers.items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  evaluator.budget().spend(numbers.items.size());
  return Value::of(std::move(numbers));
}

// dict(...): the pairs of a dict or of a list of pairs, then the named arguments.
Items make_items(Evaluator& evaluator, std::string_view callee, const Arguments& arguments) {
  Items items;
  const auto add = [&](const Value& key, const Value& value) {
    evaluator.budget().spend(1 + items.size() / 8 * extent_of(key).weight);
    set_item(items, key, value);
  };
  if (arguments.positional.size() > 1) fail(Error::Code::argument, callee, ": too many arguments");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    require_defined(source);
    if (const Dict* dict = source.as_dict()) {
      evaluator.budget().spend(dict->items.size());
      items = dict->items;
    } else {
      for (const Value& pair : items_of(source, evaluator.budget())) {
        const List both = items_of(pair, evaluator.budget());
        if (both.size() != 2) fail(Error::Code::argument, callee, ": expected pairs");
        add(both[0], both[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.keyword) add(Value::text(name), value);
  return items;
}

Value make_dict(Evaluator& evaluator, const Arguments& arguments) {
  return Value::dict(make_items(evaluator, "dict", arguments));
}

Value make_namespace(Evaluator& evaluator, const Arguments& arguments) {
  Namespace* space = evaluator.make_namespace();
  for (auto& [key, value] : make_items(evaluator, "namespace", arguments)) {
    const std::string* name = key.as_text();
    if (!name || name->starts_with('_')) {
      fail(Error::Code::argument, "namespace: fields are texts that do not start with '_'");
    }
    space->attributes.emplace_back(*name, value);
  }
  return Value::of(space);
}

Value raise_exception(Evaluator& evaluator, const Arguments& arguments) {
  const Bound args("raise_exception", "message", arguments);
  throw Error(Error::Code::argument, to_text(args[0], evaluator.budget()));
}

Value strftime_now(Evaluator& evaluator, const Arguments& arguments) {
  const Bound args("strftime_now", "format", arguments);
  return Value::text(format_time(evaluator.now(), args.text(0)));
}

Value unsupported(Evaluator&, const Arguments&) {
  fail(Error::Code::unsupported, "lipsum, cycler and joiner are not supported");
}

struct Global {
  std::string_view name;
  Value (*call)(Evaluator&, const Arguments&);
};
constexpr std::array kGlobals = {
    Global{"range", range},
    Global{"dict", make_dict},
    Global{"namespace", make_namespace},
    Global{"raise_exception", raise_exception},
    Global{"strftime_now", strftime_now},
    Global{"lipsum", unsupported},
    Global{"cycler", unsupported},
    Global{"joiner", unsupported},
};

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  const auto it = std::ranges::find(kGlobals, name, &Global::name);
  if (it == kGlobals.end()) return std::nullopt;
  return Value::of(Function{.name = std::string(name), .call = it->call});
}

Bound::Bound(std::string_view callee, std::string_view parameters, const Arguments& arguments)
    : callee_(callee), arguments_(arguments) {
  if (parameters == "*") return;
  std::vector<bool> optional;
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(' '), parameters.size());
    std::string_view name = parameters.substr(0, end);
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    optional.push_back(name.ends_with('?'));
    if (optional.back()) name.remove_suffix(1);
    names_.push_back(name);
  }
  if (arguments.positional.size() > names_.size()) {
    fail(Error::Code::argument, callee, ": at most ", names_.size(), " arguments, not ",
         arguments.positional.size());
  }
  values_.resize(names_.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.keyword) {
    const auto it = std::ranges::find(names_, name);
    if (it == names_.end()) fail(Error::Code::argument, callee, ": no argument '", name, "'");
    const Value*& slot = values_[static_cast<size_t>(it - names_.begin())];
    if (slot) fail(Error::Code::argument, callee, ": the argument '", name, "' is given twice");
    slot = &value;
  }
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!optional[i] && !values_[i]) {
      fail(Error::Code::argument, callee, ": the argument '", names_[i], "' is missing");
    }
  }
}

const Value& Bound::operator[](size_t i) const {
  static const Value kNone;
  return values_[i] ? *values_[i] : kNone;
}

void Bound::refuse(size_t i, std::string_view expected) const {
  require_defined((*this)[i]);
  fail(Error::Code::argument, callee_, ": the argument '", names_[i], "' must be ", expected,
       ", not a ", type_name((*this)[i]));
}

const std::string& Bound::text(size_t i) const {
  const std::string* text = (*this)[i].as_text();
  if (!text) refuse(i, "a str");
  return *text;
}

int64_t Bound::integer(size_t i, int64_t fallback) const {
  if (!has(i)) return fallback;
  const auto value = (*this)[i].as_integer();
  if (!value) refuse(i, "an int");
  return *value;
}

bool Bound::truth(size_t i, bool fallback) const {
  return has(i) ? is_truthy((*this)[i]) : fallback;
}

}  // namespace heed::jinja
