"""Writes templates.json, expressions.json and random.json: what jinja2 makes of the templates beside this file, of
many small templates, and of random ones. Run it here: python make_goldens.py"""

import json
import pathlib

import contexts
import reference

HERE = pathlib.Path(__file__).parent


def template_cases():
    cases = []
    for path in sorted(HERE.glob("*.jinja")):
        source = path.read_text()
        for name, context in contexts.PLAIN.items():
            cases.append(
                {"template": path.name, "case": name, "context": context, **reference.render(source, context)}
            )
    return cases


def write(name, cases):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / name).write_text("[\n" + lines + "\n]\n")


write("templates.json", template_cases())
