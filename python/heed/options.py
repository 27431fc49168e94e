"""Keyword arguments that many functions take; the defaults are heed.hpp's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar


class SessionOptions(TypedDict, total=False):
    """
    context: tokens the cache holds; 0 = the model's own, at most 4,096.
    threads: 0 = the machine's.
    ubatch: tokens computed at once when a prompt is read; 512.
    kv_type: of keys and values in the cache; "bf16". "q8" is half as large.
    """

    context: int
    threads: int
    ubatch: int
    kv_type: Literal["f32", "bf16", "f16", "q8"]


class GenerateOptions(TypedDict, total=False):
    """
    max_tokens: None = until the model ends or the context is full.
    stop: a text, or texts, that end the answer and are not part of it.
    ignore_eos: go on where the model would end.
    temperature: 0 = the likeliest token, always; so it is unless you say otherwise.
    top_k: keep the k likeliest tokens; 40; 0 = all.
    top_p: keep the likeliest that sum to p; 0.95; 1 = all.
    min_p: drop what is less likely than min_p times the likeliest; 0.05; 0 = nothing.
    repeat_penalty, presence_penalty, frequency_penalty: of tokens that were there; 1, 0 and 0.
    repeat_last_n: tokens the penalties look back on; 64; -1 = all.
    logit_bias: added to the logits of tokens; -inf forbids one.
    seed: of the random choices; 0.
    """

    max_tokens: int | None
    stop: str | Sequence[str]
    ignore_eos: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    presence_penalty: float
    frequency_penalty: float
    repeat_last_n: int
    logit_bias: Mapping[int, float]
    seed: int


class EmbedOptions(TypedDict, total=False):
    """
    pooling: how one vector is made of a text's tokens; "model" = as the model's file says.
    normalize: every vector has length 1; True.
    truncate: cut texts longer than the model's context; else they are an error.
    batch_tokens: tokens computed at once; 512.
    """

    pooling: Literal["model", "mean", "cls", "last"]
    normalize: bool
    truncate: bool
    batch_tokens: int


class TranslateOptions(TypedDict, total=False):
    """
    beam_size: hypotheses followed at once; 1 = greedy.
    hypotheses: how many to return, at most beam_size; 1.
    length_penalty: a hypothesis's score is its log-probability / tokens ** length_penalty.
    min_length, max_length: of a translation, in tokens, with its start and end.
    no_repeat_ngram: no so many tokens in a row come twice; 0 = they may.
    early_stopping: when a search stops, once as many hypotheses have ended as there are beams:
        "no", when none that goes on has a better score now; "yes", at once; "never", when none
        could have a better score at the greatest length.
    prefix: text that every translation begins with.
    batch: texts at work at once; 32.
    truncate: cut texts longer than the model's context; else they are an error.

    What is None, or not given, is as the model's file says.
    """

    beam_size: int | None
    hypotheses: int
    length_penalty: float | None
    min_length: int | None
    max_length: int | None
    no_repeat_ngram: int | None
    early_stopping: Literal["no", "yes", "never"] | None
    prefix: str
    batch: int
    truncate: bool


Function = TypeVar("Function", bound=Callable[..., Any])


def takes(options: type) -> Callable[[Function], Function]:
    """Adds what the options are to a function's help."""

    def add(function: Function) -> Function:
        parts = [inspect.cleandoc(text or "") for text in (function.__doc__, options.__doc__)]
        function.__doc__ = "\n\n".join(parts)
        return function

    return add


Options = TypeVar("Options")


def fill(options: Options, values: Mapping[str, Any]) -> Options:
    """Sets members of one of the library's option structs; TypeError names what it lacks."""
    for name, value in values.items():
        if name.startswith("_") or not hasattr(options, name):
            known = ", ".join(known for known in dir(options) if not known.startswith("_"))
            raise TypeError(f"unexpected keyword argument {name!r}, expected some of: {known}")
        if value is None:
            continue
        try:
            setattr(options, name, value)
        except TypeError:
            expected = type(getattr(options, name)).__name__
            raise TypeError(f"{name}: expected {expected}, found {value!r}") from None
    return options


def as_list(value: Any) -> list[Any]:
    """A string stands for a list of one."""
    return [value] if isinstance(value, str) else list(value)
