"""Heed in LlamaIndex: an embedding model for indices, a language model for engines.

For example:

    Settings.embed_model = HeedEmbedding(model="minilm")
    Settings.llm = HeedLLM(model="smollm2")
"""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback

import heed


class HeedEmbedding(BaseEmbedding):
    """Sentence embeddings of length 1."""

    model: str
    _model: heed.Model = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._model = heed.load(self.model)

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._model.embed(texts, truncate=True).tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class HeedLLM(CustomLLM):
    """A language model; `options` are those of heed.Model.generate."""

    model: str
    options: dict[str, Any] = {}
    _model: heed.Model = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._model = heed.load(self.model)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self._model.info.context, model_name=self.model)

    def _prompt(self, prompt: str) -> Any:
        if not self._model.tokenizer.chat_template:
            return prompt
        return [{"role": "user", "content": prompt}]

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        answer = self._model.generate(self._prompt(prompt), **{**self.options, **kwargs})
        return CompletionResponse(text=str(answer))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        def responses() -> CompletionResponseGen:
            text = ""
            with self._model.stream(self._prompt(prompt), **{**self.options, **kwargs}) as pieces:
                for piece in pieces:
                    text += piece
                    yield CompletionResponse(text=text, delta=piece)

        return responses()
