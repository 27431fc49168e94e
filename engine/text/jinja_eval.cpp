// Running of statements; expressions are in jinja_eval_expr.cpp, macros in jinja_macro.cpp.
#include "engine/text/jinja_eval.h"

#include "engine/text/jinja_loop.h"
#include "engine/text/jinja_print.h"

namespace heed::jinja {

std::string Evaluator::render() {
  TextBuilder out(budget_);
  out_ = &out;
  active_ = &kept_activations_.emplace_back();
  active_->slots.resize(static_cast<size_t>(program_.slots));
  enter(program_.frame);
  run(program_.body);
  return out.take();
}

Evaluator::Flow Evaluator::run(const Body& body) {
  const DepthGuard guard(depth_);
  for (const Statement& statement : body) {
    budget_.spend(1);
    line_ = statement.line;
    const Flow flow = std::visit([this](const auto& node) { return exec(node); }, statement.node);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

std::optional<Value>& Evaluator::variable(Slot slot) {
  Activation* activation = active_;
  for (int i = 0; i < slot.hops; ++i) activation = activation->outer;
  return activation->slots[static_cast<size_t>(slot.index)];
}

void Evaluator::enter(const Frame& frame) {
  budget_.spend(frame.variables.size());
  for (const Frame::Variable& entry : frame.variables) {
    std::optional<Value>& value = variable({0, entry.index});
    value.reset();
    if (entry.from == Frame::Variable::From::outer) {
      value = variable(entry.outer);
    } else if (entry.from == Frame::Variable::From::context) {
      if (const Value* given = context_.find(entry.name)) {
        value = *given;
      } else {
        value = find_global(entry.name);
      }
    }
  }
}

void Evaluator::leave(const Frame& frame) {
  for (const Frame::Variable& entry : frame.variables) variable({0, entry.index}).reset();
}

void Evaluator::assign(const Target& target, const Value& value) {
  if (const Name* name = std::get_if<Name>(&target.node)) {
    variable(name->slot) = value;
    return;
  }
  if (const auto* field = std::get_if<NamespaceField>(&target.node)) {
    const std::optional<Value>& space = variable(field->space.slot);
    if (!space || !space->as_namespace()) {
      fail(Error::Code::argument, "'", field->space.name, "' is not a namespace, so '",
           field->space.name, ".", field->field, "' cannot be assigned");
    }
    if (field->field.starts_with('_')) {
      fail(Error::Code::argument, "a field of a namespace cannot start with '_': ", field->field);
    }
    space->as_namespace()->set(field->field, value);
    return;
  }
  const auto& parts = std::get<std::vector<Target>>(target.node);
  require_defined(value);
  const List items = items_of(value, budget_);
  if (items.size() != parts.size()) {
    fail(Error::Code::argument, items.size(), " values cannot be assigned to ", parts.size(),
         " variables");
  }
  for (size_t i = 0; i < parts.size(); ++i) assign(parts[i], items[i]);
}

Evaluator::Flow Evaluator::exec(const TextOutput& node) {
  *out_ << node.text;
  return Flow::next;
}

Evaluator::Flow Evaluator::exec(const Output& node) {
  for (const ExprPtr& value : node.values) {
    // A macro call prints into this very text only when it is done, so take the value first.
    const Value result = eval(*value);
    print(*out_, result);
  }
  return Flow::next;
}

Evaluator::Flow Evaluator::exec(const If& node) {
  for (const auto& [test, body] : node.branches) {
    if (is_truthy(eval(*test))) return run(body);
  }
  return run(node.otherwise);
}

std::function<bool(const Value&)> Evaluator::loop_filter(const For& node) {
  if (!node.filter) return nullptr;
  Activation variables{.slots = {}, .outer = active_};
  variables.slots.resize(static_cast<size_t>(node.filter_slots));
  bool entered = false;
  return [this, &node, variables = std::move(variables), entered](const Value& item) mutable {
    Activation* const outer = std::exchange(active_, &variables);
    if (!std::exchange(entered, true)) enter(node.filter_frame);
    budget_.spend(1);
    assign(node.filter_target, item);
    const bool passes = is_truthy(eval(*node.filter));
    active_ = outer;
    return passes;
  };
}

Evaluator::Flow Evaluator::exec(const For& node) {
  const auto loop = std::make_shared<Loop>(eval(*node.source), loop_filter(node));
  const std::shared_ptr<Loop> closing(loop.get(), [](Loop* l) { l->close(); });  // even by a throw
  bool completed = false;  // any pass to its end; as in Jinja, a break or continue is none
  Flow flow = Flow::next;
  while (flow != Flow::leave_loop) {
    const auto item = loop->next();
    if (!item) break;
    budget_.spend(1);
    assign(node.target, *item);
    variable(node.loop) = Value::of(loop);
    enter(node.frame);
    flow = run(node.body);
    completed |= flow == Flow::next;
  }
  leave(node.frame);
  variable(node.loop).reset();
  if (completed) return Flow::next;
  enter(node.otherwise_frame);
  flow = run(node.otherwise);
  leave(node.otherwise_frame);
  return flow;
}

Evaluator::Flow Evaluator::exec(const Assign& node) {
  assign(node.target, eval(*node.value));
  return Flow::next;
}

Evaluator::Flow Evaluator::exec(const Capture& node) {
  enter(node.frame);
  TextBuilder text(budget_);
  TextBuilder* const outer = std::exchange(out_, &text);
  const Flow flow = run(node.body);
  out_ = outer;
  if (flow != Flow::next) return flow;
  Value value = Value::text(text.take());
  if (node.filter) {
    const Value* const before = std::exchange(captured_, &value);
    Value filtered = eval(*node.filter);
    captured_ = before;
    value = std::move(filtered);
  }
  if (node.target) {
    assign(*node.target, value);
  } else {
    print(*out_, value);
  }
  leave(node.frame);
  return Flow::next;
}

Evaluator::Flow Evaluator::exec(const With& node) {
  enter(node.frame);
  for (const auto& [target, value] : node.variables) assign(target, eval(*value));
  const Flow flow = run(node.body);
  leave(node.frame);
  return flow;
}

Evaluator::Flow Evaluator::exec(const Generation& node) {
  enter(node.frame);
  run(node.body);
  leave(node.frame);
  return Flow::next;
}

}  // namespace heed::jinja
