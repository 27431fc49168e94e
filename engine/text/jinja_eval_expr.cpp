// Evaluation of expressions.
#include <algorithm>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_loop.h"
#include "engine/text/jinja_ops.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {

Value Evaluator::eval(const Expr& expr) {
  const DepthGuard guard(depth_);
  budget_.spend(1);
  const int line = std::exchange(line_, expr.line);  // an error leaves it where it happened
  Value value = std::visit([this](const auto& node) { return eval_node(node); }, expr.node);
  line_ = line;
  return value;
}

List Evaluator::eval_all(const std::vector<ExprPtr>& exprs) {
  List values;
  values.reserve(exprs.size());
  for (const ExprPtr& expr : exprs) values.push_back(eval(*expr));
  return values;
}

Value Evaluator::eval_node(const Name& node) {
  const std::optional<Value>& value = variable(node.slot);
  return value ? *value : Value::undefined(cat("'", node.name, "' is undefined"));
}

Value Evaluator::eval_node(const TupleDisplay& node) {
  return Value::tuple(eval_all(node.items));
}

Value Evaluator::eval_node(const ListDisplay& node) {
  return Value::list(eval_all(node.items));
}

Value Evaluator::eval_node(const DictDisplay& node) {
  Items items;
  for (const auto& [key, value] : node.items) {
    Value name = eval(*key);
    budget_.spend(extent_of(name).weight * items.size());
    set_item(items, name, eval(*value));
  }
  return Value::dict(std::move(items));
}

Value Evaluator::eval_node(const Unary& node) {
  const Value operand = eval(*node.operand);
  if (node.op == UnaryOp::logical_not) return Value::boolean(!is_truthy(operand));
  return apply(node.op, operand);
}

Value Evaluator::eval_node(const Binary& node) {
  const Value left = eval(*node.left);
  return apply(node.op, left, eval(*node.right), budget_);
}

Value Evaluator::eval_node(const Logical& node) {
  Value left = eval(*node.left);
  return is_truthy(left) == node.is_and ? eval(*node.right) : left;
}

Value Evaluator::eval_node(const Concat& node) {
  TextBuilder text(budget_);
  for (const Value& part : eval_all(node.parts)) print(text, part);
  return Value::text(text.take());
}

