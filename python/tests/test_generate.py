"""Decoders: answers whole and in pieces, logits and scores."""

import gc
import json

import numpy as np
import pytest

import heed

PROMPT = [74, 37, 64, 21]
LONG = {"max_tokens": 20, "ignore_eos": True}


def test_an_answer_is_its_text_and_knows_what_it_took(llama):
    answer = llama.generate("a b c", **LONG)
    assert isinstance(answer, str)
    assert answer == llama.tokenizer.decode(answer.tokens)
    assert len(answer.tokens) == 20
    assert answer.reason == "max_tokens"
    assert answer.prompt_tokens == len(llama.tokenizer.encode("a b c"))
    assert answer.cached_tokens == 0
    assert answer.prefill_seconds > 0 and answer.decode_seconds > 0


def test_the_same_prompt_has_the_same_answer(llama):
    first = llama.generate(PROMPT, **LONG)
    assert llama.generate(np.array(PROMPT), **LONG).tokens == first.tokens
    assert llama.generate(tuple(PROMPT), **LONG).tokens == first.tokens
    hot = {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, **LONG}
    seven = llama.generate(PROMPT, seed=7, **hot)
    assert llama.generate(PROMPT, seed=7, **hot) == seven
    assert llama.generate(PROMPT, seed=8, **hot) != seven


def test_a_conversation_is_what_the_template_makes_of_it(chat):
    messages = [{"role": "user", "content": "a b"}]
    prompt = chat.tokenizer.apply_chat_template(messages)
    assert prompt == "<|im_start|>user a b<|im_end|>"
    tokens = chat.tokenizer.encode(prompt, add_special=False)
    assert chat.generate(messages, **LONG).tokens == chat.generate(tokens, **LONG).tokens


def test_stop_texts_and_biases(llama):
    whole = llama.generate(PROMPT, **LONG)
    stopped = llama.generate(PROMPT, stop=whole[6:9], **LONG)
    assert stopped == whole[: whole.index(whole[6:9])]
    assert stopped.reason == "stop_text"
    forbidden = whole.tokens[0]
    biased = llama.generate(PROMPT, logit_bias={forbidden: float("-inf")}, **LONG)
    assert forbidden not in biased.tokens


def test_wrong_arguments_are_named(llama):
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_token', .*max_tokens"):
        llama.generate(PROMPT, max_token=3)
    with pytest.raises(TypeError, match="max_tokens: expected int, found 'three'"):
        llama.generate(PROMPT, max_tokens="three")
    with pytest.raises(heed.ArgumentError):
        llama.generate([])
    with pytest.raises(ValueError):
        llama.generate([1 << 20])
    for wrong in (None, 3, b"abc", ["a"], [1.5], {"role": "user", "content": "a"}):
        with pytest.raises(TypeError, match="prompt: expected a text, tokens or messages"):
            llama.generate(wrong)
    with pytest.raises(heed.LimitError):
        llama.generate([3] * 100_000)


def test_a_stream_is_the_answer_in_pieces(llama):
    whole = llama.generate("a b c", **LONG)
    stream = llama.stream("a b c", **LONG)
    pieces = list(stream)
    assert len(pieces) > 5 and all(pieces)
    assert "".join(pieces) == whole
    assert stream.result == whole and stream.result.tokens == whole.tokens
    assert next(stream, None) is None


def test_a_stream_ends_when_it_is_closed_left_or_forgotten(goldens):
    model = heed.load(goldens / "tiny-llama.gguf", threads=1)
    stream = model.stream(PROMPT, **LONG)
    piece = next(stream)
    assert not model._idle
    stream.close()
    assert len(model._idle) == 1 and list(stream) == []
    assert stream.result == piece
    with model.stream(PROMPT, **LONG) as stream:
        next(stream)
        assert not model._idle
    assert len(model._idle) == 1
    stream = model.stream(PROMPT, **LONG)
    next(stream)
    gc.disable()
    try:
        del stream
        assert len(model._idle) == 1
    finally:
        gc.enable()


def test_only_the_last_answer_of_a_session_goes_on(llama):
    with llama.session() as session:
        first = session.stream(PROMPT, **LONG)
        next(first)
        second = session.stream(PROMPT, **LONG)
        with pytest.raises(heed.ArgumentError, match="another call"):
            next(first)
        first.close()
        assert "".join(second) == llama.generate(PROMPT, **LONG)
        third = session.stream(PROMPT, **LONG)
        session.generate(PROMPT, **LONG)
        with pytest.raises(heed.ArgumentError):
            next(third)
        fourth = session.stream(PROMPT, **LONG)
        session.rewind(0)
        with pytest.raises(heed.ArgumentError):
            list(fourth)  # but for what reading the prompt gave


def test_two_streams_of_a_model_do_not_meet(llama):
    whole = llama.generate(PROMPT, **LONG)
    pairs = zip(llama.stream(PROMPT, **LONG), llama.stream(PROMPT, **LONG), strict=True)
    assert "".join(a for a, b in pairs if a == b) == whole


def test_logits_are_those_of_transformers(llama, goldens):
    golden = json.loads((goldens / "tiny-llama.json").read_text())
    ids = golden["ids"]
    expected = np.fromfile(goldens / "tiny-llama.bin", np.float32).reshape(len(ids), -1)
    with llama.session(kv_type="f32") as session:
        logits = session.eval_all(ids)
        assert logits.dtype == np.float32 and logits.shape == expected.shape
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())
        session.rewind(len(ids) - 3)
        last = session.eval(ids[-3:])
        np.testing.assert_allclose(last, expected[-1], atol=1e-5 * np.abs(expected).max())
        assert session.tokens == ids and session.position == len(ids)


def test_scores_are_of_the_logits(llama):
    tokens = [*PROMPT, 5, 6]
    with llama.session() as session:
        logits = session.eval_all(tokens[:-1]).astype(np.float64)
    sums = np.log(np.exp(logits).sum(axis=1))
    expected = logits[range(len(tokens) - 1), tokens[1:]] - sums
    scores = llama.score(tokens)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_tokenizer(chat):
    tokenizer = chat.tokenizer
    text = "a b, and the <|im_end|>"
    assert tokenizer.decode(tokenizer.encode(text), skip_special=False) == text
    assert tokenizer.eos in tokenizer.encode(text)
    assert tokenizer.eos not in tokenizer.encode(text, parse_special=False)
    assert tokenizer.ends_generation(tokenizer.eos)
    assert b"".join(map(tokenizer.piece, tokenizer.encode("a b"))) in (b"a b", "aĠb".encode())
    assert tokenizer.source_piece(5) == tokenizer.piece(5)
    assert len(tokenizer) == chat.info.vocab
    assert "im_start" in tokenizer.chat_template
