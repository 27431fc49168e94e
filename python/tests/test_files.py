"""Files: converting, looking into them, failing to load them."""

import pickle

import pytest

import heed
from conftest import DIRECTORIES


def test_converting_and_verifying(tmp_path):
    out = tmp_path / "tiny.gguf"
    shares = []
    report = heed.convert(
        DIRECTORIES / "tiny-llama",
        out,
        type="q8_0",
        tensor_types={"ffn_down": "f16"},
        metadata={"general.name": "Tiny", "test.flag": True},
        progress=shares.append,
    )
    assert report.quantized > 0 and report.record_problem == ""
    assert shares == sorted(shares) and shares[-1] == 1
    info = heed.inspect(out)
    assert info.architecture == "llama" and info.path == out
    assert info.metadata["general.name"] == '"Tiny"' and info.metadata["test.flag"] == "true"
    types = {tensor.name: tensor.type for tensor in info.tensors}
    assert types["blk.0.ffn_down.weight"] == "f16" and types["blk.0.attn_q.weight"] == "q8_0"
    with heed.load(out) as model:
        assert (model.info.name, model.info.kind) == ("Tiny", "decoder")
        assert "architecture='llama'" in repr(model.info)
        verify_shares = []
        verified = heed.verify(model, progress=verify_shares.append)
        assert verified.drifting is None and verified.agreements <= verified.tokens
        assert verify_shares == sorted(verify_shares) and verify_shares[-1] == 1
        imatrix = heed.write_imatrix(model, "a b c " * 50, tmp_path / "imatrix", context=32)
        assert imatrix.matrices > 0 and imatrix.tokens > 0
    heed.convert(out, tmp_path / "again.gguf", type="q4_0", imatrix=tmp_path / "imatrix")
    assert "rms norm" in heed.describe_graph(out)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(OSError, match="nothing-here") as caught:
        heed.load(tmp_path / "nothing-here")
    assert isinstance(caught.value, heed.Error) and caught.value.code == "io"
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), heed.FileError)


def test_files_that_are_no_models(tmp_path, goldens, capfd):
    whole = (goldens / "tiny-llama.gguf").read_bytes()
    bad = tmp_path / "bad.gguf"
    for length in range(1, len(whole), len(whole) // 50):
        bad.write_bytes(whole[:length])
        with pytest.raises(heed.FormatError, match="bad.gguf"):
            heed.load(bad)
    assert capfd.readouterr() == ("", "")


def test_loading_tells_its_progress_and_may_be_stopped(goldens):
    shares = []
    heed.load(goldens / "tiny-llama.gguf", progress=shares.append).close()
    assert shares == sorted(shares) and shares[-1] == 1

    def refuse(share):
        raise KeyError(share)

    with pytest.raises(KeyError):
        heed.load(goldens / "tiny-llama.gguf", progress=refuse)


def test_a_vocabulary_alone(goldens):
    with heed.load(goldens / "tiny-llama.gguf", vocabulary_only=True) as model:
        assert model.tokenizer.encode("a")
        with pytest.raises(heed.ArgumentError):
            model.generate("a")


def test_the_store(tmp_path, monkeypatch, goldens):
    monkeypatch.setenv("HEED_HOME", str(tmp_path))
    assert heed.model_store() == tmp_path / "models"
    assert heed.list_models() == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.gguf").symlink_to(goldens / "tiny-llama.gguf")
    assert heed.list_models() == ["tiny"]
    assert heed.find_model("tiny") == tmp_path / "models/tiny.gguf"
    heed.load("tiny").close()


def test_templates_and_the_machine():
    assert heed.render_template("{{ x + 1 }}{{ y }}", {"x": 1, "y": "ü"}) == "2ü"
    with pytest.raises(heed.FormatError):
        heed.render_template("{% if %}", {})
    machine = heed.machine_info()
    assert machine.isa in machine.isas and machine.threads > 0
    assert heed.__version__ == heed.version()
