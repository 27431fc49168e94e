#!/usr/bin/env python3
"""Writes dequantize.bin: blocks of every format and the floats that gguf.quants reads from them.

Needs the PyPI packages numpy and gguf (0.19 made the committed file). Run: make_dequantize.py

The file, little-endian, for each type: uint32 GGUF type number, uint32 count of bytes, uint32 count
of values, the bytes, the values as float32.
"""
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

# Type -> byte offsets of its f16 fields: they get finite values, all else is random.
TYPES = {
    Type.Q4_0: (0,), Type.Q4_1: (0, 2), Type.Q5_0: (0,), Type.Q5_1: (0, 2), Type.Q8_0: (0,),
    Type.IQ4_NL: (0,), Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.Q4_K: (0, 2),
    Type.Q5_K: (0, 2), Type.Q6_K: (208,), Type.F16: (0,), Type.BF16: (),
}
# Zero and minus zero, the smallest and largest subnormals, the smallest normal, one, the largest.
EDGES = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF]


def random_f16(rng, count):
    exponent = rng.integers(1, 31, count)
    return (rng.integers(0, 2, count) << 15 | exponent << 10 | rng.integers(0, 1024, count)).astype(np.uint16)


def make_blocks(rng, block_type):
    block, size = GGML_QUANT_SIZES[block_type]
    count = 18 if block == 256 else 32 if block == 32 else 64
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    blocks[-1], blocks[-2] = 0x00, 0xFF
    for place, offset in enumerate(TYPES[block_type]):
        scales = random_f16(rng, count)
        scales[: len(EDGES)] = np.roll(EDGES, 3 * place)
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks


def main():
    rng = np.random.default_rng(20240601)
    with open(pathlib.Path(__file__).with_name("dequantize.bin"), "wb") as out:
        for block_type in TYPES:
            blocks = make_blocks(rng, block_type)
            values = dequantize(blocks, block_type).astype("<f4")
            out.write(struct.pack("<III", block_type, blocks.size, values.size))
            out.write(blocks.tobytes())
            out.write(values.tobytes())


main()
