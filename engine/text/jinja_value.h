// The values a chat template computes with: Python's, as far as templates can tell.
// Used by every jinja_* file. Reference: docs.python.org/3/reference/datamodel.html.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/text/jinja_budget.h"

namespace heed::jinja {

class Evaluator;
class Value;
struct Sequence;
struct Dict;
struct Iterator;
struct Namespace;
struct Function;
class Loop;

using None = std::monostate;
using List = std::vector<Value>;
using Items = std::vector<std::pair<Value, Value>>;  ///< a dict's pairs, in insertion order

/// A name, attribute or element that does not exist: prints as nothing, counts as false and empty,
/// and fails with `why` when anything else is done to it.
struct Undefined {
  std::shared_ptr<const std::string> why;
};

/// A text that the filters safe and escape marked as HTML: it prints as any text, but adding to it
/// escapes what is added. Anything else a text can do it does not, so that nothing is done wrong.
struct SafeText {
  std::shared_ptr<const std::string> text;
};

/// One value; cheap to copy, contents shared and (but for iterators, loops and namespaces)
/// immutable. Text is valid UTF-8. Namespaces belong to the evaluator of the running template, so
/// that a namespace that holds itself is no leak.
class Value {
 public:
  using Text = std::shared_ptr<const std::string>;
  using Data =
      std::variant<None, Undefined, bool, int64_t, double, Text, std::shared_ptr<const Sequence>,
                   std::shared_ptr<const Dict>, std::shared_ptr<Iterator>,
                   std::shared_ptr<const Function>, std::shared_ptr<Loop>, Namespace*, SafeText>;

  Value() = default;
  static Value undefined(std::string why);
  static Value boolean(bool value) { return Value(Data(value)); }
  static Value integer(int64_t value) { return Value(Data(value)); }
  static Value real(double value) { return Value(Data(value)); }
  static Value text(std::string_view value);
  static Value text(std::string&& value);
  static Value text(const char* value) { return text(std::string_view(value)); }
  static Value safe_text(std::string value);
  static Value list(List items);
  static Value tuple(List items);
  static Value dict(Items items);
  static Value iterator(List items);
  static Value of(Sequence sequence);
  static Value of(Function function);
  static Value of(std::shared_ptr<Loop> loop) { return Value(Data(std::move(loop))); }
  static Value of(Namespace* space) { return Value(Data(space)); }

  const Data& data() const { return data_; }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  const Undefined* as_undefined() const { return std::get_if<Undefined>(&data_); }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const double* as_real() const { return std::get_if<double>(&data_); }
  const std::string* as_text() const { return pointee<Text>(); }
  const std::string* as_safe_text() const {
    const SafeText* safe = std::get_if<SafeText>(&data_);
    return safe ? safe->text.get() : nullptr;
  }
  /// A text, marked safe or not.
  const std::string* as_any_text() const { return as_text() ? as_text() : as_safe_text(); }
  const Sequence* as_sequence() const { return pointee<std::shared_ptr<const Sequence>>(); }
  const Dict* as_dict() const { return pointee<std::shared_ptr<const Dict>>(); }
  Iterator* as_iterator() const { return pointee<std::shared_ptr<Iterator>>(); }
  const Function* as_function() const { return pointee<std::shared_ptr<const Function>>(); }
  Loop* as_loop() const { return pointee<std::shared_ptr<Loop>>(); }
  Namespace* as_namespace() const;
  /// An int, or a bool as the int it is in Python.
  std::optional<int64_t> as_integer() const;
  bool is_number() const { return as_integer() || as_real(); }

 private:
  explicit Value(Data data) : data_(std::move(data)) {}
  template <typename Pointer>
  auto pointee() const -> decltype(std::declval<Pointer>().get()) {
    const Pointer* p = std::get_if<Pointer>(&data_);
    return p ? p->get() : nullptr;
  }

  Data data_;
};

/// How much there is to walk through in a value: bounds every recursion over it, and prices it.
struct Extent {
  int depth = 0;         ///< containers one inside the other
  size_t weight = 1;     ///< steps (see Budget) of looking at all of it
  bool hashable = true;  ///< all of it, as the key of a dict must be
};

/// A list, tuple, range or view of a dict.
struct Sequence {
  enum class Kind { list, tuple, range, dict_keys, dict_values, dict_items };
  Kind kind = Kind::list;
  List items;
  bool is_group = false;  ///< a tuple of groupby's: the items are also called grouper and list
  Extent extent;
};

/// A dict. Keys keep their first position, the last value given wins.
struct Dict {
  Items items;
  Extent extent;
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// The steps of looking for `key`.
  size_t cost_of_finding(const Value& key) const;
};

/// What map, select and the like return: read once, front to back.
struct Iterator {
  List items;
  size_t next = 0;
  Extent extent;
};

/// namespace(...): the one thing a template may change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
  Value* find(std::string_view name);
  void set(std::string_view name, Value value);
};

/// What a call is given.
struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// A macro, a method bound to its object, or a global function.
struct Function {
  std::string name;
  std::function<Value(Evaluator&, const Arguments&)> call;
  Value self;  ///< the object a method is bound to
  Extent extent;
};

/// Reads any iterable value front to back, as Python's iter() does: list items, dict keys, the
/// characters of a text. Throws Error(argument) if the value is not iterable.
class Cursor {
 public:
  explicit Cursor(Value source);
  std::optional<Value> next();

 private:
  Value source_;
  size_t position_ = 0;
};

Extent extent_of(const Value& value);
/// Python's name of the value's type.
std::string_view type_name(const Value& value);
bool is_truthy(const Value& value);
/// Python's ==.
bool is_equal(const Value& a, const Value& b);
/// Python's <; throws Error(argument) for types that have no order.
bool is_less(const Value& a, const Value& b);
/// Python's hashable: what may be a dict's key.
bool is_hashable(const Value& value);
/// Whether Cursor accepts it.
bool is_iterable(const Value& value);
/// len(), or nothing where Python has none.
std::optional<int64_t> length_of(const Value& value);
/// list(): all that a Cursor reads.
List items_of(const Value& value, Budget& budget);
/// Fails with the reason why the value is undefined, if it is.
void require_defined(const Value& value);
/// Sets `key` in the items of a dict to be. Throws Error(argument) if it is not hashable.
void set_item(Items& items, const Value& key, Value value);

}  // namespace heed::jinja
