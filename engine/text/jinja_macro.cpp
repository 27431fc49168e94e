// Macros and call blocks.
#include <algorithm>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_print.h"

namespace heed::jinja {

Evaluator::Flow Evaluator::exec(const MacroDefinition& node) {
  variable(node.name.slot) = make_macro(*node.macro);
  return Flow::next;
}

Evaluator::Flow Evaluator::exec(const CallBlock& node) {
  const Value caller = make_macro(*node.caller);
  const Value result = eval_call(std::get<Call>(node.call->node), &caller);
  print(*out_, result);
  return Flow::next;
}

Value Evaluator::make_macro(const MacroNode& macro) {
  return Value::of(
      Function{.name = macro.name,
               .call = [&macro, outer = active_](Evaluator& evaluator, const Arguments& arguments) {
                 return evaluator.call_macro(macro, outer, arguments);
               }});
}

Value Evaluator::call_macro(const MacroNode& macro, Activation* outer, const Arguments& arguments) {
  // What a macro defined in here may still use later is kept to the end, at a price.
  constexpr size_t kStepsOfKeeping = 50;
  Activation local;
  Activation* variables = &local;
  if (macro.has_macros) {
    budget_.spend(kStepsOfKeeping + static_cast<size_t>(macro.slots));
    variables = &kept_activations_.emplace_back();
  }
  variables->slots.resize(static_cast<size_t>(macro.slots));
  variables->outer = outer;
  TextBuilder text(budget_);
  const int line = line_;
  Activation* const calling = std::exchange(active_, variables);
  TextBuilder* const out = std::exchange(out_, &text);
  enter(macro.frame);
  bind_macro(macro, arguments);
  run(macro.body);
  out_ = out;
  active_ = calling;
  line_ = line;
  return Value::text(text.take());
}

void Evaluator::bind_macro(const MacroNode& macro, const Arguments& arguments) {
  const auto& parameters = macro.parameters;
  List positional = arguments.positional;
  auto keyword = arguments.keyword;
  const auto take_keyword = [&](const std::string& name) -> std::optional<Value> {
    const auto it = std::ranges::find(keyword, name, &std::pair<std::string, Value>::first);
    if (it == keyword.end()) return std::nullopt;
    Value value = std::move(it->second);
    keyword.erase(it);
    return value;
  };
  const size_t given = std::min(positional.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    variable(parameters[i].name.slot) =
        i < given ? std::optional(positional[i]) : take_keyword(parameters[i].name.name);
  }
  if (macro.caller) {
    variable(macro.caller->slot) =
        take_keyword("caller").value_or(Value::undefined("No caller defined"));
  }
  if (macro.extra_keyword) {
    Items items;
    for (auto& [name, value] : keyword) items.emplace_back(Value::text(name), value);
    variable(macro.extra_keyword->slot) = Value::dict(std::move(items));
  } else if (!keyword.empty()) {
    fail(Error::Code::argument, "macro '", macro.name, "' takes no argument '", keyword[0].first,
         "'");
  }
  positional.erase(positional.begin(), positional.begin() + static_cast<std::ptrdiff_t>(given));
  if (macro.extra_positional) {
    variable(macro.extra_positional->slot) = Value::tuple(std::move(positional));
  } else if (!positional.empty()) {
    fail(Error::Code::argument, "macro '", macro.name, "' takes at most ", parameters.size(),
         " arguments, not ", arguments.positional.size());
  }
  for (const Parameter& parameter : parameters) {
    if (variable(parameter.name.slot)) continue;
    variable(parameter.name.slot) =
        parameter.fallback
            ? eval(*parameter.fallback)
            : Value::undefined(cat("parameter '", parameter.name.name, "' was not provided"));
  }
}

}  // namespace heed::jinja
