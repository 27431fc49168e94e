// Runs a parsed template. Used by chat_template; the builtins use it to call back.
#pragma once

#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/text/jinja_ast.h"
#include "engine/text/jinja_builtins.h"

namespace heed::jinja {

/// One rendering of one template. Not for use by two threads at once; the program and the context
/// are only read.
class Evaluator {
 public:
  /// `context` holds the template's variables; `now` is the local time strftime_now tells.
  Evaluator(const Program& program, const Dict& context, const std::tm& now)
      : program_(program), context_(context), now_(now) {}

  /// The text the template makes. Throws heed::Error; line() then tells where.
  std::string render();
  int line() const { return line_; }

  Budget& budget() { return budget_; }
  const std::tm& now() const { return now_; }
  Value call(const Value& callee, const Arguments& arguments);
  /// object[key], as templates look elements up: undefined if there is none.
  Value item(const Value& object, const Value& key);
  /// object.name: methods first, then elements.
  Value attribute(const Value& object, std::string_view name);
  Value apply_filter(std::string_view name, const Value& input, const Arguments& arguments);
  bool apply_predicate(std::string_view name, const Value& input, const Arguments& arguments);
  Namespace* make_namespace();

 private:
  /// The variables of a running function; unset ones have no value yet.
  struct Activation {
    std::vector<std::optional<Value>> slots;
    Activation* outer = nullptr;
  };
  enum class Flow { next, leave_loop, next_item };
  /// Bounds the recursion of macros that call themselves.
  class DepthGuard {
   public:
    explicit DepthGuard(int& depth) : depth_(depth) {
      if (++depth_ > kMaxEvalDepth) {
        fail(Error::Code::limit, "the template's macros and expressions are nested deeper than ",
             kMaxEvalDepth, " levels");
      }
    }
    ~DepthGuard() { --depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

   private:
    int& depth_;
  };

  Flow run(const Body& body);
  Flow exec(const TextOutput& node);
  Flow exec(const Output& node);
  Flow exec(const If& node);
  Flow exec(const For& node);
  Flow exec(const Assign& node);
  Flow exec(const Capture& node);
  Flow exec(const With& node);
  Flow exec(const MacroDefinition& node);
  Flow exec(const CallBlock& node);
  Flow exec(const Generation& node);
  Flow exec(const Break&) { return Flow::leave_loop; }
  Flow exec(const Continue&) { return Flow::next_item; }

  Value eval(const Expr& expr);
  Value eval_node(const Literal& node) { return node.value; }
  Value eval_node(const Name& node);
  Value eval_node(const TupleDisplay& node);
  Value eval_node(const ListDisplay& node);
  Value eval_node(const DictDisplay& node);
  Value eval_node(const Unary& node);
  Value eval_node(const Binary& node);
  Value eval_node(const Logical& node);
  Value eval_node(const Concat& node);
  Value eval_node(const Comparison& node);
  Value eval_node(const Conditional& node);
  Value eval_node(const Attribute& node);
  Value eval_node(const Subscript& node);
  Value eval_node(const Slice& node);
  Value eval_node(const Call& node) { return eval_call(node, nullptr); }
  Value eval_node(const FilterCall& node);
  Value eval_node(const PredicateCall& node);
  Value eval_call(const Call& node, const Value* caller);
  Arguments eval_arguments(const CallArguments& arguments);
  List eval_all(const std::vector<ExprPtr>& exprs);

  std::optional<Value>& variable(Slot slot);
  void enter(const Frame& frame);
  void leave(const Frame& frame);
  void assign(const Target& target, const Value& value);
  Value make_macro(const MacroNode& macro);
  Value call_macro(const MacroNode& macro, Activation* outer, const Arguments& arguments);
  void bind_macro(const MacroNode& macro, const Arguments& arguments);
  std::function<bool(const Value&)> loop_filter(const For& node);

  const Program& program_;
  const Dict& context_;
  const std::tm now_;
  Budget budget_;
  TextBuilder* out_ = nullptr;       // where output goes: the prompt, or a block being captured
  Activation* active_ = nullptr;     // the running function's variables
  const Value* captured_ = nullptr;  // the block a filter chain without input is about
  int depth_ = 0;
  int line_ = 1;
  // What may refer to itself and so is freed only at the end.
  std::deque<Activation> kept_activations_;
  std::deque<Namespace> namespaces_;
};

}  // namespace heed::jinja
