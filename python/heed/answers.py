"""Texts that models write: strings that know how they came about."""

from __future__ import annotations

from heed import _heed


class Generation(str):
    """An answer. It is the text; the attributes are what it took."""

    tokens: list[int]
    reason: str
    """What ended it: "end_of_text", "max_tokens", "stop_text", "context_full"."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt, already in the session's cache."""
    prefill_seconds: float
    decode_seconds: float
    """Of all tokens but the first, which reading the prompt gives."""

    @classmethod
    def of(cls, result: _heed.Generation) -> Generation:
        self = cls(result.text)
        self.tokens = result.tokens
        self.reason = result.reason
        self.prompt_tokens = result.prompt_tokens
        self.cached_tokens = result.cached_tokens
        self.prefill_seconds = result.prefill_seconds
        self.decode_seconds = result.decode_seconds
        return self


class Hypothesis(str):
    """One of the translations that a beam search found."""

    tokens: list[int]
    score: float
    """Log-probability / tokens ** length_penalty."""

    def _set(self, result: _heed.Hypothesis) -> None:
        self.tokens = result.tokens
        self.score = result.score

    @classmethod
    def of(cls, result: _heed.Hypothesis) -> Hypothesis:
        self = cls(result.text)
        self._set(result)
        return self


class Translation(Hypothesis):
    """The best translation of a text."""

    hypotheses: list[Hypothesis]
    """As many as were asked for, best first."""
    source_tokens: int

    @classmethod
    def best_of(cls, result: _heed.Translation) -> Translation:
        hypotheses = result.hypotheses
        self = cls(hypotheses[0].text)
        self._set(hypotheses[0])
        self.hypotheses = [Hypothesis.of(hypothesis) for hypothesis in hypotheses]
        self.source_tokens = result.source_tokens
        return self
