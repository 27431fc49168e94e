"""Writes templates.json, constructs.json and random.json: what jinja2 makes of the templates beside this file, of the
small ones in constructs.py, and of random ones. Run it here: python make_goldens.py"""

import json
import pathlib
import warnings

import constructs
import contexts
import random_templates
import reference

HERE = pathlib.Path(__file__).parent
RANDOM_CASES = 500

# What a template is asked for beyond plain conversations.
MORE = {
    "llama3": contexts.TOOL_USE | contexts.DATED,
    "mistral": contexts.TOOL_USE,
    "qwen2.5": contexts.TOOL_USE,
    "qwen3": contexts.TOOL_USE | contexts.THINKING,
    "gemma3": contexts.MULTIMODAL,
    "deepseek-r1": contexts.TOOL_USE | contexts.THINKING,
    "command-r": contexts.TOOL_USE | contexts.DATED,
    "granite": contexts.TOOL_USE | contexts.DATED,
    "hermes": contexts.TOOL_USE,
    "smollm3": contexts.TOOL_USE | contexts.THINKING,
    "gpt-oss": contexts.TOOL_USE | contexts.THINKING,
    "glm4": contexts.TOOL_USE | contexts.THINKING | contexts.MULTIMODAL,
    "call-blocks": contexts.TOOL_USE | contexts.MULTIMODAL,
}


def template_cases():
    for path in sorted(HERE.glob("*.jinja")):
        for name, context in (contexts.PLAIN | MORE.get(path.stem, {})).items():
            yield [path.name, name, reference.render(path.read_text(), context)]


def construct_cases():
    for template in constructs.TEMPLATES:
        yield [template, reference.render(template, constructs.CONTEXT)]
    for template in constructs.UNSUPPORTED:
        yield [template, {"unsupported": True}]


def random_cases():
    """Of the random templates those whose outcome does not hang on memory addresses, and few that fail."""
    seed = errors = cases = 0
    while cases < RANDOM_CASES:
        template = random_templates.Generator(seed).template()
        seed += 1
        result = reference.render(template, random_templates.CONTEXT)
        if " at 0x" in result.get("text", "") or len(template) > 400:
            continue
        if "text" not in result:
            errors += 1
            if errors % 6:
                continue
        cases += 1
        yield [template, result]


def write(name, cases, **more):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    head = "".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in more.items())
    (HERE / name).write_text("{\n" + head + '"cases": [\n' + lines + "\n]}\n")


warnings.simplefilter("ignore", SyntaxWarning)  # Python's, about constants that are called or subscripted
write("templates.json", template_cases(), contexts=contexts.ALL)
write("constructs.json", construct_cases(), context=constructs.CONTEXT)
write("random.json", random_cases(), context=random_templates.CONTEXT)
