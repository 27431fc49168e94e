"""A model's tokenizer and chat template."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heed import _heed

Message = Mapping[str, Any]
"""{"role": "user", "content": "Hello!"}, and what else the chat template knows."""

Prompt = str | Sequence[int] | Sequence[Message]
"""A text that is continued as it is, its tokens, or a conversation."""


class Tokenizer:
    def __init__(self, model: _heed.Model):
        self._model = model
        self._native = model.tokenizer()

    def encode(
        self, text: str, *, add_special: bool = True, parse_special: bool = True
    ) -> list[int]:
        """The tokens of a text.

        add_special: with the beginning, end or class tokens that the model's file asks for.
        parse_special: "<|im_end|>" in the text is that token, not ten characters.
        """
        return self._native.encode(text, add_special=add_special, parse_special=parse_special)

    def decode(self, tokens: Iterable[int], *, skip_special: bool = True) -> str:
        """The text of tokens; without control tokens if skip_special."""
        return self._native.decode(list(tokens), skip_special=skip_special)

    def apply_chat_template(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **variables: Any,
    ) -> str:
        """The prompt that the model's chat template makes of a conversation.

        It ends where the assistant begins to speak, if add_generation_prompt. Further keyword
        arguments are variables of the template. Its special tokens are in the text: encode it with
        add_special=False.
        """
        variables |= {"messages": list(messages), "add_generation_prompt": add_generation_prompt}
        if tools is not None:
            variables["tools"] = list(tools)
        return self._model.chat_prompt_json(json.dumps(variables))

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """The tokens of whatever `generate` takes as a prompt."""
        if isinstance(prompt, str):
            return self.encode(prompt)
        if isinstance(prompt, Sequence) and prompt and isinstance(prompt[0], Mapping):
            messages: Any = prompt
            return self.encode(self.apply_chat_template(messages), add_special=False)
        try:
            if not isinstance(prompt, (bytes, bytearray)):
                return [operator.index(token) for token in prompt]  # type: ignore[arg-type]
        except TypeError:
            pass
        raise TypeError(f"prompt: expected a text, tokens or messages, found {prompt!r}")

    def piece(self, token: int) -> bytes:
        """The token as the vocabulary writes it: perhaps a part of a character."""
        return self._native.piece(token)

    def source_piece(self, token: int) -> bytes:
        """A token of `encode` likewise: another one where a translator's source language has a
        vocabulary of its own."""
        return self._native.source_piece(token)

    def ends_generation(self, token: int) -> bool:
        """Whether the token ends an answer: end of text, end of turn."""
        return self._native.ends_generation(token)

    @property
    def bos(self) -> int | None:
        """The token that begins a text."""
        return self._native.bos()

    @property
    def eos(self) -> int | None:
        """The token that ends one."""
        return self._native.eos()

    @property
    def chat_template(self) -> str:
        """The model's chat template; empty if it has none."""
        return self._model.chat_template()

    def __len__(self) -> int:
        return self._native.size()