Value Evaluator::eval_node(const Comparison& node) {
  Value left = eval(*node.first);
  for (const auto& [op, operand] : node.rest) {
    Value right = eval(*operand);
    if (!compare(op, left, right, budget_)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Evaluator::eval_node(const Conditional& node) {
  if (is_truthy(eval(*node.test))) return eval(*node.then);
  if (node.otherwise) return eval(*node.otherwise);
  return Value::undefined("an inline if without else was false");
}

Value Evaluator::eval_node(const Attribute& node) {
  return attribute(eval(*node.object), node.name);
}

Value Evaluator::eval_node(const Subscript& node) {
  const Value object = eval(*node.object);
  return item(object, eval(*node.index));
}

Value Evaluator::eval_node(const Slice& node) {
  const Value object = eval(*node.object);
  const auto bound = [this](const ExprPtr& expr) { return expr ? eval(*expr) : Value(); };
  const Value start = bound(node.start), stop = bound(node.stop);
  return slice(object, start, stop, bound(node.step), budget_);
}

Arguments Evaluator::eval_arguments(const CallArguments& arguments) {
  Arguments values;
  values.positional = eval_all(arguments.positional);
  for (const auto& [name, value] : arguments.keyword)
    values.keyword.emplace_back(name, eval(*value));
  if (arguments.more_positional) {
    for (Value& value : items_of(eval(*arguments.more_positional), budget_)) {
      values.positional.push_back(std::move(value));
    }
  }
  if (arguments.more_keyword) {
    const Value more = eval(*arguments.more_keyword);
    if (!more.as_dict()) fail(Error::Code::argument, "what stands behind ** must be a dict");
    for (const auto& [key, value] : more.as_dict()->items) {
      budget_.spend(1 + values.keyword.size());
      const std::string* name = key.as_text();
      if (!name) fail(Error::Code::argument, "an argument's name must be a str");
      for (const auto& given : values.keyword) {
        if (given.first == *name) {
          fail(Error::Code::argument, "the argument '", *name, "' is given twice");
        }
      }
      values.keyword.emplace_back(*name, value);
    }
  }
  return values;
}

Value Evaluator::eval_call(const Call& node, const Value* caller) {
  const Value callee = eval(*node.callee);
  Arguments arguments = eval_arguments(node.arguments);
  if (caller) arguments.keyword.emplace_back("caller", *caller);
  return call(callee, arguments);
}

Value Evaluator::call(const Value& callee, const Arguments& arguments) {
  require_defined(callee);
  const Function* function = callee.as_function();
  if (!function) {
    fail(Error::Code::argument, "a value of type ", type_name(callee), " cannot be called");
  }
  return function->call(*this, arguments);
}

namespace {

[[noreturn]] void refuse_unknown(std::string_view kind, std::string_view name, bool in_jinja) {
  if (in_jinja) fail(Error::Code::unsupported, "the ", kind, " '", name, "' is not supported");
  fail(Error::Code::format, "there is no ", kind, " '", name, "'");
}

// What the other filters make of a text marked safe would be marked, too.
void check_safe_text(std::string_view filter, const Value& input) {
  static constexpr std::string_view kFit[] = {"count",  "d",           "default", "e",
                                              "escape", "forceescape", "length",  "replace",
                                              "safe",   "string",      "tojson"};
  if (input.as_safe_text() && std::ranges::find(kFit, filter) == std::end(kFit)) {
    fail(Error::Code::unsupported, "the filter '", filter,
         "' of a text marked safe is not supported");
  }
}

Value run_filter(Evaluator& evaluator, std::string_view name, const Filter* filter,
                 const Value& input, const Arguments& arguments) {
  if (!filter || !filter->apply) refuse_unknown("filter", name, filter);
  check_safe_text(name, input);
  if (input.as_any_text()) evaluator.budget().spend(extent_of(input).weight);
  return filter->apply(evaluator, input, Bound(name, filter->parameters, arguments));
}

bool run_predicate(Evaluator& evaluator, std::string_view name, const Predicate* predicate,
                   const Value& input, const Arguments& arguments) {
  if (!predicate) refuse_unknown("test", name, false);
  return predicate->apply(evaluator, input, Bound(name, predicate->parameters, arguments));
}

}  // namespace

Value Evaluator::eval_node(const FilterCall& node) {
  const Value input = node.input ? eval(*node.input) : *captured_;
  return run_filter(*this, node.name, node.filter, input, eval_arguments(node.arguments));
}

Value Evaluator::eval_node(const PredicateCall& node) {
  const Value input = eval(*node.input);
  return Value::boolean(
      run_predicate(*this, node.name, node.predicate, input, eval_arguments(node.arguments)));
}

Value Evaluator::apply_filter(std::string_view name, const Value& input,
                              const Arguments& arguments) {
  budget_.spend(1);
  return run_filter(*this, name, find_filter(name), input, arguments);
}

bool Evaluator::apply_predicate(std::string_view name, const Value& input,
                                const Arguments& arguments) {
  budget_.spend(1);
  return run_predicate(*this, name, find_predicate(name), input, arguments);
}

Namespace* Evaluator::make_namespace() {
  budget_.spend(10);
  return &namespaces_.emplace_back();
}

namespace {

// object[key] where Python has it.
std::optional<Value> element(const Value& object, const Value& key, Budget& budget) {
  if (const Dict* dict = object.as_dict()) {
    budget.spend(dict->cost_of_finding(key));
    if (!is_hashable(key)) return std::nullopt;
    const Value* found = dict->find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  const auto index = key.as_integer();
  if (!index) return std::nullopt;
  if (object.as_safe_text()) {
    fail(Error::Code::unsupported, "characters of a text marked safe are not supported");
  }
  if (const std::string* text = object.as_text()) {
    budget.spend(text->size() / kBytesPerStep);
    const auto at = resolve_index(*index, code_points(*text));
    if (!at) return std::nullopt;
    const size_t start = byte_offset(*text, *at);
    size_t end = start;
    next_code_point(*text, end);
    return Value::text(std::string_view(*text).substr(start, end - start));
  }
  if (const Sequence* s = object.as_sequence(); s && s->kind != Sequence::Kind::dict_keys &&
                                                s->kind != Sequence::Kind::dict_values &&
                                                s->kind != Sequence::Kind::dict_items) {
    const auto at = resolve_index(*index, s->items.size());
    return at ? std::optional(s->items[*at]) : std::nullopt;
  }
  return std::nullopt;
}

// object.name where Python has it.
std::optional<Value> field(const Value& object, std::string_view name) {
  if (Namespace* space = object.as_namespace()) {
    const Value* found = space->find(name);
    return found ? std::optional(*found) : std::nullopt;
  }
  return find_method(object, name);
}

Value no_such_attribute(const Value& object, std::string_view name) {
  return Value::undefined(cat("a ", type_name(object), " has no attribute '", name, "'"));
}

}  // namespace

Value Evaluator::item(const Value& object, const Value& key) {
  require_defined(object);
  if (const Namespace* space = object.as_namespace()) budget_.spend(space->attributes.size() / 8);
  if (auto found = element(object, key, budget_)) return *found;
  if (const std::string* name = key.as_text()) {
    if (auto found = field(object, *name)) return *found;
    return no_such_attribute(object, *name);
  }
  return Value::undefined(cat("a ", type_name(object), " has no such element"));
}

Value Evaluator::attribute(const Value& object, std::string_view name) {
  require_defined(object);
  if (const Namespace* space = object.as_namespace()) budget_.spend(space->attributes.size() / 8);
  if (auto found = field(object, name)) return *found;
  if (const Dict* dict = object.as_dict()) {
    budget_.spend(dict->items.size() / 8);
    if (const Value* found = dict->find(name)) return *found;
  }
  return no_such_attribute(object, name);
}

}  // namespace heed::jinja
