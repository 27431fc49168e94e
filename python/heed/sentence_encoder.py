"""Sentence embeddings for code that was written for sentence-transformers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from heed.model import load
from heed.session import Path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class SentenceEncoder:
    """An encoder with the functions of sentence_transformers.SentenceTransformer.

    As there, texts that are too long are cut, and a show_progress_bar of None shows none.
    """

    def __init__(self, model_name_or_path: Path, *, exact: bool = False, threads: int = 0):
        self.model = load(model_name_or_path, exact=exact, threads=threads)

    def encode(
        self,
        sentences: str | Sequence[str],
        *,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        normalize_embeddings: bool = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
    ) -> Any:
        """Embeddings: a float32 array [sentences, width], or [width] of a single string.

        prompt: text before every sentence.
        batch_size: means nothing here. Heed computes as many sentences at once as suit its caches.
        convert_to_tensor: a tensor of PyTorch instead, which shares the array's memory.
        """
        texts = [sentences] if isinstance(sentences, str) else sentences
        embeddings = self.model.embed(
            [(prompt or "") + text for text in texts],
            normalize=normalize_embeddings,
            truncate=True,
            progress=_show_progress if show_progress_bar else None,
        )
        result = embeddings[0] if isinstance(sentences, str) else embeddings
        if not convert_to_tensor:
            return result if convert_to_numpy else list(result)
        torch: Any = importlib.import_module("torch")
        return torch.from_numpy(result)

    encode_query = encode_document = encode

    def similarity(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
        """Cosines [rows of a, rows of b]."""
        return _unit_rows(a) @ _unit_rows(b).T

    def get_embedding_dimension(self) -> int:
        return self.model.info.width

    get_sentence_embedding_dimension = get_embedding_dimension

    @property
    def max_seq_length(self) -> int:
        """Tokens of a sentence that count."""
        return self.model.info.context


def _unit_rows(embeddings: ArrayLike) -> NDArray[np.float32]:
    import numpy as np

    rows: NDArray[np.float32] = np.atleast_2d(np.asarray(embeddings, np.float32))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return unit


def _show_progress(fraction: float) -> None:
    end = "\n" if fraction >= 1 else ""
    print(f"\rSentences: {fraction:4.0%}", end=end, file=sys.stderr, flush=True)
