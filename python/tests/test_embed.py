"""Encoders, and SentenceEncoder."""

import json

import numpy as np
import pytest

import heed


def expected(goldens):
    cases = json.loads((goldens / "tiny-bert.json").read_text())["cases"]
    pooled = np.array([case["pooled"] for case in cases], np.float32)
    return [case["text"] for case in cases], pooled


def test_embeddings_are_those_of_sentence_transformers(bert, goldens):
    texts, pooled = expected(goldens)
    embeddings = bert.embed(iter(texts), normalize=False)
    assert embeddings.dtype == np.float32 and embeddings.flags.c_contiguous
    np.testing.assert_allclose(embeddings, pooled, atol=1e-5 * np.abs(pooled).max())
    unit = bert.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    assert not np.allclose(bert.embed(texts, pooling="cls"), unit)


def test_no_texts_and_one_text(bert):
    assert bert.embed([]).shape == (0, bert.info.width)
    with pytest.raises(TypeError, match="expected a list of texts"):
        bert.embed("a cat")


def test_too_long_texts_are_cut_if_that_is_wanted(bert):
    long = "a cat " * 1000
    with pytest.raises(heed.LimitError, match="text 2"):
        bert.embed(["a", long])
    assert bert.embed(["a", long], truncate=True).shape[0] == 2


def test_progress_may_raise(bert):
    shares = []
    bert.embed(["a cat"] * 500, progress=shares.append)
    assert shares == sorted(shares) and len(shares) > 1 and shares[-1] == 1

    def refuse(share):
        raise KeyError(share)

    with pytest.raises(KeyError):
        bert.embed(["a cat"] * 500, progress=refuse)
    assert bert.embed(["a cat"]).shape == (1, bert.info.width)


def test_what_a_model_cannot_do_is_unsupported(bert, llama):
    with pytest.raises(heed.UnsupportedError, match="bert") as caught:
        bert.generate("a")
    assert caught.value.code == "unsupported"
    with pytest.raises(heed.UnsupportedError):
        llama.embed(["a"])
    with pytest.raises(heed.ArgumentError, match="pooling: expected model, mean, cls or last"):
        bert.embed(["a"], pooling="best")


def test_sentence_encoder(goldens, capsys):
    texts, pooled = expected(goldens)
    encoder = heed.SentenceEncoder(goldens / "tiny-bert.gguf", threads=1)
    embeddings = encoder.encode(texts, batch_size=2, show_progress_bar=True)
    assert "Sentences: 100%" in capsys.readouterr().err
    np.testing.assert_allclose(embeddings, pooled, atol=1e-5 * np.abs(pooled).max())
    one = encoder.encode(texts[0])
    assert one.shape == (encoder.get_sentence_embedding_dimension(),)
    np.testing.assert_allclose(one, embeddings[0], rtol=1e-5, atol=1e-6)
    unit = encoder.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.similarity(embeddings, embeddings), unit @ unit.T, atol=1e-6)
    np.testing.assert_array_equal(
        encoder.encode(["cat"], prompt="query: "), encoder.encode(["query: cat"])
    )
    assert encoder.encode("a cat " * 1000).shape == one.shape
    assert isinstance(encoder.encode(texts, convert_to_numpy=False), list)
