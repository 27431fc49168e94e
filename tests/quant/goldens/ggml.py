"""ggml's quantisers, and what is lost in blocks. Used by make_quantize.py and compare_with_ggml.py.

Needs the PyPI packages numpy, gguf and llama-cpp-python, whose ggml_quantize_chunk is what llama.cpp's own tools call.
"""
import ctypes
import importlib.util
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

TYPES = [GGMLQuantizationType[name] for name in "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL Q2_K Q3_K Q4_K Q5_K Q6_K".split()]


def load():
    package = pathlib.Path(importlib.util.find_spec("llama_cpp").origin).parent
    function = ctypes.CDLL(str(package / "lib" / "libggml-base.so")).ggml_quantize_chunk
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *3 * [ctypes.c_int64], ctypes.c_void_p]
    return function


QUANTIZE_CHUNK = load()


def quantize(values, importance, block_type):
    """The blocks of F32 rows; `importance` is F32, one for each column, or None."""
    block, size = GGML_QUANT_SIZES[block_type]
    blocks = np.zeros((values.shape[0], values.shape[1] // block * size), np.uint8)
    pointer = None if importance is None else importance.ctypes.data
    written = QUANTIZE_CHUNK(block_type, values.ctypes.data, blocks.ctypes.data, 0, *values.shape, pointer)
    assert written == blocks.size
    return blocks


def squared_errors(values, importance, block_type, blocks):
    """Of each value, by its column's importance."""
    lost = (dequantize(blocks, block_type).astype("f8") - values) ** 2
    return lost if importance is None else lost * importance
