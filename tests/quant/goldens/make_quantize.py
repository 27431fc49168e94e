#!/usr/bin/env python3
"""Writes quantize.bin: values of several distributions, and the blocks that ggml makes of them.

Needs the PyPI packages numpy, gguf and llama-cpp-python (0.3.36 made the committed file), whose
ggml_quantize_chunk is what llama.cpp's own converter calls; gguf.quants gives the same bytes for
the types it can write, which is checked. Run: make_quantize.py

The file, little-endian, for each distribution: uint32 count of values, the values as float32, then
for each of TYPES: uint32 GGUF type number, uint32 count of bytes, the bytes.
"""
import ctypes
import importlib.util
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import quantize

TYPES = (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.IQ4_NL)
VALUES = 2048


def distributions(rng):
    normal = rng.standard_normal(VALUES)
    yield 0.05 * normal
    yield rng.uniform(-0.1, 0.1, VALUES)
    yield 0.02 * rng.standard_normal(VALUES) * np.where(rng.random(VALUES) < 0.02, 20, 1)  # outliers
    yield 1 + 0.1 * normal  # as the weights of a norm
    yield 1e-6 * normal  # scales are f16 subnormals, where rounding them matters most


def ggml_quantize():
    package = pathlib.Path(importlib.util.find_spec("llama_cpp").origin).parent
    function = ctypes.CDLL(str(package / "lib" / "libggml-base.so")).ggml_quantize_chunk
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *3 * [ctypes.c_int64], ctypes.c_void_p]

    def run(values, block_type):
        block, size = GGML_QUANT_SIZES[block_type]
        blocks = np.zeros(values.size // block * size, np.uint8)
        written = function(block_type, values.ctypes.data, blocks.ctypes.data, 0, 1, values.size, None)
        assert written == blocks.size
        if block_type != Type.IQ4_NL:
            assert np.array_equal(blocks, quantize(values, block_type))
        return blocks

    return run


def main():
    run = ggml_quantize()
    with open(pathlib.Path(__file__).with_name("quantize.bin"), "wb") as out:
        for values in distributions(np.random.default_rng(20240602)):
            values = np.ascontiguousarray(values, "<f4")
            out.write(struct.pack("<I", values.size))
            out.write(values.tobytes())
            for block_type in TYPES:
                blocks = run(values, block_type)
                out.write(struct.pack("<II", block_type, blocks.size))
                out.write(blocks.tobytes())


main()
