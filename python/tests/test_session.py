"""Sessions: conversations that go on, many threads, wrong uses."""

import subprocess
import sys
import threading
import time

import pytest

import heed

PROMPT = [74, 37, 64, 21]
LONG = {"max_tokens": 20, "ignore_eos": True}


def test_a_conversation_is_not_computed_again(llama):
    with llama.session(context=100) as session:
        first = session.generate(PROMPT, **LONG)
        more = session.generate([*PROMPT, *first.tokens, 5, 6], **LONG)
        assert more.cached_tokens >= len(PROMPT) + len(first.tokens) - 1
        assert more.prompt_tokens == len(PROMPT) + len(first.tokens) + 2
        assert session.context == 100
        assert session.memory_bytes == llama.memory_needed(context=100)
        session.rewind(2)
        assert session.tokens == PROMPT[:2] and session.position == 2


def test_a_saved_session_goes_on_in_another_process(llama, tmp_path):
    path = tmp_path / "saved"
    with llama.session() as session:
        first = session.generate(PROMPT, **LONG)
        session.save(path)
        prompt = [*session.tokens, 5]
        expected = session.generate(prompt, **LONG)
    program = (
        "import heed, sys\n"
        f"with heed.load({str(llama.info.path)!r}).session() as session:\n"
        f"    session.restore({str(path)!r})\n"
        f"    print(session.generate({prompt}, max_tokens=20, ignore_eos=True).tokens)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == str(expected.tokens), found.stderr
    path.write_bytes(path.read_bytes()[:-100])
    with llama.session() as session, pytest.raises(heed.FormatError):
        session.restore(path)
    assert len(first.tokens) == 20


def test_eight_threads_have_the_same_answers_as_one(llama, bert):
    prompts = [[*PROMPT, i] for i in range(8)]
    expected = [llama.generate(prompt, seed=3, temperature=1.0, **LONG) for prompt in prompts]
    embeddings = bert.embed(["a cat", "the dog"])
    wrong = []

    def work(i):
        for _ in range(20):
            if llama.generate(prompts[i], seed=3, temperature=1.0, **LONG) != expected[i]:
                wrong.append(i)
            if not (bert.embed(["a cat", "the dog"]) == embeddings).all():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_interpreter_goes_on_during_a_call(bert):
    embedded = threading.Thread(target=bert.embed, args=[["a cat sat"] * 20_000])
    embedded.start()
    turns = 0
    while embedded.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 10


def test_a_session_does_one_thing_at_a_time(bert):
    session = bert.session()

    def again(share):
        session.embed(["a"])

    with pytest.raises(heed.BusyError):
        session.embed(["a cat"] * 1000, progress=again)
    assert session.embed(["a"]).shape[0] == 1


def test_another_thread_may_cancel(bert):
    session = bert.session()
    timer = threading.Timer(0.5, session.cancel)
    timer.start()
    with pytest.raises(heed.CancelledError):
        session.embed(["a cat sat"] * 500_000)
    assert session.embed(["a"]).shape[0] == 1


def test_what_is_closed_says_so(goldens):
    with heed.load(goldens / "tiny-llama.gguf") as model, model.session() as session:
        answer = session.generate(PROMPT, **LONG)
        stream = session.stream(PROMPT, **LONG)
    for closed in (session, model):
        with pytest.raises(ValueError, match="is closed"):
            closed.generate(PROMPT)
    with pytest.raises(ValueError, match="is closed"):
        next(stream)
    model.close()
    model = heed.load(goldens / "tiny-llama.gguf")
    session = model.session()
    model.close()
    assert session.generate(PROMPT, **LONG) == answer


def test_a_forked_process_is_told(goldens):
    program = (
        "import heed, os\n"
        f"model = heed.load({str(goldens / 'tiny-llama.gguf')!r}, threads=2)\n"
        "model.generate([3, 4], max_tokens=2)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        model.generate([3, 4])\n"
        "    except heed.UnsupportedError as error:\n"
        "        os._exit(7 if 'spawn' in str(error) else 8)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.stdout == "7\n", found.stderr


def test_sessions_leave_nothing_behind(llama):
    def resident():
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1])

    def open_and_close(times):
        for _ in range(times):
            session = llama.session(context=64)
            session.eval(PROMPT)
            session.close()

    open_and_close(100)
    before = resident()
    open_and_close(1000)
    assert resident() - before < 512  # pages; a session has 60
