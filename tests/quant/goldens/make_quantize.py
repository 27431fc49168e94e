#!/usr/bin/env python3
"""Writes quantize.bin: rows of several kinds, and what they lose in the blocks that ggml makes.

Needs the PyPI package safetensors, those of ggml.py (llama-cpp-python 0.3.36 made the committed file)
and the directory of all-minilm-l6-v2 from the model store. Run: make_quantize.py DIRECTORY

The file, little-endian, for each kind: uint32 length of its name, the name, uint32 rows, uint32
columns, the values as float32, the columns' importance as float32; then twice, without and with the
importance, for each of TYPES: uint32 GGUF type number, each block's (weighted) squared error as
float32.
"""
import pathlib
import struct
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES
from safetensors.numpy import load_file

from ggml import TYPES, quantize, squared_errors


def kinds(directory, rng):
    """Name, rows."""
    weights = load_file(pathlib.Path(directory) / "model.safetensors")
    yield "MiniLM", weights["encoder.layer.5.output.dense.weight"][:8]
    shape = 2, 1024
    normal = rng.standard_normal(shape)
    yield "normal", 0.05 * normal
    yield "uniform", rng.uniform(-0.1, 0.1, shape)
    yield "outliers", 0.02 * rng.standard_normal(shape) * np.where(rng.random(shape) < 0.02, 20, 1)
    yield "around one", 1 + 0.1 * normal  # as the weights of a norm
    yield "tiny", 1e-6 * normal  # scales are f16 subnormals, where rounding them matters most


def main():
    rng = np.random.default_rng(20240602)
    with open(pathlib.Path(__file__).with_name("quantize.bin"), "wb") as out:
        for name, values in kinds(sys.argv[1], rng):
            values = np.ascontiguousarray(values, "<f4")
            importance = np.exp(rng.standard_normal(values.shape[1])).astype("<f4")
            out.write(struct.pack("<I", len(name)) + name.encode())
            out.write(struct.pack("<II", *values.shape))
            out.write(values.tobytes())
            out.write(importance.tobytes())
            for given in (None, importance):
                for block_type in TYPES:
                    lost = squared_errors(values, given, block_type, quantize(values, given, block_type))
                    errors = lost.reshape(-1, GGML_QUANT_SIZES[block_type][0]).sum(1).astype("<f4")
                    out.write(struct.pack("<I", block_type) + errors.tobytes())


main()
