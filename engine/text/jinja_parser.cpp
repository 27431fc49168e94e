// Parsing of statements; expressions are in jinja_expression.cpp.
#include "engine/text/jinja_parser.h"

#include <algorithm>
#include <initializer_list>

#include "engine/text/jinja_expression.h"
#include "engine/text/jinja_scope.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Program run() {
    Program program;
    program.body = parse_body({}, "template");
    return program;
  }

 private:
  using EndTags = std::initializer_list<std::string_view>;

  // Statements up to one of `ends`, whose name is the next token then; without `ends` up to the end
  // of the template. `opened` is the tag all this is inside of.
  Body parse_body(EndTags ends, std::string_view opened) {
    enter();
    Body body;
    while (true) {
      const Token& token = current();
      if (token.kind == Token::Kind::end) {
        if (ends.size() > 0) refuse(cat("the template ends inside of a '", opened, "' block"));
        break;
      }
      take();
      if (token.kind == Token::Kind::data) {
        body.push_back({TextOutput{token.text}, token.line});
      } else if (token.kind == Token::Kind::output_begin) {
        Output output;
        output.values.push_back(parse_tuple());
        expect(Token::Kind::output_end, "'}}'");
        body.push_back({std::move(output), token.line});
      } else {
        if (std::ranges::any_of(ends, [&](auto end) { return is_name(end); })) break;
        body.push_back(parse_statement());
        expect(Token::Kind::block_end, "'%}'");
      }
    }
    --nesting_;
    return body;
  }

  // The body behind the tag that is being read, up to and with the end tag of the same name.
  Body parse_block(std::string_view opened) {
    skip_symbol(":");
    expect(Token::Kind::block_end, "'%}'");
    const std::string end = cat("end", opened);
    Body body = parse_body({end}, opened);
    take();
    return body;
  }

  Statement parse_statement() {
    const int line = current().line;
    const std::string tag = take_name("the name of a tag");
    if (tag == "if") return {parse_if(), line};
    if (tag == "for") return {parse_for(), line};
    if (tag == "set") return parse_set(line);
    if (tag == "macro") return {parse_macro(), line};
    if (tag == "call") return {parse_call_block(), line};
    if (tag == "filter") return {parse_filter_block(), line};
    if (tag == "with") return {parse_with(), line};
    if (tag == "generation") return {parse_generation(), line};
    if (tag == "print") return {parse_print(), line};
    if (tag == "break" || tag == "continue") return parse_jump(tag, line);
    refuse_tag(tag, line);
  }

  [[noreturn]] static void refuse_tag(std::string_view tag, int line) {
    static constexpr std::string_view kOfJinja[] = {"block",  "extends", "include",
                                                    "import", "from",    "autoescape"};
    if (std::ranges::find(kOfJinja, tag) != std::end(kOfJinja)) {
      fail(Error::Code::unsupported, "line ", line, ": the tag '", tag, "' is not supported");
    }
    fail(Error::Code::format, "line ", line, ": unknown or misplaced tag '", tag, "'");
  }

  If parse_if() {
    If node;
    while (true) {
      ExprPtr test = parse_tuple(false);
      skip_symbol(":");
      expect(Token::Kind::block_end, "'%}'");
      Body body = parse_body({"elif", "else", "endif"}, "if");
      node.branches.emplace_back(std::move(test), std::move(body));
      const std::string next = take().text;
      if (next == "elif") continue;
      if (next == "else") node.otherwise = parse_block("if");
      return node;
    }
  }

  For parse_for() {
    For node;
    node.target = parse_target(false, "in");
    expect_name("in");
    node.source = parse_tuple(false, "recursive");
    if (skip_name("if")) {
      node.filter = parse_expression();
      node.filter_target = node.target;
    }
    if (is_name("recursive")) {
      fail(Error::Code::unsupported, "line ", current().line,
           ": recursive loops are not supported");
    }
    skip_symbol(":");
    expect(Token::Kind::block_end, "'%}'");
    ++loops_;
    node.body = parse_body({"endfor", "else"}, "for");
    --loops_;
    if (take().text == "else") node.otherwise = parse_block("for");
    return node;
  }

  Statement parse_set(int line) {
    Target target = parse_target(true);
    if (skip_symbol("=")) return {Assign{std::move(target), parse_tuple()}, line};
    Capture capture{.target = std::move(target)};
    capture.filter = parse_filters(nullptr);
    capture.body = parse_block("set");
    return {std::move(capture), line};
  }

  Capture parse_filter_block() {
    Capture capture;
    capture.filter = parse_filters(nullptr, true);
    capture.body = parse_block("filter");
    return capture;
  }

  With parse_with() {
    With node;
    while (current().kind != Token::Kind::block_end) {
      if (!node.variables.empty()) expect_symbol(",");
      Target target = parse_target(false);
      expect_symbol("=");
      node.variables.emplace_back(std::move(target), parse_expression());
    }
    node.body = parse_block("with");
    return node;
  }

  Generation parse_generation() {
    const int loops = std::exchange(loops_, 0);
    Generation node{.body = parse_block("generation")};
    loops_ = loops;
    return node;
  }

  Output parse_print() {
    Output output;
    while (current().kind != Token::Kind::block_end) {
      if (!output.values.empty()) expect_symbol(",");
      output.values.push_back(parse_expression());
    }
    return output;
  }

  Statement parse_jump(std::string_view tag, int line) {
    if (loops_ == 0) {
      fail(Error::Code::format, "line ", line, ": '", tag, "' stands outside of a loop");
    }
    if (tag == "break") return {Break{}, line};
    return {Continue{}, line};
  }

  std::vector<Parameter> parse_parameters() {
    std::vector<Parameter> parameters;
    expect_symbol("(");
    while (!is_symbol(")")) {
      if (!parameters.empty()) expect_symbol(",");
      Parameter parameter{.name = {.name = take_name("the name of a parameter")}};
      if (skip_symbol("=")) {
        parameter.fallback = parse_expression();
      } else if (!parameters.empty() && parameters.back().fallback) {
        refuse("a parameter without a default stands behind one that has one");
      }
      parameters.push_back(std::move(parameter));
    }
    take();
    return parameters;
  }

  // The body of a macro or caller, and what Jinja passes to it of its own accord.
  void parse_macro_body(MacroNode& macro, std::string_view tag) {
    const int loops = std::exchange(loops_, 0);
    macros_.push_back(&macro);
    macro.body = parse_block(tag);
    macros_.pop_back();
    loops_ = loops;
    for (const Parameter& parameter : macro.parameters) {
      if (parameter.name.name == "caller" && macro.caller) {
        if (!parameter.fallback) refuse("the parameter 'caller' of a macro needs a default");
        macro.caller.reset();
      }
      if (parameter.name.name == "kwargs") macro.extra_keyword.reset();
      if (parameter.name.name == "varargs") macro.extra_positional.reset();
    }
  }

  MacroDefinition parse_macro() {
    MacroDefinition node{.macro = std::make_unique<MacroNode>()};
    node.name.name = node.macro->name = take_name("the name of the macro");
    node.macro->parameters = parse_parameters();
    parse_macro_body(*node.macro, "macro");
    return node;
  }

  CallBlock parse_call_block() {
    CallBlock node{.caller = std::make_unique<MacroNode>()};
    node.caller->name = "caller";
    if (is_symbol("(")) node.caller->parameters = parse_parameters();
    node.call = parse_expression();
    if (!std::holds_alternative<Call>(node.call->node)) refuse("'call' needs the call of a macro");
    parse_macro_body(*node.caller, "call");
    return node;
  }

  int loops_ = 0;  // around the statement being read, inside of its macro
};

}  // namespace

Program parse(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    fail(Error::Code::limit, "it has ", source.size(), " bytes, more than ", kMaxTemplateBytes);
  }
  if (!is_valid_utf8(source)) fail(Error::Code::format, "it is not valid UTF-8");
  Program program = Parser(tokenize(source)).run();
  resolve_names(program);
  return program;
}

}  // namespace heed::jinja
