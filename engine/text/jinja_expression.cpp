// Parsing of expressions, by recursive descent.
#include "engine/text/jinja_expression.h"

#include <algorithm>
#include <array>

#include "engine/text/jinja_builtins.h"

namespace heed::jinja {

bool TokenReader::skip_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  take();
  return true;
}

bool TokenReader::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

void TokenReader::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) refuse_expected(cat("'", symbol, "'"));
}

void TokenReader::expect_name(std::string_view name) {
  if (!skip_name(name)) refuse_expected(cat("'", name, "'"));
}

void TokenReader::expect(Token::Kind kind, std::string_view what) {
  if (current().kind != kind) refuse_expected(what);
  take();
}

std::string TokenReader::take_name(std::string_view what) {
  if (current().kind != Token::Kind::name) refuse_expected(what);
  return take().text;
}

void TokenReader::refuse(std::string_view message) const {
  fail(Error::Code::format, "line ", current().line, ": ", message);
}

void TokenReader::refuse_expected(std::string_view what) const {
  refuse(cat("expected ", what, ", found ", describe(current())));
}

void ExpressionParser::enter() {
  if (++nesting_ > kMaxSyntaxDepth) {
    fail(Error::Code::limit, "line ", current().line, ": the template is nested deeper than ",
         kMaxSyntaxDepth, " levels");
  }
}

ExprPtr ExpressionParser::make(Expr::Node node, int line) const {
  auto expr = std::make_unique<Expr>(Expr{.node = std::move(node), .line = line});
  for_each_child(
      *expr, [&](const ExprPtr& child) { expr->depth = std::max(expr->depth, child->depth + 1); });
  if (expr->depth > kMaxSyntaxDepth) {
    fail(Error::Code::limit, "line ", line, ": an expression is nested deeper than ",
         kMaxSyntaxDepth, " levels");
  }
  return expr;
}

ExprPtr ExpressionParser::parse_expression(bool with_conditional) {
  enter();
  ExprPtr expr = parse_or();
  while (with_conditional && is_name("if")) {
    const int line = take().line;
    Conditional conditional{.test = parse_or(), .then = std::move(expr), .otherwise = nullptr};
    if (skip_name("else")) conditional.otherwise = parse_expression();
    expr = make(std::move(conditional), line);
  }
  --nesting_;
  return expr;
}

