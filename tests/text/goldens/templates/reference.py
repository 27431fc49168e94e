"""The reference renderer of the template goldens: jinja2, set up as transformers sets it up for chat templates
(transformers/utils/chat_template_utils.py). Used by make_goldens.py; needs jinja2 3.1.6 or later."""

import copy
import datetime
import json

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

# The moment strftime_now tells; the tests give the engine the same.
NOW = datetime.datetime(2024, 7, 26, 9, 5, 3)


class Generation(jinja2.ext.Extension):
    """{% generation %} ... {% endgeneration %}: marks the assistant's text, prints it as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _text(self, context, caller):
        return caller()


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        fields = dict(*args, **kwargs)
        for name in fields:
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(self, fields)

    def __setitem__(self, name, value):
        Namespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"field {name}")


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    env.globals["dict"] = lambda *args, **kwargs: dict(*args, **kwargs)
    env.globals["namespace"] = Namespace
    return env


ENVIRONMENT = environment()


def render(template, context):
    """What the engine must do: {"text": prompt}, or {"raises": message} for raise_exception, or {"error": kind}."""
    try:
        # A copy, because jinja2's indent filter adds to a list it is given.
        return {"text": ENVIRONMENT.from_string(template).render(**copy.deepcopy(context))}
    except jinja2.exceptions.TemplateError as error:
        if type(error) is jinja2.exceptions.TemplateError:
            return {"raises": str(error)}
        return {"error": type(error).__name__}
    except Exception as error:  # what Python raises for wrong types and the like
        return {"error": type(error).__name__}
