"""Sessions: conversations with a decoder, workers that embed or translate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

# Here, since the module would import it in the midst of the first call that gives an array, where
# Ctrl-C becomes a TypeError.
import numpy as np

from heed import _heed
from heed.answers import Generation, Translation
from heed.errors import ArgumentError, Error
from heed.options import (
    EmbedOptions,
    GenerateOptions,
    TranslateOptions,
    as_list,
    fill,
    takes,
)
from heed.tokenizer import Prompt, Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self, Unpack

Path = str | os.PathLike[str]
ProgressCallback = Callable[[float], None]


def generate_options(values: GenerateOptions) -> _heed.GenerateOptions:
    given: dict[str, Any] = dict(values)
    if given.get("stop") is not None:
        given["stop"] = as_list(given["stop"])
    if given.get("logit_bias") is not None:
        given["logit_bias"] = list(given["logit_bias"].items())
    return fill(_heed.GenerateOptions(), given)


def texts_of(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise TypeError("expected a list of texts, found one text")
    return list(texts)


class Closeable:
    """Something that `with` closes."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Stream(Closeable):
    """An answer in the making: iterate over its pieces of text, and stop whenever you like."""

    def __init__(self, session: Session, on_close: Callable[[], None]):
        self._session: Session | None = session
        self._number = session._answers
        self._on_close = on_close
        self._result: Generation | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._session is None:
            raise StopIteration
        native = self._own(self._session)
        try:
            piece = native.next()
        except BaseException:
            self.close()
            raise
        if piece is None:
            self.close()
            raise StopIteration
        return piece

    def _own(self, session: Session) -> _heed.Session:
        """The session's own, if this is its last answer."""
        native = session._native
        if session._answers != self._number:
            raise ArgumentError("another call of the session has ended this answer")
        return native

    @property
    def result(self) -> Generation:
        """The answer as far as it goes: its text, tokens and times."""
        if self._session is not None:
            return Generation.of(self._own(self._session).answer())
        if self._result is None:
            raise ArgumentError("the answer was ended before it was asked for")
        return self._result

    def close(self) -> None:
        """Ends the answer where it is."""
        if self._session is None:
            return
        with suppress(Error):
            self._result = self.result
        self._session = None
        self._on_close()

    def __del__(self) -> None:
        self.close()


class Session(Closeable):
    """One conversation with a model, or a worker that embeds or translates: one call at a time.

    Made by `Model.session`. What a decoder's session has read and written stays in its cache: give
    `generate` the whole conversation each time, and only what is new is computed.
    """

    def __init__(self, native: _heed.Session, tokenizer: Tokenizer):
        self._open: _heed.Session | None = native
        self._tokenizer = tokenizer
        self._answers = 0

    @property
    def _native(self) -> _heed.Session:
        if self._open is None:
            raise ArgumentError("the session is closed")
        return self._open

    def close(self) -> None:
        """Frees the session's memory."""
        self._open = None

    def cancel(self) -> None:
        """Makes the call that is at work in another thread raise CancelledError."""
        self._native.cancel()

    # Decoders.

    @takes(GenerateOptions)
    def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Generation:
        """Answers a prompt: a text that is continued, tokens, or a list of messages."""
        tokens = self._tokenizer.prompt_tokens(prompt)
        self._answers += 1
        return Generation.of(self._native.generate(tokens, generate_options(options)))

    @takes(GenerateOptions)
    def stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Stream:
        """The same a piece at a time: reads the prompt; iterating makes the answer."""
        return self._start(lambda: None, prompt, options)

    def _start(
        self, on_close: Callable[[], None], prompt: Prompt, options: GenerateOptions
    ) -> Stream:
        tokens = self._tokenizer.prompt_tokens(prompt)
        self._answers += 1
        self._native.start(tokens, generate_options(options))
        return Stream(self, on_close)

    def eval(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Appends tokens to the cache; logits [vocab] of what follows the last."""
        return self._native.eval(list(tokens))

    def eval_all(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Appends tokens to the cache; logits [tokens, vocab] of what follows each."""
        return self._native.eval_all(list(tokens))

    def score(self, text: str | Sequence[int]) -> NDArray[np.float64]:
        """Natural-log probability of each token after the first, given those before it."""
        return self._native.score(self._tokenizer.prompt_tokens(text))

    def rewind(self, position: int = 0) -> None:
        """Forgets all tokens from `position` on."""
        self._native.rewind(position)

    def save(self, path: Path) -> None:
        """Writes the conversation so far to a file: tokens, keys and values."""
        self._native.save(os.fspath(path))

    def restore(self, path: Path) -> None:
        """Takes up what a session of the same model has saved: it goes on with the same bits."""
        self._native.restore(os.fspath(path))

    @property
    def tokens(self) -> list[int]:
        """The tokens in the cache."""
        return self._native.tokens()

    @property
    def position(self) -> int:
        """How many tokens are in the cache."""
        return self._native.position()

    @property
    def context(self) -> int:
        """How many tokens the cache holds."""
        return self._native.context()

    # Encoders.

    @takes(EmbedOptions)
    def embed(
        self,
        texts: Iterable[str],
        *,
        progress: ProgressCallback | None = None,
        **options: Unpack[EmbedOptions],
    ) -> NDArray[np.float32]:
        """Embeddings [texts, width]."""
        filled = fill(_heed.EmbedOptions(), options)
        return self._native.embed(texts_of(texts), filled, progress)

    # Encoder-decoders.

    @overload
    def translate(  # type: ignore[overload-overlap]
        self,
        texts: str,
        *,
        progress: ProgressCallback | None = None,
        **options: Unpack[TranslateOptions],
    ) -> Translation: ...
    @overload
    def translate(
        self,
        texts: Iterable[str],
        *,
        progress: ProgressCallback | None = None,
        **options: Unpack[TranslateOptions],
    ) -> list[Translation]: ...
    @takes(TranslateOptions)
    def translate(
        self,
        texts: str | Iterable[str],
        *,
        progress: ProgressCallback | None = None,
        **options: Unpack[TranslateOptions],
    ) -> Translation | list[Translation]:
        """Translates a text, or a list of texts."""
        filled = fill(_heed.TranslateOptions(), options)
        results = self._native.translate(as_list(texts), filled, progress)
        translations = [Translation.best_of(result) for result in results]
        return translations[0] if isinstance(texts, str) else translations

    def score_pairs(self, sources: Iterable[str], targets: Iterable[str]) -> list[_heed.PairScore]:
        """How likely the model finds given translations, token by token."""
        return self._native.score_pairs(texts_of(sources), texts_of(targets))

    @property
    def threads(self) -> int:
        return self._native.threads()

    @property
    def memory_bytes(self) -> int:
        """Bytes of cache and working memory."""
        return self._native.memory_bytes()
