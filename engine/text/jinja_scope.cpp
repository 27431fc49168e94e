// Name resolution. For each block two walks: one over its own statements, to learn which names it
// has (collect), then one that fills in the slots and goes into the blocks below (resolve).
#include "engine/text/jinja_scope.h"

#include <map>
#include <set>
#include <string>

#include "engine/core/error.h"

namespace heed::jinja {
namespace {

// The variables of one function: the template, a macro, or the filter of a loop. Variables of the
// same name and level in blocks side by side share a slot.
struct FunctionScope {
  int depth = 0;
  bool has_macros = false;
  std::map<std::pair<int, std::string>, int> slots;

  int slot(int level, const std::string& name) {
    return slots.try_emplace({level, name}, static_cast<int>(slots.size())).first->second;
  }
};

// The names of one block.
class Scope {
 public:
  Scope(FunctionScope& function, const Scope* parent)
      : function_(function), parent_(parent), level_(parent ? parent->level_ + 1 : 0) {}

  // `name` is read here.
  void load(const std::string& name) {
    if (!find(name)) define(name, Origin::context);
  }

  // `name` is assigned here.
  void store(const std::string& name) {
    if (stored_.insert(name).second) store_order_.push_back(name);
    if (!names_.contains(name)) define(name, Origin::nothing);
  }

  // `name` has its value before the block's statements run.
  Slot declare(const std::string& name) {
    stored_.insert(name);
    return {0, define(name, Origin::given)};
  }

  size_t stores() const { return store_order_.size(); }

  // An if ended that began after the first `before` stores: what was first assigned in it may also
  // not have been, and then is what it is outside.
  void end_branches(size_t before) {
    for (size_t i = before; i < store_order_.size(); ++i) {
      names_.at(store_order_[i]).origin = Origin::context;
    }
  }

  // Where `name` is found from here.
  Slot slot(const std::string& name) const {
    const auto [scope, variable] = *find(name);
    return {function_.depth - scope->function_.depth, variable->index};
  }

  Frame frame() const {
    Frame frame;
    for (const auto& [name, variable] : names_) {
      if (variable.origin == Origin::given) continue;
      Frame::Variable entry{.index = variable.index, .name = name};
      if (parent_ && parent_->find(name)) {
        entry.from = Frame::Variable::From::outer;
        entry.outer = parent_->slot(name);
        entry.outer.hops += function_.depth - parent_->function_.depth;
      } else if (variable.origin == Origin::context) {
        entry.from = Frame::Variable::From::context;
      }
      frame.variables.push_back(std::move(entry));
    }
    return frame;
  }

  FunctionScope& function() const { return function_; }

 private:
  enum class Origin { nothing, context, given };
  struct Variable {
    int index;
    Origin origin;
  };

  int define(const std::string& name, Origin origin) {
    const int index = function_.slot(level_, name);
    names_.insert_or_assign(name, Variable{index, origin});
    return index;
  }

  std::optional<std::pair<const Scope*, const Variable*>> find(const std::string& name) const {
    for (const Scope* scope = this; scope; scope = scope->parent_) {
      const auto it = scope->names_.find(name);
      if (it != scope->names_.end()) return {{scope, &it->second}};
    }
    return std::nullopt;
  }

  FunctionScope& function_;
  const Scope* parent_;
  int level_;
  std::map<std::string, Variable> names_;
  std::set<std::string> stored_;
  std::vector<std::string> store_order_;
};

// First walk: what the statements of one block load and store, in order.
class Collector {
 public:
  explicit Collector(Scope& scope) : scope_(scope) {}

  void body(Body& statements) {
    for (Statement& statement : statements) std::visit(*this, statement.node);
  }

  void expr(ExprPtr& expression) {
    if (!expression) return;
    if (const Name* name = std::get_if<Name>(&expression->node)) scope_.load(name->name);
    for_each_child(*expression, [this](ExprPtr& child) { expr(child); });
  }

