"""Models: weights, tokenizer and graph, which any number of threads may share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, overload

from heed import _heed
from heed.answers import Generation, Translation
from heed.errors import ArgumentError
from heed.options import (
    EmbedOptions,
    GenerateOptions,
    SessionOptions,
    TranslateOptions,
    fill,
    takes,
)
from heed.session import Closeable, Path, ProgressCallback, Session, Stream
from heed.tokenizer import Prompt, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack


def load(
    name_or_path: Path,
    *,
    exact: bool = False,
    threads: int = 0,
    context: int = 0,
    map: bool = True,
    vocabulary_only: bool = False,
    progress: ProgressCallback | None = None,
) -> Model:
    """Loads a GGUF file, given by its path or by its name in the model store.

    exact: dequantised weights and F32 arithmetic throughout: the reference. Slower.
    threads: of this model's sessions; 0 = the machine's.
    context: tokens the caches of its sessions hold; 0 = the model's own, at most 4,096.
    map: map the file; else it is read into memory.
    vocabulary_only: tokenizer and chat template, no weights.
    progress: called with the share of the work that is done, 0 to 1.
    """
    options = fill(
        _heed.LoadOptions(),
        {"exact": exact, "threads": threads, "map": map, "vocabulary_only": vocabulary_only},
    )
    native = _heed.Model.load(os.fspath(name_or_path), options, progress)
    return Model(native, {"threads": threads, "context": context})


class Model(Closeable):
    """A model, as `load` gives it.

    Its functions may be called by any number of threads: each call has a session of its own, from
    those that are idle. For a conversation, whose past should not be computed again, make a
    `session`.
    """

    def __init__(self, native: _heed.Model, options: SessionOptions):
        self._open: _heed.Model | None = native
        self._options = options
        self._idle: list[Session] = []
        self._lock = threading.Lock()
        self.info: _heed.ModelInfo = native.info()
        self.tokenizer = Tokenizer(native)

    @property
    def _native(self) -> _heed.Model:
        if self._open is None:
            raise ArgumentError("the model is closed")
        return self._open

    def close(self) -> None:
        """Frees the model, as soon as the sessions are closed that use it."""
        with self._lock:
            self._open = None
            self._idle.clear()

    @takes(SessionOptions)
    def session(self, **options: Unpack[SessionOptions]) -> Session:
        """A conversation or a worker of your own."""
        given: dict[str, Any] = {**self._options, **options}
        native = _heed.Session(self._native, fill(_heed.SessionOptions(), given))
        return Session(native, self.tokenizer)

    @takes(SessionOptions)
    def memory_needed(self, **options: Unpack[SessionOptions]) -> int:
        """Bytes of cache and working memory that such a session will have; nothing is made."""
        given: dict[str, Any] = {**self._options, **options}
        filled = fill(_heed.SessionOptions(), given)
        return _heed.Session.memory_needed(self._native, filled)

    def _take(self) -> Session:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        if session is None:
            return self.session()  # raises, if the model is closed
        if self.info.kind == "decoder":
            session.rewind(0)
        return session

    def _give_back(self, session: Session) -> None:
        with self._lock:
            if self._open is not None:
                self._idle.append(session)

    @contextmanager
    def _borrowed(self) -> Iterator[Session]:
        session = self._take()
        try:
            yield session
        finally:
            self._give_back(session)

    @takes(GenerateOptions)
    def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Generation:
        """Answers a prompt: a text that is continued, tokens, or a list of messages."""
        with self._borrowed() as session:
            return session.generate(prompt, **options)

    @takes(GenerateOptions)
    def stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Stream:
        """The same a piece at a time: reads the prompt; iterating makes the answer."""
        session = self._take()
        try:
            return session._start(lambda: self._give_back(session), prompt, options)
        except BaseException:
            self._give_back(session)
            raise

    def score(self, text: str | Sequence[int]) -> NDArray[np.float64]:
        """Natural-log probability of each token after the first, given those before it."""
        with self._borrowed() as session:
            return session.score(text)

    @takes(EmbedOptions)
    def embed(
        self,
        texts: Iterable[str],
        *,
        progress: ProgressCallback | None = None,
        **options: Unpack[EmbedOptions],
    ) -> NDArray[np.float32]:
        """Embeddings [texts, width]."""
        with self._borrowed() as session:
            return session.embed(texts, progress=progress, **options)

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
        with self._borrowed() as session:
            return session.translate(texts, progress=progress, **options)

    def score_pairs(self, sources: Iterable[str], targets: Iterable[str]) -> list[_heed.PairScore]:
        """How likely the model finds given translations, token by token."""
        with self._borrowed() as session:
            return session.score_pairs(sources, targets)
