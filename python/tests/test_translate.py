"""Encoder-decoders."""

import json

import pytest

import heed


@pytest.fixture(scope="module")
def golden(goldens):
    return json.loads((goldens / "tiny-marian.json").read_text())


def test_translations_are_those_of_transformers(marian, golden):
    texts = [case["source"] for case in golden["cases"]]
    for search in golden["searches"][:2]:
        beams = search["options"].get("num_beams", 4)
        shares = []
        found = marian.translate(texts, beam_size=beams, batch=4, progress=shares.append)
        assert shares == [(i + 1) / len(texts) for i in range(len(texts))]
        for translation, expected in zip(found, search["results"], strict=True):
            score, tokens = expected[0]
            assert translation.tokens == [token for token in tokens if token != 0]
            assert translation == marian.tokenizer.decode(translation.tokens)
            if beams > 1:  # a greedy search has a sum there
                assert translation.score == pytest.approx(score, abs=1e-3)


def test_one_text_has_one_translation(marian):
    text = "Two dogs run across the green grass."
    best = marian.translate(text, beam_size=4, hypotheses=3)
    assert isinstance(best, heed.Translation) and isinstance(best, str)
    assert best == best.hypotheses[0] and len(best.hypotheses) == 3
    scores = [hypothesis.score for hypothesis in best.hypotheses]
    assert scores == sorted(scores, reverse=True) and best.score == scores[0]
    assert marian.translate([text], beam_size=4) == [best]
    assert best.source_tokens == len(marian.tokenizer.encode(text))
    assert marian.translate([]) == []


def test_options_are_checked(marian):
    with pytest.raises(heed.ArgumentError):
        marian.translate("a", hypotheses=9, beam_size=4)
    with pytest.raises(heed.ArgumentError, match="early_stopping: expected no, yes or never"):
        marian.translate("a", early_stopping="maybe")


def test_pairs_are_scored(marian, golden):
    cases = golden["cases"]
    scores = marian.score_pairs([c["source"] for c in cases], [c["target"] for c in cases])
    assert [score.tokens for score in scores] == [case["labels"] for case in cases]
    assert all(len(s.logprobs) == len(s.tokens) and max(s.logprobs) < 0 for s in scores)
