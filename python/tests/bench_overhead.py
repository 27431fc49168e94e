"""What Python costs: tokens a second of streaming beside the library's own loop, and `heed bench`.

    PYTHONPATH=build/python python python/tests/bench_overhead.py build/heed smollm2

Each repetition measures all three, in turn; the medians are of ratios within a repetition. `heed
bench` evaluates random tokens, and samples none.
"""

import json
import statistics
import subprocess
import sys
import time

import heed

TOKENS = 32
REPETITIONS = 60
command, name = sys.argv[1:]
options = {"max_tokens": TOKENS + 1, "ignore_eos": True}


def bench():
    """As `heed bench` sees it."""
    arguments = ["bench", name, "-p", "0", "-n", str(TOKENS), "-r", "1", "-o", "json"]
    found = subprocess.run([command, *arguments], capture_output=True, text=True, check=True)
    return json.loads(found.stdout)[0]["median"]


def library(session):
    """In the library's own loop: all tokens but the first."""
    session.rewind(0)
    return TOKENS / session.generate("Once upon a time", **options).decode_seconds


def stream(session):
    """In Python's: from the first piece of text to the last."""
    session.rewind(0)
    with session.stream("Once upon a time", **options) as pieces:
        start = time.perf_counter()
        for _ in pieces:
            pass
        seconds = time.perf_counter() - start
        assert len(pieces.result.tokens) == TOKENS + 1
    return TOKENS / seconds


def main():
    rates = []
    with heed.load(name) as model, model.session(context=1024) as session:
        library(session), stream(session)
        for _ in range(REPETITIONS):
            rates.append((bench(), library(session), stream(session)))
    for i, label in enumerate(("heed bench", "generate", "stream")):
        print(f"{label:12} {statistics.median(rate[i] for rate in rates):7.1f} tokens/s")
    for label, i in (("heed bench", 0), ("generate", 1)):
        ratios = [rate[2] / rate[i] for rate in rates]
        print(f"stream / {label:12} {statistics.median(ratios):.4f}")


main()
