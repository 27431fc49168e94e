"""Ctrl-C ends calls that take long, at once."""

import os
import signal
import threading
import time

import pytest

import heed


@pytest.fixture
def interrupted():
    """Presses Ctrl-C in 0.2 s; the call should end at once then."""
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    start = time.monotonic()
    timer.start()
    yield
    timer.join()
    assert time.monotonic() - start < 10


def test_embedding(bert, interrupted):
    with pytest.raises(KeyboardInterrupt):
        while True:
            bert.embed(["a cat sat"] * 20_000)


def test_scoring(llama, interrupted):
    with pytest.raises(KeyboardInterrupt):
        llama.score([3, 4, 5, 6] * 1_000_000)


def test_translating(marian, interrupted):
    with pytest.raises(KeyboardInterrupt):
        marian.translate(["Two dogs run."] * 100_000)


def test_generating(llama, interrupted):
    with pytest.raises(KeyboardInterrupt):
        while True:
            llama.generate([3, 4], ignore_eos=True)


def test_streaming(llama, interrupted):
    with pytest.raises(KeyboardInterrupt):
        while True:
            for _ in llama.stream([3, 4], ignore_eos=True):
                pass


def test_a_call_inside_a_callback(bert, llama, interrupted):
    def score(share):
        llama.score([3, 4, 5, 6] * 1_000_000)

    with pytest.raises(KeyboardInterrupt):
        bert.embed(["a cat"] * 1000, progress=score)


def test_a_handler_that_does_not_raise(bert):
    """The call has ended: it cannot go on, and says so."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *args: pressed.append(args))
    timer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT])

    def press(share):  # not before the call, which nothing would end then
        if timer.ident is None:
            timer.start()

    try:
        with pytest.raises(heed.CancelledError):
            bert.embed(["a cat sat"] * 200_000, progress=press)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(pressed) == 1


def test_calls_in_other_threads_go_on(llama):
    expected = llama.score([3, 4, 5, 6] * 20_000).sum()
    found = []
    thread = threading.Thread(target=lambda: found.append(llama.score([3, 4, 5, 6] * 20_000).sum()))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    thread.join()
    assert found == [expected]
