"""Model files: looking for them, converting them, proving what was converted; and the machine."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from heed import _heed
from heed.model import Model
from heed.options import fill
from heed.reports import (
    ConvertReport,
    FileInfo,
    ImatrixReport,
    MachineInfo,
    VerifyReport,
)
from heed.session import Path, ProgressCallback


def convert(
    source: Path,
    out: Path,
    *,
    type: str = "",
    tensor_types: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    imatrix: Path | None = None,
    record: bool = True,
    threads: int = 0,
    progress: ProgressCallback | None = None,
) -> ConvertReport:
    """Writes a directory of Hugging Face's or CTranslate2's, or a GGUF file, as one GGUF file.

    type: of the matrices: "f16", "q8_0", or a mix: "q4_k_m". "" = f16 of a directory, else as is.
    tensor_types: regular expressions of matrices' names, and their types; the first counts.
    metadata: keys of the file to set.
    imatrix: a file of `write_imatrix`: which columns count how much. None = as `record` finds.
    record: run the source: what it computes is kept in the file, for `verify`, and errors of
        rounding count as much as what matrices multiply.
    """
    values = {key: _as_text(value) for key, value in (metadata or {}).items()}
    options = fill(
        _heed.ConvertOptions(),
        {
            "type": type,
            "tensor_types": list((tensor_types or {}).items()),
            "metadata": list(values.items()),
            "imatrix": None if imatrix is None else os.fspath(imatrix),
            "record": record,
            "threads": threads,
        },
    )
    report = _heed.convert(os.fspath(source), os.fspath(out), options, progress)
    return ConvertReport.of(json.loads(report))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_imatrix(
    model: Model,
    text: str,
    out: Path,
    *,
    context: int = 512,
    dataset: str = "",
    threads: int = 0,
    progress: ProgressCallback | None = None,
) -> ImatrixReport:
    """Measures on a text what each matrix of a model multiplies, for `convert`.

    context: tokens of a chunk of the text. dataset: the text's name, for the file.
    """
    options = fill(
        _heed.ImatrixOptions(), {"context": context, "dataset": dataset, "threads": threads}
    )
    report = _heed.write_imatrix(model._native, text, os.fspath(out), options, progress)
    return ImatrixReport.of(json.loads(report))


def verify(
    model: Model, *, threads: int = 0, progress: ProgressCallback | None = None
) -> VerifyReport:
    """How far what a model computes is from what its file's record says of its source."""
    return VerifyReport.of(json.loads(_heed.verify(model._native, threads, progress)))


def inspect(name_or_path: Path) -> FileInfo:
    """What a GGUF file's header holds: its metadata and the list of its tensors."""
    return FileInfo.of(json.loads(_heed.inspect(os.fspath(name_or_path))))


def describe_graph(name_or_path: Path, *, dot: bool = False) -> str:
    """The graph of layers a file describes, a layer a line, or as a DOT digraph."""
    return _heed.describe_graph(os.fspath(name_or_path), dot)


def find_model(name_or_path: Path) -> pathlib.Path:
    """The file that a path, or a name in the model store, means."""
    return _heed.find_model(os.fspath(name_or_path))


def list_models() -> list[str]:
    """Names of the models in the store, sorted."""
    names: list[str] = json.loads(_heed.list_models())
    return names


def model_store() -> pathlib.Path:
    """Where named models live: $HEED_HOME/models, by default ~/.cache/heed/models."""
    return _heed.model_store()


def render_template(source: str, variables: Mapping[str, Any]) -> str:
    """What a Jinja chat template makes of variables."""
    return _heed.render_template(source, json.dumps(dict(variables)))


def machine_info() -> MachineInfo:
    """The machine, and which instruction set is in use."""
    return MachineInfo.of(json.loads(_heed.machine_info()))
