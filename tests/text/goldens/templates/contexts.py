"""The conversations the template goldens render."""

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def chat(*messages, prompt=True, **more):
    return {"messages": list(messages), "add_generation_prompt": prompt, **TOKENS, **more}


USER = message("user", "Why is the sky blue?")
ANSWER = message("assistant", "Because of Rayleigh scattering.")
MORE = message("user", "And at  sunset?\n")
SYSTEM = message("system", "Answer briefly.")
UNICODE = message("user", "  Grüße, 世界! 👋🏽 Здравствуй \u00a0— «ок» <b>&amp;</b> {{ no }}\t\n")

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a town, now.",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "description": "The town's name, as in \"Zürich\""},
                "unit": {"type": "string", "enum": ["°C", "°F"], "default": "°C"},
                "days": {"type": ["integer", "null"], "description": "Days ahead", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["town"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {}},
        "return": {"type": "string", "description": "HH:MM"},
    },
}


def call(name, number="123456789", **arguments):
    return {"type": "function", "id": f"call{number}"[-9:], "function": {"name": name, "arguments": arguments}}


ASK = message("user", "How warm is it in Zürich?")
CALL = message("assistant", None, tool_calls=[call("get_weather", town="Zürich", days=2, deep={"a": [1.5, None, True]})])
CALL_TWICE = message(
    "assistant", "", tool_calls=[call("get_weather", "111111111", town="Bern"), call("clock", "222222222")]
)
RESULT = message("tool", '{"°C": 21.5}', name="get_weather", tool_call_id="123456789")
RESULT_DICT = message("tool", {"°C": 21.5, "ok": True}, name="get_weather", tool_call_id="123456789")
RESULTS = [
    message("tool", "12", name="get_weather", tool_call_id="111111111"),
    message("tool", "09:05", name="clock", tool_call_id="222222222"),
]
TOOLS = [WEATHER, CLOCK]
THOUGHT = message("assistant", "<think>\nBlue light scatters more.\n</think>\n\nRayleigh scattering.")
REASONED = message("assistant", "Rayleigh.", reasoning_content="Blue light\nscatters more.")
PARTS = message(
    "user",
    [{"type": "text", "text": "What is  this?"}, {"type": "image", "image": "sky.png"}, {"type": "text", "text": " \n"}],
)

PLAIN = {
    "one question": chat(USER),
    "no generation prompt": chat(USER, prompt=False),
    "system": chat(SYSTEM, USER),
    "several turns": chat(USER, ANSWER, MORE),
    "several turns with system": chat(SYSTEM, USER, ANSWER, MORE, prompt=False),
    "ends with the answer": chat(USER, ANSWER, prompt=False),
    "unicode": chat(SYSTEM, UNICODE),
    "empty content": chat(message("user", "")),
    "no messages": chat(),
    "two questions": chat(USER, MORE),
    "starts with the assistant": chat(ANSWER, USER),
    "system comes late": chat(USER, SYSTEM, MORE),
    "unknown role": chat(message("narrator", "Once upon a time"), USER),
    "content missing": chat({"role": "user"}),
    "content is null": chat(message("user", None)),
}
TOOL_USE = {
    "tools": chat(USER, tools=TOOLS),
    "tools and system": chat(SYSTEM, ASK, tools=TOOLS, prompt=False),
    "no tools": chat(SYSTEM, USER, tools=None, documents=None),
    "empty tools": chat(USER, tools=[]),
    "call": chat(ASK, CALL, tools=TOOLS, prompt=False),
    "result": chat(SYSTEM, ASK, CALL, RESULT, tools=TOOLS),
    "result as a dict": chat(ASK, CALL, RESULT_DICT, tools=[WEATHER]),
    "two calls": chat(ASK, CALL_TWICE, *RESULTS, tools=TOOLS),
    "answer after a result": chat(ASK, CALL, RESULT, message("assistant", "21.5 °C."), MORE, tools=TOOLS),
    "calls without tools": chat(ASK, CALL, RESULT, MORE),
}
THINKING = {
    "thought": chat(USER, THOUGHT, MORE),
    "thought last": chat(USER, THOUGHT, prompt=False),
    "reasoning": chat(USER, REASONED, MORE, enable_thinking=False),
    "reasoning last": chat(SYSTEM, USER, REASONED, enable_thinking=True, prompt=False),
    "reasoning and tools": chat(ASK, {**CALL, "reasoning_content": "Look it up."}, RESULT, tools=TOOLS),
}
MULTIMODAL = {
    "parts": chat(PARTS),
    "parts and system": chat(message("system", [{"type": "text", "text": "Be brief."}]), PARTS, ANSWER, MORE),
}
DATED = {
    "date given": chat(USER, date_string="01 Jan 2025", tools=[CLOCK], tools_in_user_message=False),
    "documents": chat(USER, documents=[{"title": "Sky", "text": "It is blue."}, {"title": "Sea", "text": "Also."}]),
}
ALL = {**PLAIN, **TOOL_USE, **THINKING, **MULTIMODAL, **DATED}
