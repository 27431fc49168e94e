// The syntax tree of a template. Built by jinja_parser, names resolved by jinja_scope, run by
// jinja_eval.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

struct Expr;
struct Statement;
struct Filter;
struct Predicate;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<Statement>;

/// Where a variable lives: `hops` functions outward (see Frame), then by number.
struct Slot {
  int hops = 0;
  int index = -1;
};

struct Literal {
  Value value;
};
struct Name {
  std::string name;
  Slot slot;
};
struct TupleDisplay {
  std::vector<ExprPtr> items;
};
struct ListDisplay {
  std::vector<ExprPtr> items;
};
struct DictDisplay {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};
enum class UnaryOp { negate, plus, logical_not };
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};
enum class BinaryOp { add, subtract, multiply, divide, floor_divide, modulo, power };
struct Binary {
  BinaryOp op;
  ExprPtr left, right;
};
struct Logical {
  bool is_and;
  ExprPtr left, right;
};
struct Concat {
  std::vector<ExprPtr> parts;
};
enum class CompareOp { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };
/// first op operand op operand ..., as Python chains comparisons.
struct Comparison {
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct Conditional {
  ExprPtr test, then;
  ExprPtr otherwise;  ///< may be null
};
struct Attribute {
  ExprPtr object;
  std::string name;
};
struct Subscript {
  ExprPtr object, index;
};
struct Slice {
  ExprPtr object;
  ExprPtr start, stop, step;  ///< each may be null
};
struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr more_positional, more_keyword;  ///< *x and **x; may be null
};
struct Call {
  ExprPtr callee;
  CallArguments arguments;
};
/// input|name(arguments)
struct FilterCall {
  ExprPtr input;  ///< null in a filter or set block: the block's text
  std::string name;
  CallArguments arguments;
  const Filter* filter = nullptr;  ///< null if there is no such filter
};
/// input is name(arguments)
struct PredicateCall {
  ExprPtr input;
  std::string name;
  CallArguments arguments;
  const Predicate* predicate = nullptr;
};

struct Expr {
  using Node = std::variant<Literal, Name, TupleDisplay, ListDisplay, DictDisplay, Unary, Binary,
                            Logical, Concat, Comparison, Conditional, Attribute, Subscript, Slice,
                            Call, FilterCall, PredicateCall>;
  Node node;
  int line = 0;
  int depth = 1;  ///< expressions one inside the other, this one included
};

/// Calls visit(ExprPtr&) for each expression directly below; none of them is null.
template <typename Visit>
void for_each_child(Expr& expr, Visit&& visit);

/// What a set or for statement assigns to.
struct NamespaceField {
  Name space;
  std::string field;
};
struct Target {
  std::variant<Name, NamespaceField, std::vector<Target>> node;
};

/// The variables of a function (the template itself, a macro, a loop's filter) that a block brings
/// into being when it is entered.
struct Frame {
  struct Variable {
    enum class From { nothing, context, outer };
    int index = 0;
    From from = From::nothing;
    Slot outer;        ///< From::outer
    std::string name;  ///< From::context
  };
  std::vector<Variable> variables;
};

struct Parameter {
  Name name;
  ExprPtr fallback;  ///< may be null
};
/// The definition of a macro, or of the caller a call block makes.
struct MacroNode {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  // What its body mentions: the names Jinja then passes of its own accord.
  std::optional<Name> caller, extra_keyword, extra_positional;
  Frame frame;
  int slots = 0;
  bool has_macros = false;  ///< whose variables these then are, even after the call
};

struct TextOutput {
  std::string text;
};
struct Output {
  std::vector<ExprPtr> values;
};
struct If {
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExprPtr source;
  ExprPtr filter;        ///< may be null
  Target filter_target;  ///< the same names, as the filter sees them
  Body body, otherwise;
  Slot loop;  ///< the variable called loop
  Frame frame, otherwise_frame, filter_frame;
  int filter_slots = 0;
};
struct Assign {
  Target target;
  ExprPtr value;
};
/// A set block or filter block: its text, through a filter, goes into a variable or is printed.
struct Capture {
  std::optional<Target> target;
  ExprPtr filter;  ///< a chain of FilterCalls whose innermost input is null; may be null itself
  Body body;
  Frame frame;
};
struct With {
  std::vector<std::pair<Target, ExprPtr>> variables;
  Body body;
  Frame frame;
};
struct MacroDefinition {
  Name name;
  std::unique_ptr<MacroNode> macro;
};
struct CallBlock {
  std::unique_ptr<MacroNode> caller;
  ExprPtr call;
};
/// A generation block: marks what the model wrote; here it only prints.
struct Generation {
  Body body;
  Frame frame;
};
struct Break {};
struct Continue {};

struct Statement {
  std::variant<TextOutput, Output, If, For, Assign, Capture, With, MacroDefinition, CallBlock,
               Generation, Break, Continue>
      node;
  int line = 0;
};

/// A whole template.
struct Program {
  Body body;
  Frame frame;
  int slots = 0;
};

namespace ast {

// The expressions of one node, as pointers to the (possibly null) owning pointers.
using Children = std::vector<ExprPtr*>;

inline void add(Children& out, ExprPtr& expr) {
  if (expr) out.push_back(&expr);
}
inline void add(Children& out, std::vector<ExprPtr>& exprs) {
  for (ExprPtr& expr : exprs) add(out, expr);
}
inline void add(Children& out, CallArguments& arguments) {
  add(out, arguments.positional);
  for (auto& [name, value] : arguments.keyword) add(out, value);
  add(out, arguments.more_positional);
  add(out, arguments.more_keyword);
}
template <typename... Parts>
void add_all(Children& out, Parts&... parts) {
  (add(out, parts), ...);
}

struct Collect {
  Children& out;
  void operator()(Literal&) const {}
  void operator()(Name&) const {}
  void operator()(TupleDisplay& n) const { add(out, n.items); }
  void operator()(ListDisplay& n) const { add(out, n.items); }
  void operator()(DictDisplay& n) const {
    for (auto& [key, value] : n.items) add_all(out, key, value);
  }
  void operator()(Unary& n) const { add(out, n.operand); }
  void operator()(Binary& n) const { add_all(out, n.left, n.right); }
  void operator()(Logical& n) const { add_all(out, n.left, n.right); }
  void operator()(Concat& n) const { add(out, n.parts); }
  void operator()(Comparison& n) const {
    add(out, n.first);
    for (auto& [op, operand] : n.rest) add(out, operand);
  }
  void operator()(Conditional& n) const { add_all(out, n.test, n.then, n.otherwise); }
  void operator()(Attribute& n) const { add(out, n.object); }
  void operator()(Subscript& n) const { add_all(out, n.object, n.index); }
  void operator()(Slice& n) const { add_all(out, n.object, n.start, n.stop, n.step); }
  void operator()(Call& n) const { add_all(out, n.callee, n.arguments); }
  void operator()(FilterCall& n) const { add_all(out, n.input, n.arguments); }
  void operator()(PredicateCall& n) const { add_all(out, n.input, n.arguments); }
};

}  // namespace ast

template <typename Visit>
void for_each_child(Expr& expr, Visit&& visit) {
  ast::Children children;
  std::visit(ast::Collect{children}, expr.node);
  for (ExprPtr* child : children) visit(*child);
}

}  // namespace heed::jinja
