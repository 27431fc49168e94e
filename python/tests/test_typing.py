"""The package's types are true to mypy, and of use to programs."""

import pathlib
import subprocess
import sys

import pytest

import heed

PROGRAM = """
import heed
import numpy as np
from numpy.typing import NDArray

with heed.load("m", threads=2) as model:
    answer: heed.Generation = model.generate([{"role": "user", "content": "Hi"}], max_tokens=3)
    tokens: list[int] = answer.tokens
    rows: NDArray[np.float32] = model.embed(["a"], pooling="mean")
    one: heed.Translation = model.translate("a", beam_size=2)
    many: list[heed.Translation] = model.translate(["a"])
    with model.stream("a", stop=["b"]) as stream:
        pieces: list[str] = list(stream)
    model.generate("a", max_tokens="three")  # wrong
    model.generate("a", max_token=3)  # wrong
    model.embed(["a"], pooling="best")  # wrong
"""


def test_types(tmp_path):
    pytest.importorskip("mypy")
    package = pathlib.Path(heed.__file__).parent
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    found = subprocess.run(
        [*command, str(package)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout
    found = subprocess.run(
        [*command, "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"MYPYPATH": str(package.parent)},
    )
    wrong = [n for n, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")]
    named = [int(line.split(":")[1]) for line in found.stdout.splitlines() if ": error:" in line]
    assert named == wrong, found.stdout
