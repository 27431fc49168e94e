"""What the library reports as JSON, with types."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class Report:
    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """Newer libraries may report more."""
        names = (field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
        return cls(**{name: json[name] for name in names})


@dataclasses.dataclass(frozen=True)
class TensorInfo(Report):
    name: str
    type: str
    shape: list[int]
    """Outermost dimension first."""
    bytes: int


@dataclasses.dataclass(frozen=True)
class FileInfo(Report):
    """What a GGUF file's header holds."""

    path: pathlib.Path
    architecture: str
    parameters: int
    bytes: int
    metadata: dict[str, str] = dataclasses.field(repr=False)
    """Values as text; long ones are shortened: "[49152 strings]"."""
    tensors: list[TensorInfo] = dataclasses.field(repr=False)

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        parts = {
            "path": pathlib.Path(json["path"]),
            "metadata": dict(json["metadata"]),
            "tensors": [TensorInfo.of(tensor) for tensor in json["tensors"]],
        }
        return super().of({**json, **parts})


@dataclasses.dataclass(frozen=True)
class ConvertReport(Report):
    quantized: int
    """Matrices that were rounded to a type of blocks."""
    quantized_twice: int
    """Of these: they came from another type of blocks, or of integers."""
    unweighted: int
    """Of these: the errors of all columns counted alike."""
    record_problem: str
    """Why the source could not be run, if it was to be."""


@dataclasses.dataclass(frozen=True)
class ImatrixReport(Report):
    matrices: int
    tokens: int
    chunks: int


@dataclasses.dataclass(frozen=True)
class LayerError(Report):
    name: str
    error: float
    """Of the directions of its output's rows: 0 where they are the same."""


@dataclasses.dataclass(frozen=True)
class VerifyReport(Report):
    """How far what a model computes is from its file's record."""

    layers: list[LayerError] = dataclasses.field(repr=False)
    drifting: str | None
    """The first layer that errs more than its rounding explains."""
    texts: int
    tokens: int
    """That were predicted; 0 for a model without a head."""
    agreements: int
    """Of these: the likeliest token is the record's."""
    divergence: float
    """Mean KL(record || model), nats."""
    similarity: float
    """Of embeddings: the least cosine with the record's."""

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        layers = [LayerError.of(layer) for layer in json["layers"]]
        return super().of({**json, "layers": layers})


@dataclasses.dataclass(frozen=True)
class MachineInfo(Report):
    cpu: str
    features: dict[str, bool]
    isas: list[str]
    """Instruction sets this machine can run, worst first."""
    isa: str
    """The one in use."""
    isa_reason: str
    threads: int
    memory_bytes: int

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        return super().of({**json, "features": dict(json["features"])})