  void target(const Target& target, bool given) {
    if (const Name* name = std::get_if<Name>(&target.node)) {
      given ? void(scope_.declare(name->name)) : scope_.store(name->name);
    } else if (const auto* field = std::get_if<NamespaceField>(&target.node)) {
      scope_.load(field->space.name);
    } else {
      for (const Target& part : std::get<std::vector<Target>>(target.node)) {
        this->target(part, given);
      }
    }
  }

  void operator()(TextOutput&) {}
  void operator()(Break&) {}
  void operator()(Continue&) {}
  void operator()(Generation&) {}
  void operator()(Output& node) {
    for (ExprPtr& value : node.values) expr(value);
  }
  void operator()(If& node) {
    const size_t before = scope_.stores();
    for (auto& [test, statements] : node.branches) {
      expr(test);
      body(statements);
    }
    body(node.otherwise);
    scope_.end_branches(before);
  }
  void operator()(For& node) { expr(node.source); }
  void operator()(Assign& node) {
    expr(node.value);
    target(node.target, false);
  }
  void operator()(Capture& node) { node.target ? target(*node.target, false) : expr(node.filter); }
  void operator()(With& node) {
    for (auto& [name, value] : node.variables) expr(value);
  }
  void operator()(MacroDefinition& node) { scope_.store(node.name.name); }
  void operator()(CallBlock& node) { expr(node.call); }

 private:
  Scope& scope_;
};

// Second walk.
class Resolver {
 public:
  void run(Program& program) {
    FunctionScope function;
    Scope scope(function, nullptr);
    Collector(scope).body(program.body);
    program.frame = scope.frame();
    body(program.body, scope);
    program.slots = static_cast<int>(function.slots.size());
  }

 private:
  void body(Body& statements, Scope& scope) {
    for (Statement& statement : statements) {
      line_ = statement.line;
      std::visit([&](auto& node) { resolve(node, scope); }, statement.node);
    }
  }

  // `checked`: an unknown filter or test fails now, not when it is reached.
  void expr(ExprPtr& expression, const Scope& scope, bool checked) {
    if (!expression) return;
    if (Name* name = std::get_if<Name>(&expression->node)) name->slot = scope.slot(name->name);
    if (checked) check_known(*expression);
    const bool below = checked && !std::holds_alternative<Conditional>(expression->node);
    for_each_child(*expression, [&](ExprPtr& child) { expr(child, scope, below); });
  }
  void expr(ExprPtr& expression, const Scope& scope) { expr(expression, scope, ifs_ == 0); }

  static void check_known(const Expr& expression) {
    if (const auto* call = std::get_if<FilterCall>(&expression.node); call && !call->filter) {
      fail(Error::Code::format, "line ", expression.line, ": there is no filter '", call->name,
           "'");
    }
    if (const auto* call = std::get_if<PredicateCall>(&expression.node); call && !call->predicate) {
      fail(Error::Code::format, "line ", expression.line, ": there is no test '", call->name, "'");
    }
  }

  // What a set or for statement assigns to.
  void assigned(Target& target, const Scope& scope) {
    Name* name = std::get_if<Name>(&target.node);
    if (name && name->name == "loop" && loops_ > 0) {
      fail(Error::Code::format, "line ", line_, ": a loop assigns to its special variable 'loop'");
    }
    if (auto* parts = std::get_if<std::vector<Target>>(&target.node)) {
      for (Target& part : *parts) assigned(part, scope);
    } else {
      this->target(target, scope);
    }
  }

  void target(Target& target, const Scope& scope) {
    if (Name* name = std::get_if<Name>(&target.node)) {
      name->slot = scope.slot(name->name);
    } else if (auto* field = std::get_if<NamespaceField>(&target.node)) {
      field->space.slot = scope.slot(field->space.name);
    } else {
      for (Target& part : std::get<std::vector<Target>>(target.node)) this->target(part, scope);
    }
  }

