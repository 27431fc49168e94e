"""Heed runs Transformer models on ordinary CPUs.

    import heed

    with heed.load("smollm2") as model:
        print(model.generate("The capital of France is", max_tokens=8))

A model may be used by any number of threads. What the library cannot do it says in a `heed.Error`.
"""

from heed._heed import ModelInfo, PairScore, version
from heed.answers import Generation, Hypothesis, Translation
from heed.errors import (
    ArgumentError,
    BusyError,
    CancelledError,
    Error,
    FileError,
    FormatError,
    InternalError,
    LimitError,
    UnsupportedError,
)
from heed.files import (
    convert,
    describe_graph,
    find_model,
    inspect,
    list_models,
    machine_info,
    model_store,
    render_template,
    verify,
    write_imatrix,
)
from heed.model import Model, load
from heed.reports import (
    ConvertReport,
    FileInfo,
    ImatrixReport,
    MachineInfo,
    TensorInfo,
    VerifyReport,
)
from heed.sentence_encoder import SentenceEncoder
from heed.session import Session, Stream
from heed.tokenizer import Tokenizer

__version__ = version()

__all__ = [
    "ArgumentError",
    "BusyError",
    "CancelledError",
    "ConvertReport",
    "Error",
    "FileError",
    "FileInfo",
    "FormatError",
    "Generation",
    "Hypothesis",
    "ImatrixReport",
    "InternalError",
    "LimitError",
    "MachineInfo",
    "Model",
    "ModelInfo",
    "PairScore",
    "SentenceEncoder",
    "Session",
    "Stream",
    "TensorInfo",
    "Tokenizer",
    "Translation",
    "UnsupportedError",
    "VerifyReport",
    "convert",
    "describe_graph",
    "find_model",
    "inspect",
    "list_models",
    "load",
    "machine_info",
    "model_store",
    "render_template",
    "verify",
    "version",
    "write_imatrix",
]
