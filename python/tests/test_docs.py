"""The programs of docs/python.md, pasted as they are, one after the other."""

import re
import shutil
import sys

import pytest

from conftest import DIRECTORIES, TESTS

PAGE = TESTS.parent / "docs/python.md"


def test_programs(tmp_path, monkeypatch, chat, bert, marian, capsys):
    store = tmp_path / "models"
    store.mkdir()
    for name, model in (("smollm2", chat), ("minilm", bert), ("en-de", marian)):
        (store / f"{name}.gguf").symlink_to(model.info.path)
    shutil.copytree(DIRECTORIES / "tiny-llama", tmp_path / "tiny-llama")
    monkeypatch.setenv("HEED_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["first.py"])
    programs = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(programs) > 5
    names = {}
    for program in programs:
        exec(compile(program, PAGE.name, "exec"), names)
        assert capsys.readouterr().out
    with pytest.raises(ValueError, match="is closed"):
        names["session"].eval([1])
