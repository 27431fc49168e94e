#!/usr/bin/env python3
"""Prints how much Heed's quantisers lose for each type, beside ggml's, and how fast both are.

The root-mean-square error is that of the floats which the PyPI package gguf reads from the blocks,
without importance and, weighted, with one. Rows: MiniLM's weights, SmolLM2's (as its file has
them), and random ones. Exits with 1 where Heed loses more.

Needs the PyPI package safetensors, those of goldens/ggml.py, and the target quantize-rows:
    cmake --build build --target quantize-rows
    tests/quant/compare_with_ggml.py build/tests/quantize-rows MINILM/model.safetensors SMOLLM2.gguf
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parent / "goldens"))
from ggml import TYPES, quantize, squared_errors


def kinds(minilm, smollm2):
    """Names and rows of 768 values, at most 1024 of them."""

    def rows(values):
        count = min(values.size // 768, 1024)
        return np.ascontiguousarray(values.ravel()[: count * 768].reshape(count, 768), np.float32)

    weights = load_file(minilm)
    for name in ("embeddings.word_embeddings", "encoder.layer.0.attention.self.query",
                 "encoder.layer.3.intermediate.dense", "encoder.layer.5.output.dense"):
        yield f"MiniLM {name}", rows(weights[name + ".weight"])
    for tensor in GGUFReader(smollm2).tensors:
        if tensor.name in ("blk.3.ffn_down.weight", "blk.20.ffn_up.weight", "token_embd.weight"):
            yield f"SmolLM2 {tensor.name}", rows(dequantize(tensor.data, tensor.tensor_type))
    rng = np.random.default_rng(20240604)
    shape = 512, 768
    yield "normal", rows(0.05 * rng.standard_normal(shape))
    yield "Student, 2 degrees of freedom", rows(0.02 * rng.standard_t(2, shape))
    yield "Laplace", rows(rng.laplace(0, 0.03, shape))
    yield "columns of many sizes", rows(0.02 * rng.standard_normal(shape) * np.exp(rng.standard_normal(768)))


def ggml_quantize(values, importance, block_type):
    start = time.perf_counter()
    blocks = quantize(values, importance, block_type)
    return blocks, values.nbytes / (time.perf_counter() - start) / 1e6


def heed_quantize(tool):
    def run(values, importance, block_type):
        command = [tool, block_type.name.lower(), str(values.shape[1])]
        with tempfile.NamedTemporaryFile() as file:
            if importance is not None:
                importance.tofile(file.name)
                command.append(file.name)
            done = subprocess.run(command, input=values.tobytes(), capture_output=True, check=True)
        return np.frombuffer(done.stdout, np.uint8).reshape(values.shape[0], -1), float(done.stderr)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool")
    parser.add_argument("minilm")
    parser.add_argument("smollm2")
    arguments = parser.parse_args()
    engines = {"Heed": heed_quantize(arguments.tool), "ggml": ggml_quantize}
    rng = np.random.default_rng(20240605)
    worse = False
    for name, values in kinds(arguments.minilm, arguments.smollm2):
        importance = np.exp(rng.standard_normal(values.shape[1])).astype(np.float32)
        for given in (None, importance):
            print(f"\n{name}{', weighted' if given is not None else ''}")
            print(f"{'':8}{'Heed':>12}{'ggml':>12}{'ratio':>8}{'Heed MB/s':>11}{'ggml MB/s':>11}")
            for block_type in TYPES:
                (ours, our_speed), (theirs, their_speed) = (run(values, given, block_type) for run in engines.values())
                ours, theirs = (np.sqrt(np.mean(squared_errors(values, given, block_type, blocks))) for blocks in (ours, theirs))
                ratio = ours / theirs if theirs else 1.0 + ours
                print(f"{block_type.name:8}{ours:12.4g}{theirs:12.4g}{ratio:8.4f}{our_speed:11.0f}{their_speed:11.0f}")
                worse |= ratio > 1 + 1e-6
    sys.exit(int(worse))


main()
