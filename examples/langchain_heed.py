"""Heed in LangChain: embeddings for vector stores, a chat model for chains.

For example:

    store = InMemoryVectorStore.from_texts(texts, embedding=HeedEmbeddings("minilm"))
    chain = prompt | HeedChat(model="smollm2") | StrOutputParser()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_openai_messages,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

import heed


class HeedEmbeddings(Embeddings):
    """Sentence embeddings of length 1."""

    def __init__(self, model: str, **options: Any):
        self.model = heed.load(model, **options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.model.embed(texts, truncate=True).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class HeedChat(BaseChatModel):
    """A chat model; `options` are those of heed.Model.generate."""

    model: str
    options: dict[str, Any] = {}
    _model: heed.Model = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        self._model = heed.load(self.model)

    @property
    def _llm_type(self) -> str:
        return "heed"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, **self.options}

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        options = {**self.options, **kwargs, **({"stop": stop} if stop else {})}
        with self._model.stream(convert_to_openai_messages(messages), **options) as pieces:
            for piece in pieces:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
                if run_manager:
                    run_manager.on_llm_new_token(piece, chunk=chunk)
                yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces = self._stream(messages, stop, run_manager, **kwargs)
        message = AIMessage(content="".join(piece.text for piece in pieces))
        return ChatResult(generations=[ChatGeneration(message=message)])
