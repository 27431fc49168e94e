// What a template can call: filters, tests, methods and global functions, and how their arguments
// are bound. Used by jinja_parser (names) and jinja_eval (calls).
// Reference: jinja.palletsprojects.com, "List of Builtin Filters", "... Tests", "... Functions".
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

class Evaluator;

/// A call's arguments in the order of the callee's parameters.
class Bound {
 public:
  /// `parameters` are names with spaces between; those a caller may leave out end with '?'. A "*"
  /// binds nothing: the callee reads all(). Throws Error(argument), naming `callee`, for a missing,
  /// unknown or superfluous argument.
  Bound(std::string_view callee, std::string_view parameters, const Arguments& arguments);

  bool has(size_t i) const { return values_[i] != nullptr; }
  /// The argument, None if it was left out.
  const Value& operator[](size_t i) const;
  /// The argument as what it must be, or the fallback if it was left out.
  const std::string& text(size_t i) const;
  int64_t integer(size_t i, int64_t fallback) const;
  bool truth(size_t i, bool fallback) const;
  const Arguments& all() const { return arguments_; }
  std::string_view callee() const { return callee_; }
  [[noreturn]] void refuse(size_t i, std::string_view expected) const;

 private:
  std::string_view callee_;
  const Arguments& arguments_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

/// input|name(...). `apply` is null for filters of Jinja's that Heed does not have.
struct Filter {
  std::string_view name;
  std::string_view parameters;
  Value (*apply)(Evaluator& evaluator, const Value& input, const Bound& arguments);
};
/// input is name(...).
struct Predicate {
  std::string_view name;
  std::string_view parameters;
  bool (*apply)(Evaluator& evaluator, const Value& input, const Bound& arguments);
};

/// Null if Jinja has none of this name.
const Filter* find_filter(std::string_view name);
const Predicate* find_predicate(std::string_view name);
/// The filters on single values and on sequences, parts of find_filter's table.
std::span<const Filter> value_filters();
std::span<const Filter> sequence_filters();

/// range, namespace, dict, raise_exception, strftime_now; nothing if there is none of this name.
std::optional<Value> find_global(std::string_view name);
/// The method `name` of str, dict, list and so on bound to `object`; nothing if its Python type has
/// none, an undefined value if templates may not use it.
std::optional<Value> find_method(const Value& object, std::string_view name);

}  // namespace heed::jinja
