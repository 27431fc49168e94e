"""Small templates, one construct or mistake each, that the engine must treat as jinja2 does. Used by make_goldens.py."""

import json
import pathlib

CONTEXT = {
    "s": "Hello, World",
    "u": "Grüße 世界 ß ﬁ Σας ΌΔΟΣ",
    "e": "",
    "ws": "  a b\t c\n ",
    "n": 5,
    "f": 2.5,
    "z": 0,
    "t": True,
    "nul": None,
    "l": [3, 1, 2],
    "ls": ["b", "A", "c"],
    "d": {"b": 1, "a": "x", "items": "it", "n": {"x": [1, 2]}},
    "ld": [{"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "x", "v": 3}, {"v": 9}],
    "em": [],
    "ed": {},
    "big": 9007199254740993,
    "x": "ctx",
    "p": [[1, 2], [3, 4]],
    "m": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
}


def lines(name):
    return (pathlib.Path(__file__).parent / name).read_text().rstrip("\n").split("\n")


# Expressions; whole templates of one line; templates as JSON strings, for white space control and the like.
TEMPLATES = ["{{ " + line + " }}" for line in lines("expressions.txt")]
TEMPLATES += lines("statements.txt")
TEMPLATES += [json.loads(line) for line in lines("layouts.txt")]
# What jinja2 does and the engine says it does not.
UNSUPPORTED = [json.loads(line) for line in lines("unsupported.txt")]
