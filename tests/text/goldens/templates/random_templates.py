"""Random small templates, for comparing the engine with jinja2 where nobody thought of a case. Used by make_goldens.py."""

import random

CONTEXT = {
    "s": "Hello, World",
    "u": "Grüße, 世界! ß",
    "w": "  a b\tc \n d ",
    "x": "<ctx>",
    "n": 5,
    "m": -3,
    "f": 2.5,
    "t": True,
    "no": None,
    "e": "",
    "l": [3, 1, 2],
    "ls": ["b", "A", "c", ""],
    "em": [],
    "d": {"b": 1, "a": "x", "k": [1, 2]},
    "ms": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi\n", "n": 2},
        {"role": "assistant", "content": None, "n": 1},
    ],
}
TEXTS = ["s", "u", "w", "x", "e", "'a'", "'b,c'", "\"it's\"", "'\\n'", "ls[0]", "ms[1].content", "d.a"]
NUMBERS = ["n", "m", "f", "t", "0", "1", "2", "-1", "1.5", "10", "l[0]", "d.b", "loop.index"]
LISTS = ["l", "ls", "em", "[1, 'a', none]", "d.k", "s.split()", "u.split(',')", "range(3)|list", "ms|map(attribute='role')|list"]
OTHERS = ["no", "undef", "d", "ms", "ms[0]", "{}", "d.zz", "()", "(1, 'b')"]
ATOMS = TEXTS + NUMBERS + LISTS + OTHERS
BINARY = ["+", "-", "*", "/", "//", "%", "~", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "length", "string", "int", "float", "list", "first", "last",
    "join('-')", "join", "sort", "reverse|list", "unique|list", "sum", "min", "max", "tojson", "tojson(indent=2)",
    "default('D')", "default('D', true)", "replace('l', 'L')", "replace('', '.', 2)", "indent(2)", "indent(2, true)",
    "abs", "round", "round(1)", "map('string')|list", "map('upper')|list", "select|list", "reject('none')|list",
    "select('string')|list", "selectattr('n')|list", "selectattr('role', 'equalto', 'user')|list", "items|list",
    "map(attribute='role')|join(',')", "batch(2)|list", "slice(2)|list", "dictsort", "wordcount", "center(9)",
    "truncate(5)", "truncate(7, true, '..', 0)", "d('z')", "groupby('role')", "sort(attribute='role')",
    "rejectattr('n', 'defined')|map(attribute='content')|list", "count", "tojson(sort_keys=true)", "format(1, 'x')",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping",
    "iterable", "sequence", "odd", "even", "divisibleby 2", "eq 5", "ne(5)", "in [1, 'a']", "gt 1", "lt(2.5)", "upper",
    "lower", "callable", "equalto 'a'", "sameas none",
]
METHODS = [
    "strip()", "upper()", "lower()", "title()", "split()", "split(',')", "split(' ', 1)", "startswith('H')",
    "endswith('\\n')", "replace('a', 'b')", "find('l')", "count('l')", "items()|list", "keys()|list", "get('a')",
    "get('zz', 0)", "lstrip()", "rstrip()", "splitlines()", "capitalize()", "isdigit()", "join(ls)", "rsplit(' ', 1)",
    "partition(',')", "strip('H d')", "index(1)", "isalpha()", "zfill(7)", "removeprefix('He')", "rfind('o')",
]
SLICES = ["[0]", "[-1]", "[1:]", "[:2]", "[::-1]", "[:-1]", "[5]", "['a']", "[-3:3]", "[::2]", ".a", ".role", ".zz", ".0"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def atom(self):
        return self.pick(self.pick([TEXTS, TEXTS, NUMBERS, LISTS, OTHERS]))

    def expr(self, depth):
        if depth == 0 or self.random.random() < 0.15:
            return self.atom()
        kind = self.random.random()
        inner = self.expr(depth - 1)
        if kind < 0.25:
            return f"{inner}|{self.pick(FILTERS)}"
        if kind < 0.38:  # of one kind, so that most of them have a value
            some = self.pick([TEXTS, NUMBERS[:-1], LISTS])
            return f"{self.pick(some)} {self.pick(BINARY)} {self.pick(some)}"
        if kind < 0.45:
            return f"{inner} {self.pick(BINARY)} {self.expr(depth - 1)}"
        if kind < 0.53:
            return f"({inner}).{self.pick(METHODS)}"
        if kind < 0.61:  # of names only: jinja2 folds a constant's slice, and hides its errors
            return self.pick(TEXTS + LISTS + ["d", "ms", "ms[0]", "undef"]) + self.pick(SLICES)
        if kind < 0.7:
            return f"{inner} is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if kind < 0.76:
            return f"{inner} if {self.expr(depth - 1)}" + (f" else {self.expr(depth - 1)}" if kind < 0.74 else "")
        if kind < 0.82:
            return f"({inner})"
        if kind < 0.86:
            return self.pick(["not ", "-", "+"]) + inner
        if kind < 0.9:
            return f"[{inner}, {self.expr(depth - 1)}]"
        if kind < 0.94:
            return "{'q': " + inner + ", 'r': " + self.expr(depth - 1) + "}"
        return f"{inner} < {self.expr(depth - 1)} <= {self.atom()}"

    def space(self):
        return self.pick(["", "", "", " ", "\n", "\n\n", "  \n", "\n  ", " \t", "\u00a0\n"])

    def text(self):
        return self.space() + self.pick(["", "", "a", "b c", ".", "}", "{ ", "% }", "é\n世", "''"]) + self.space()

    def tag(self, content):
        left, right = self.pick(["", "", "-", "+"]), self.pick(["", "", "-", "+"])
        return "{%" + left + " " + content + " " + right + "%}"

    def output(self, expression):
        return "{{" + self.pick(["", "", "-"]) + " " + expression + " " + self.pick(["", "", "-"]) + "}}"

    def name(self):
        return self.pick(["x", "n", "y", "z", "ns.v"])

    def block(self, depth):
        if depth == 0:
            return self.text() + self.output(self.pick(["x", "n", "y", "z", "ns.v", "i", self.atom()]))
        kind = self.random.random()
        if kind < 0.2:
            return self.text() + self.output(self.expr(2)) + self.text()
        if kind < 0.4:
            source = self.pick(["l", "ls", "ms", "em", "range(3)", "d", "s[:3]", "l|select('gt', 1)", "d.items()"])
            condition = self.pick(["", "", "", " if i", " if i != 1", " if loop is not defined", " if ns.v != 1"])
            other = self.tag("else") + self.body(depth - 1) if self.random.random() < 0.3 else ""
            jump = self.pick(["", "", "", self.tag("if " + self.expr(1)) + self.tag(self.pick(["break", "continue"])) + self.tag("endif")])
            return self.tag(f"for i in {source}{condition}") + self.body(depth - 1) + jump + self.text() + other + self.tag("endfor")
        if kind < 0.55:
            other = self.tag("else") + self.body(depth - 1) if self.random.random() < 0.5 else ""
            elif_ = self.tag("elif " + self.expr(1)) + self.body(depth - 1) if self.random.random() < 0.3 else ""
            return self.tag("if " + self.expr(1)) + self.body(depth - 1) + elif_ + other + self.tag("endif")
        if kind < 0.7:
            return self.tag(f"set {self.name()} = {self.expr(1)}")
        if kind < 0.76:
            return self.tag(f"set {self.name()}{self.pick(['', '', '|upper', '|trim'])}") + self.body(depth - 1) + self.tag("endset")
        if kind < 0.82:
            name = self.pick(["macro1", "macro2"])
            return self.tag(f"macro {name}(n, y={self.atom()})") + self.body(depth - 1) + self.tag("endmacro") + self.output(f"{name}({self.atom()})")
        if kind < 0.86:
            return self.tag(f"with x = {self.expr(1)}") + self.body(depth - 1) + self.tag("endwith")
        if kind < 0.9:
            return self.tag("filter " + self.pick(["upper", "trim", "replace('a', 'b')", "indent(1)"])) + self.body(depth - 1) + self.tag("endfilter")
        if kind < 0.93:
            return self.tag("generation") + self.body(depth - 1) + self.tag("endgeneration")
        if kind < 0.96:
            return "{#" + self.pick(["", "-"]) + " c " + self.pick(["", "-", "+"]) + "#}" + self.text()
        macro = self.tag("macro h(a)") + self.text() + self.output("caller(a)") + self.tag("endmacro")
        return macro + self.tag("call(q) h(n)") + self.body(depth - 1) + self.output("q") + self.tag("endcall")

    def body(self, depth):
        return self.text() + "".join(self.block(depth) for _ in range(self.random.randint(1, 2))) + self.text()

    def template(self):
        if self.random.random() < 0.5:
            return "{{ " + self.expr(3) + " }}"
        return "{% set ns = namespace(v=0) %}" + self.body(self.random.randint(1, 3))
