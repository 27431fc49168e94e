"""The conversations the template goldens render."""

USER = {"role": "user", "content": "Why is the sky blue?"}
ANSWER = {"role": "assistant", "content": "Because of Rayleigh scattering."}
MORE = {"role": "user", "content": "And at  sunset?\n"}
SYSTEM = {"role": "system", "content": "Answer briefly."}
UNICODE = {"role": "user", "content": "  Grüße, 世界! 👋🏽 Здравствуй \u00a0— «ок» <b>&amp;</b> {{ no }}\t\n"}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def chat(*messages, prompt=True, **more):
    return {"messages": list(messages), "add_generation_prompt": prompt, **TOKENS, **more}


PLAIN = {
    "one question": chat(USER),
    "no generation prompt": chat(USER, prompt=False),
    "system": chat(SYSTEM, USER),
    "several turns": chat(USER, ANSWER, MORE),
    "several turns with system": chat(SYSTEM, USER, ANSWER, MORE, prompt=False),
    "unicode": chat(SYSTEM, UNICODE),
    "empty content": chat({"role": "user", "content": ""}),
    "no messages": chat(),
    "two questions": chat(USER, MORE),
    "starts with the assistant": chat(ANSWER, USER),
    "unknown role": chat({"role": "narrator", "content": "Once upon a time"}, USER),
    "content missing": chat({"role": "user"}),
}
