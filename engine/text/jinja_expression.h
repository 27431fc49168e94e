// The expression half of the parser: tokens to Expr. Used by jinja_parser.
#pragma once

#include <string_view>
#include <vector>

#include "engine/text/jinja_ast.h"
#include "engine/text/jinja_lexer.h"

namespace heed::jinja {

/// Reads a list of tokens front to back. Errors are Error(format) (Error(unsupported) for what
/// Jinja has and this has not) and name the line.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  const Token& current() const { return tokens_[position_]; }
  const Token& following() const {
    return tokens_[position_ + 1 < tokens_.size() ? position_ + 1 : position_];
  }
  const Token& take() { return tokens_[position_ + 1 < tokens_.size() ? position_++ : position_]; }
  bool is_symbol(std::string_view s) const { return current().is(Token::Kind::symbol, s); }
  bool is_name(std::string_view s) const { return current().is(Token::Kind::name, s); }
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  void expect_symbol(std::string_view symbol);
  void expect_name(std::string_view name);
  void expect(Token::Kind kind, std::string_view what);
  std::string take_name(std::string_view what);
  [[noreturn]] void refuse(std::string_view message) const;
  [[noreturn]] void refuse_expected(std::string_view what) const;

 private:
  std::vector<Token> tokens_;
  size_t position_ = 0;
};

/// Grammar and precedence as in Jinja: if-else < or < and < not < comparison < + - < ~ < * / // %
/// < ** < unary < filters and tests < . [] ().
class ExpressionParser : public TokenReader {
 public:
  using TokenReader::TokenReader;

 protected:
  ExprPtr parse_expression(bool with_conditional = true);
  /// One expression, or several with commas between them as a tuple. `stop` ends the tuple besides
  /// the end of the tag.
  ExprPtr parse_tuple(bool with_conditional = true, std::string_view stop = {},
                      bool may_be_empty = false);
  /// |name(arguments) as often as there is one, over `input` (null in blocks). With `named_first`
  /// the first name stands without its bar.
  ExprPtr parse_filters(ExprPtr input, bool named_first = false);
  /// What set and for assign to: names, ns.field if `with_fields`, tuples of them.
  Target parse_target(bool with_fields, std::string_view stop = {});
  /// Fails when blocks or expressions are nested too deep; goes with a --nesting_.
  void enter();
  int nesting_ = 0;
  /// The macros around, whose bodies may mention caller, kwargs and varargs.
  std::vector<MacroNode*> macros_;

 private:
  ExprPtr make(Expr::Node node, int line) const;
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_comparison();
  bool parse_comparison_operator(CompareOp& op);
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filters = true);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_text();
  ExprPtr parse_list();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr expr);
  ExprPtr parse_filters_and_tests(ExprPtr expr);
  ExprPtr parse_test(ExprPtr expr);
  ExprPtr parse_attribute(ExprPtr object);
  ExprPtr parse_subscript(ExprPtr object);
  ExprPtr parse_call(ExprPtr callee);
  CallArguments parse_arguments();
  void parse_argument(CallArguments& arguments);
  std::string parse_dotted_name(std::string_view what);
  Target parse_single_target(bool with_fields);
  bool at_tuple_end(std::string_view stop) const;
};

}  // namespace heed::jinja
