"""examples/*.py do what they say."""

import csv
import importlib.util
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def load_example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks annotations up there
    spec.loader.exec_module(module)
    return module


def test_score_csv(tmp_path, llama):
    (tmp_path / "in.csv").write_text('id,text\n1,"a b, the"\n2,the\n')
    command = [sys.executable, EXAMPLES / "score_csv.py", llama.info.path, tmp_path / "in.csv"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert [row["id"] for row in rows] == ["1", "2"]
    for row in rows:
        scores = llama.score(row["text"])
        assert int(row["tokens"]) == len(scores) + 1
        assert float(row["perplexity"]) == pytest.approx(math.exp(-scores.mean()), abs=1e-3)
    found = subprocess.run([*command, "--column", "x"], capture_output=True, text=True)
    assert found.returncode == 1 and "no column 'x'" in found.stderr


def test_langchain(bert, chat):
    pytest.importorskip("langchain_core")
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.vectorstores import InMemoryVectorStore

    example = load_example("langchain_heed")
    texts = ["a cat sat", "the dog ran", "trees"]
    embeddings = example.HeedEmbeddings(str(bert.info.path), threads=1)
    np.testing.assert_allclose(embeddings.embed_documents(texts), bert.embed(texts))
    store = InMemoryVectorStore.from_texts(texts, embedding=embeddings)
    assert store.similarity_search("the dog ran", k=1)[0].page_content == "the dog ran"

    options = {"max_tokens": 12, "ignore_eos": True}
    model = example.HeedChat(model=str(chat.info.path), options=options)
    expected = chat.generate([{"role": "user", "content": "a b"}], **options)
    chain = ChatPromptTemplate.from_messages([("user", "a {x}")]) | model
    assert chain.invoke({"x": "b"}).content == expected
    assert "".join(chunk.content for chunk in chain.stream({"x": "b"})) == expected
    assert model.invoke("a b", stop=[expected[4:7]]).content == expected[:4]


def test_llamaindex(bert, chat):
    pytest.importorskip("llama_index.core")
    example = load_example("llamaindex_heed")
    texts = ["a cat sat", "the dog ran"]
    embedding = example.HeedEmbedding(model=str(bert.info.path))
    found = embedding.get_text_embedding_batch(texts)
    np.testing.assert_allclose(found, bert.embed(texts), atol=1e-6)
    np.testing.assert_allclose(embedding.get_query_embedding(texts[0]), found[0], atol=1e-6)

    options = {"max_tokens": 12, "ignore_eos": True}
    model = example.HeedLLM(model=str(chat.info.path), options=options)
    expected = chat.generate([{"role": "user", "content": "a b"}], **options)
    assert model.complete("a b").text == expected
    assert "".join(part.delta for part in model.stream_complete("a b")) == expected