ExprPtr ExpressionParser::parse_or() {
  ExprPtr left = parse_and();
  while (is_name("or")) {
    const int line = take().line;
    ExprPtr right = parse_and();
    left = make(Logical{false, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExprPtr ExpressionParser::parse_and() {
  ExprPtr left = parse_not();
  while (is_name("and")) {
    const int line = take().line;
    ExprPtr right = parse_not();
    left = make(Logical{true, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExprPtr ExpressionParser::parse_not() {
  if (!is_name("not")) return parse_comparison();
  const int line = take().line;
  enter();
  ExprPtr operand = parse_not();
  --nesting_;
  return make(Unary{UnaryOp::logical_not, std::move(operand)}, line);
}

bool ExpressionParser::parse_comparison_operator(CompareOp& op) {
  static constexpr std::array<std::pair<std::string_view, CompareOp>, 6> kSymbols = {
      {{"==", CompareOp::equal},
       {"!=", CompareOp::not_equal},
       {"<", CompareOp::less},
       {"<=", CompareOp::less_equal},
       {">", CompareOp::greater},
       {">=", CompareOp::greater_equal}}};
  for (const auto& [symbol, value] : kSymbols) {
    if (skip_symbol(symbol)) {
      op = value;
      return true;
    }
  }
  if (skip_name("in")) {
    op = CompareOp::in;
    return true;
  }
  if (is_name("not") && following().is(Token::Kind::name, "in")) {
    take();
    take();
    op = CompareOp::not_in;
    return true;
  }
  return false;
}

ExprPtr ExpressionParser::parse_comparison() {
  const int line = current().line;
  ExprPtr first = parse_sum();
  Comparison comparison;
  for (CompareOp op; parse_comparison_operator(op);) comparison.rest.emplace_back(op, parse_sum());
  if (comparison.rest.empty()) return first;
  comparison.first = std::move(first);
  return make(std::move(comparison), line);
}

ExprPtr ExpressionParser::parse_sum() {
  ExprPtr left = parse_concat();
  while (is_symbol("+") || is_symbol("-")) {
    const BinaryOp op = is_symbol("+") ? BinaryOp::add : BinaryOp::subtract;
    const int line = take().line;
    ExprPtr right = parse_concat();
    left = make(Binary{op, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExprPtr ExpressionParser::parse_concat() {
  ExprPtr first = parse_product();
  if (!is_symbol("~")) return first;
  const int line = current().line;
  Concat concat;
  concat.parts.push_back(std::move(first));
  while (skip_symbol("~")) concat.parts.push_back(parse_product());
  return make(std::move(concat), line);
}

ExprPtr ExpressionParser::parse_product() {
  static constexpr std::array<std::pair<std::string_view, BinaryOp>, 4> kSymbols = {
      {{"*", BinaryOp::multiply},
       {"/", BinaryOp::divide},
       {"//", BinaryOp::floor_divide},
       {"%", BinaryOp::modulo}}};
  ExprPtr left = parse_power();
  while (true) {
    const auto op =
        std::ranges::find_if(kSymbols, [&](const auto& s) { return is_symbol(s.first); });
    if (op == kSymbols.end()) return left;
    const int line = take().line;
    ExprPtr right = parse_power();
    left = make(Binary{op->second, std::move(left), std::move(right)}, line);
  }
}

ExprPtr ExpressionParser::parse_power() {
  ExprPtr left = parse_unary();
  while (is_symbol("**")) {  // from the left, unlike Python
    const int line = take().line;
    ExprPtr right = parse_unary();
    left = make(Binary{BinaryOp::power, std::move(left), std::move(right)}, line);
  }
  return left;
}

ExprPtr ExpressionParser::parse_unary(bool with_filters) {
  ExprPtr expr;
  if (is_symbol("-") || is_symbol("+")) {
    const UnaryOp op = is_symbol("-") ? UnaryOp::negate : UnaryOp::plus;
    const int line = take().line;
    enter();
    ExprPtr operand = parse_unary(false);
    --nesting_;
    expr = make(Unary{op, std::move(operand)}, line);
  } else {
    expr = parse_primary();
  }
  expr = parse_postfix(std::move(expr));
  return with_filters ? parse_filters_and_tests(std::move(expr)) : std::move(expr);
}

ExprPtr ExpressionParser::parse_primary() {
  const Token& token = current();
  switch (token.kind) {
    case Token::Kind::name:
      return parse_name();
    case Token::Kind::text:
      return parse_text();
    case Token::Kind::integer:
      return make(Literal{Value::integer(std::get<int64_t>(take().number))}, token.line);
    case Token::Kind::real:
      return make(Literal{Value::real(std::get<double>(take().number))}, token.line);
    default:
      break;
  }
  if (is_symbol("[")) return parse_list();
  if (is_symbol("{")) return parse_dict();
  if (!skip_symbol("(")) refuse(cat("unexpected ", describe(token)));
  ExprPtr expr = parse_tuple(true, {}, true);
  expect_symbol(")");
  return expr;
}

ExprPtr ExpressionParser::parse_name() {
  const Token& token = take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return make(Literal{Value::boolean(true)}, token.line);
  if (name == "false" || name == "False") return make(Literal{Value::boolean(false)}, token.line);
  if (name == "self") {
    fail(Error::Code::unsupported, "line ", token.line, ": the variable 'self' is not supported");
  }
  if (name == "none" || name == "None") return make(Literal{Value()}, token.line);
  for (MacroNode* macro : macros_) {
    if (name == "caller") macro->caller = Name{.name = name};
    if (name == "kwargs") macro->extra_keyword = Name{.name = name};
    if (name == "varargs") macro->extra_positional = Name{.name = name};
  }
  return make(Name{.name = name}, token.line);
}

ExprPtr ExpressionParser::parse_text() {
  const int line = current().line;
  std::string text;
  while (current().kind == Token::Kind::text) text += take().text;
  return make(Literal{Value::text(std::move(text))}, line);
}

bool ExpressionParser::at_tuple_end(std::string_view stop) const {
  const Token::Kind kind = current().kind;
  return kind == Token::Kind::output_end || kind == Token::Kind::block_end || is_symbol(")") ||
         (!stop.empty() && is_name(stop));
}

ExprPtr ExpressionParser::parse_tuple(bool with_conditional, std::string_view stop,
                                      bool may_be_empty) {
  const int line = current().line;
  TupleDisplay tuple;
  bool is_tuple = false;
  while (!at_tuple_end(stop)) {
    tuple.items.push_back(parse_expression(with_conditional));
    if (!skip_symbol(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !tuple.items.empty()) return std::move(tuple.items[0]);
  if (!is_tuple && !may_be_empty) refuse_expected("an expression");
  return make(std::move(tuple), line);
}

ExprPtr ExpressionParser::parse_list() {
  const int line = take().line;
  ListDisplay list;
  while (!is_symbol("]")) {
    list.items.push_back(parse_expression());
    if (!is_symbol("]")) expect_symbol(",");
  }
  take();
  return make(std::move(list), line);
}

ExprPtr ExpressionParser::parse_dict() {
  const int line = take().line;
  DictDisplay dict;
  while (!is_symbol("}")) {
    ExprPtr key = parse_expression();
    expect_symbol(":");
    dict.items.emplace_back(std::move(key), parse_expression());
    if (!is_symbol("}")) expect_symbol(",");
  }
  take();
  return make(std::move(dict), line);
}

ExprPtr ExpressionParser::parse_postfix(ExprPtr expr) {
  while (true) {
    if (is_symbol(".")) {
      expr = parse_attribute(std::move(expr));
    } else if (is_symbol("[")) {
      expr = parse_subscript(std::move(expr));
    } else if (is_symbol("(")) {
      expr = parse_call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_attribute(ExprPtr object) {
  const int line = take().line;
  if (current().kind == Token::Kind::integer) {
    ExprPtr index = make(Literal{Value::integer(std::get<int64_t>(take().number))}, line);
    return make(Subscript{std::move(object), std::move(index)}, line);
  }
  return make(Attribute{std::move(object), take_name("a name or number behind '.'")}, line);
}

ExprPtr ExpressionParser::parse_subscript(ExprPtr object) {
  const int line = take().line;
  ExprPtr start, stop, step;
  if (!is_symbol(":")) start = parse_expression();
  if (skip_symbol("]")) {
    if (!start) refuse("expected an expression between '[' and ']'");
    return make(Subscript{std::move(object), std::move(start)}, line);
  }
  if (is_symbol(",")) {
    fail(Error::Code::unsupported, "line ", line, ": several subscripts in [] are not supported");
  }
  expect_symbol(":");
  if (!is_symbol(":") && !is_symbol("]")) stop = parse_expression();
  if (skip_symbol(":") && !is_symbol("]")) step = parse_expression();
  expect_symbol("]");
  return make(Slice{std::move(object), std::move(start), std::move(stop), std::move(step)}, line);
}

ExprPtr ExpressionParser::parse_call(ExprPtr callee) {
  const int line = current().line;
  CallArguments arguments = parse_arguments();
  return make(Call{std::move(callee), std::move(arguments)}, line);
}

CallArguments ExpressionParser::parse_arguments() {
  expect_symbol("(");
  CallArguments arguments;
  while (!is_symbol(")")) {
    parse_argument(arguments);
    if (!is_symbol(")")) expect_symbol(",");
  }
  take();
  return arguments;
}

void ExpressionParser::parse_argument(CallArguments& arguments) {
  const bool had_more = arguments.more_positional || arguments.more_keyword;
  if (skip_symbol("*")) {
    if (had_more) refuse("only one *argument is allowed, before **arguments");
    arguments.more_positional = parse_expression();
  } else if (skip_symbol("**")) {
    if (arguments.more_keyword) refuse("only one **argument is allowed");
    arguments.more_keyword = parse_expression();
  } else if (current().kind == Token::Kind::name && following().is(Token::Kind::symbol, "=")) {
    if (arguments.more_keyword) refuse("a named argument stands behind **arguments");
    std::string name = take().text;
    take();
    if (std::ranges::find(arguments.keyword, name, &std::pair<std::string, ExprPtr>::first) !=
        arguments.keyword.end()) {
      refuse(cat("the argument '", name, "' is given twice"));
    }
    arguments.keyword.emplace_back(std::move(name), parse_expression());
  } else {
    if (had_more || !arguments.keyword.empty()) {
      refuse("an argument without a name stands behind named ones");
    }
    arguments.positional.push_back(parse_expression());
  }
}

std::string ExpressionParser::parse_dotted_name(std::string_view what) {
  std::string name = take_name(what);
  while (skip_symbol(".")) name += "." + take_name(what);
  return name;
}

ExprPtr ExpressionParser::parse_filters(ExprPtr input, bool named_first) {
  while (named_first || skip_symbol("|")) {
    named_first = false;
    const int line = current().line;
    FilterCall call{.input = std::move(input)};
    call.name = parse_dotted_name("the name of a filter");
    if (is_symbol("(")) call.arguments = parse_arguments();
    call.filter = find_filter(call.name);
    input = make(std::move(call), line);
  }
  return input;
}

ExprPtr ExpressionParser::parse_filters_and_tests(ExprPtr expr) {
  while (true) {
    if (is_symbol("|")) {
      expr = parse_filters(std::move(expr));
    } else if (is_name("is")) {
      expr = parse_test(std::move(expr));
    } else if (is_symbol("(")) {
      expr = parse_call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_test(ExprPtr expr) {
  const int line = take().line;
  const bool negated = skip_name("not");
  PredicateCall call{.input = std::move(expr)};
  call.name = parse_dotted_name("the name of a test");
  const Token::Kind kind = current().kind;
  if (is_symbol("(")) {
    call.arguments = parse_arguments();
  } else if (kind == Token::Kind::text || kind == Token::Kind::integer ||
             kind == Token::Kind::real || is_symbol("[") || is_symbol("{") ||
             (kind == Token::Kind::name && !is_name("else") && !is_name("or") && !is_name("and"))) {
    if (is_name("is")) refuse("tests cannot be chained: x is a is b");
    enter();
    call.arguments.positional.push_back(parse_postfix(parse_primary()));
    --nesting_;
  }
  call.predicate = find_predicate(call.name);
  ExprPtr test = make(std::move(call), line);
  return negated ? make(Unary{UnaryOp::logical_not, std::move(test)}, line) : std::move(test);
}

Target ExpressionParser::parse_single_target(bool with_fields) {
  if (skip_symbol("(")) {
    Target inner = parse_target(with_fields);
    expect_symbol(")");
    return inner;
  }
  if (current().kind != Token::Kind::name) refuse_expected("a name to assign to");
  const std::string name = take().text;
  static constexpr std::string_view kReserved[] = {"true",  "True", "false",
                                                   "False", "none", "None"};
  if (std::ranges::find(kReserved, name) != std::end(kReserved)) {
    refuse(cat("cannot assign to '", name, "'"));
  }
  if (with_fields && skip_symbol(".")) {
    return {NamespaceField{Name{.name = name}, take_name("the name of a field")}};
  }
  return {Name{.name = name}};
}

Target ExpressionParser::parse_target(bool with_fields, std::string_view stop) {
  enter();
  std::vector<Target> targets;
  bool is_tuple = false;
  while (!at_tuple_end(stop)) {
    targets.push_back(parse_single_target(with_fields));
    if (!skip_symbol(",")) break;
    is_tuple = true;
  }
  --nesting_;
  if (targets.empty()) refuse_expected("a name to assign to");
  return is_tuple ? Target{std::move(targets)} : std::move(targets[0]);
}

}  // namespace heed::jinja