  void resolve(TextOutput&, Scope&) {}
  void resolve(Break&, Scope&) {}
  void resolve(Continue&, Scope&) {}
  void resolve(Output& node, Scope& scope) {
    for (ExprPtr& value : node.values) expr(value, scope);
  }
  void resolve(If& node, Scope& scope) {
    ++ifs_;
    for (auto& [test, statements] : node.branches) {
      expr(test, scope);
      body(statements, scope);
    }
    body(node.otherwise, scope);
    --ifs_;
  }
  void resolve(Assign& node, Scope& scope) {
    expr(node.value, scope);
    assigned(node.target, scope);
  }

  // A block with names of its own, in the function of `outer`.
  void block(Body& statements, Scope& scope, Frame& frame) {
    const int ifs = std::exchange(ifs_, 0);
    Collector(scope).body(statements);
    frame = scope.frame();
    body(statements, scope);
    ifs_ = ifs;
  }

  void resolve(For& node, Scope& outer) {
    expr(node.source, outer);
    if (node.filter) filter(node, outer);
    ++loops_;
    Scope scope(outer.function(), &outer);
    node.loop = scope.declare("loop");
    Collector(scope).target(node.target, true);
    assigned(node.target, scope);
    block(node.body, scope, node.frame);
    Scope otherwise(outer.function(), &outer);
    block(node.otherwise, otherwise, node.otherwise_frame);
    --loops_;
  }

  // The filter of a loop runs ahead of the body (loop.last looks at the next item), so it has its
  // own variables.
  void filter(For& node, Scope& outer) {
    FunctionScope function{.depth = outer.function().depth + 1};
    Scope scope(function, &outer);
    Collector collector(scope);
    collector.target(node.filter_target, true);
    collector.expr(node.filter);
    node.filter_frame = scope.frame();
    target(node.filter_target, scope);
    expr(node.filter, scope, true);
    node.filter_slots = static_cast<int>(function.slots.size());
  }

  void resolve(Capture& node, Scope& outer) {
    Scope scope(outer.function(), &outer);
    Collector(scope).expr(node.filter);
    block(node.body, scope, node.frame);
    expr(node.filter, scope);
    if (node.target) assigned(*node.target, outer);
  }

  void resolve(With& node, Scope& outer) {
    Scope scope(outer.function(), &outer);
    for (auto& [name, value] : node.variables) {
      expr(value, outer);
      Collector(scope).target(name, true);
      target(name, scope);
    }
    block(node.body, scope, node.frame);
  }

  void resolve(Generation& node, Scope& outer) {
    Scope scope(outer.function(), &outer);
    block(node.body, scope, node.frame);
  }

  void resolve(MacroDefinition& node, Scope& outer) {
    macro(*node.macro, outer);
    node.name.slot = outer.slot(node.name.name);
  }

  void resolve(CallBlock& node, Scope& outer) {
    macro(*node.caller, outer);
    expr(node.call, outer);
  }

  void macro(MacroNode& node, Scope& outer) {
    outer.function().has_macros = true;
    FunctionScope function{.depth = outer.function().depth + 1};
    Scope scope(function, &outer);
    for (Parameter& parameter : node.parameters) {
      parameter.name.slot = scope.declare(parameter.name.name);
    }
    for (auto* special : {&node.caller, &node.extra_keyword, &node.extra_positional}) {
      if (*special) (*special)->slot = scope.declare((*special)->name);
    }
    for (Parameter& parameter : node.parameters) Collector(scope).expr(parameter.fallback);
    block(node.body, scope, node.frame);
    for (Parameter& parameter : node.parameters) expr(parameter.fallback, scope, true);
    node.slots = static_cast<int>(function.slots.size());
    node.has_macros = function.has_macros;
  }

  int line_ = 1;   // of the statement
  int ifs_ = 0;    // around it, in the same block
  int loops_ = 0;  // around it
};

}  // namespace

void resolve_names(Program& program) {
  Resolver().run(program);
}

}  // namespace heed::jinja
