// The template language, construct by construct; whole templates are in chat_template_test.cpp.
#include <ctime>

#include "tests/text/jinja_goldens.h"

namespace heed {
namespace {

void check_file(const std::string& name) {
  const auto goldens = nlohmann::ordered_json::parse(read_golden(name));
  const std::string context = goldens["context"].dump();
  for (const auto& golden : goldens["cases"]) {
    const std::string source = golden[0];
    CAPTURE(source);
    check_outcome(outcome_of(source, context), golden[1]);
  }
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("each construct does what jinja2 does, or says that it is not supported") {
  check_file("constructs.json");
}

TEST_CASE("random templates render as in jinja2") {
  check_file("random.json");
}

TEST_CASE("a template without end ends with an error, and soon") {
  const std::string kHostile[] = {
      "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f() %}" + repeat("{% if 1 %}", 100) + "{{ f() }}" + repeat("{% endif %}", 100) +
          "{% endmacro %}{{ f() }}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% "
      "endfor %}",
      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% "
      "endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}"
      "{% set a = ns.l %}{% set ns.l = [] %}"
      "{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ a == ns.l }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}"
      "{{ ns.l }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}"
      "{{ ns.l|tojson(indent=100000) }}",
      "{{ 'x' * 10000000000 }}",
      "{{ [0] * 10000000000 }}",
      "{{ 'x'.center(10000000000) }}",
      "{{ '%10000000000d' % 1 }}",
      "{{ ('x' * 1000000).replace('', 'y' * 1000000) }}",
      "{{ ('x' * 1000000)|list|join('y' * 1000000) }}",
      "{{ ('\\n' * 1000000)|indent(1000000, blank=true) }}",
      "{{ [[1]]|tojson(indent=10000000000) }}",
      "{{ [1]|batch(10000000000, 0)|list }}",
      "{{ [1]|slice(10000000000)|list }}",
      "{{ range(10000000000) }}",
      "{% set s = 'ab' * 10000000 %}{% for i in range(100000) %}{{ s == s ~ '' }}{% endfor %}",
      "{% set s = 'a' * 30000000 %}{{ s.find('a' * 15000000 ~ 'b') }}",
      "{% set s = 'ab' * 10000000 %}{{ s.strip(s) }}",
      "{{ range(100000)|map('string')|unique|list }}",
      repeat("{% if 1 %}", 10000) + repeat("{% endif %}", 10000),
      "{{ " + repeat("(", 100000) + repeat(")", 100000) + " }}",
      "{{ " + repeat("not ", 100000) + "1 }}",
      "{{ 1" + repeat(" + 1", 100000) + " }}",
      "{{ x" + repeat(".x", 100000) + " }}",
      "{{ x" + repeat("|list", 100000) + " }}",
      repeat("x", 2'000'000),
  };
  for (const std::string& source : kHostile) {
    const std::clock_t start = std::clock();  // of the processor: the machine may be busy
    const Outcome found = outcome_of(source, "{}");
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    CAPTURE(source.substr(0, 200));
    CAPTURE(found.text.substr(0, 200));
    CHECK(found.code == Error::Code::limit);
    CHECK(seconds < 10);
  }
}

TEST_CASE("variables nested too deep are an error") {
  const auto nested = [](int depth) {
    return R"({"a": )" + repeat("[", depth) + repeat("]", depth) + "}";
  };
  CHECK(outcome_of("{{ a|tojson }}", nested(150)).text == repeat("[", 150) + repeat("]", 150));
  CHECK(outcome_of("{{ a }}", nested(100'000)).code == Error::Code::limit);
}

TEST_CASE("a long chat stays within the limits") {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (int i = 0; i < 2000; ++i) {
    messages.push_back(
        {{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(2000, 'x')}});
  }
  const nlohmann::ordered_json context = {{"messages", messages}, {"add_generation_prompt", true}};
  const Outcome found = outcome_of(read_golden("qwen3.jinja"), context.dump());
  CHECK_FALSE(found.code);
  CHECK(found.text.size() > 4'000'000);
}

TEST_CASE("what refers to itself is freed") {  // the sanitizers' leak check looks at this
  const std::string kLoops[] = {
      "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns.me.me is defined }}",
      "{% macro f() %}{% macro g() %}{{ f }}{% endmacro %}{% set h = g %}{% endmacro %}{{ f() }}",
      "{% for i in [1, 2] %}{{ loop.changed(loop.changed) }}{% endfor %}",
      "{% for i in [1, 2] %}{{ loop.changed(loop.changed) }}{{ nope.nope }}{% endfor %}",
      "{% set ns = namespace() %}{% for i in [1] if i %}{% set ns.l = loop %}{% endfor %}{{ "
      "ns.l.last }}",
  };
  CHECK(outcome_of(kLoops[0], "{}").text == "True");
  CHECK(outcome_of(kLoops[1], "{}").text == "");
  CHECK(outcome_of(kLoops[2], "{}").text == "TrueTrue");
  CHECK(outcome_of(kLoops[3], "{}").code == Error::Code::argument);
  CHECK(outcome_of(kLoops[4], "{}").code == Error::Code::unsupported);
}

}  // namespace heed
