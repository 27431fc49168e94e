#!/usr/bin/env python3
"""Checkpoints as torch.save writes them, and as an enemy would: usage: make_torch_files.py [DIR].

Needs torch (2.x). The files are what tests/format/torch_file_test.cpp reads.
"""

import builtins
import collections
import io
import json
import os
import pathlib
import pickle
import sys
import zipfile

import torch

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "torch")


def save(name, value, **options):
    # Into a buffer: the archive's folder is then called "archive", not as a path of this machine.
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    (OUT / name).write_bytes(buffer.getvalue())


def rows(*shape, dtype=torch.float32):
    count = 1
    for size in shape:
        count *= size
    return torch.arange(count, dtype=torch.float32).reshape(shape).to(dtype)


class Evil:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def hostile(name, value, protocol=2):
    """An archive like torch's with the pickle of `value`, made without torch's own pickler."""
    with zipfile.ZipFile(OUT / name, "w") as archive:
        for entry, data in (("archive/data.pkl", pickle.dumps(value, protocol)), ("archive/version", b"3\n")):
            archive.writestr(zipfile.ZipInfo(entry), data)


def main():
    OUT.mkdir(exist_ok=True)
    table = rows(4, 3)
    plain = collections.OrderedDict(
        [("embed.weight", table), ("norm.weight", rows(3)), ("scalar", torch.tensor(7)), ("none", rows(0, 3))]
    )
    save("plain.bin", plain)
    save("protocol4.bin", dict(plain), pickle_protocol=4)
    save("protocol5.bin", dict(plain), pickle_protocol=5)
    save("legacy.bin", plain, _use_new_zipfile_serialization=False)

    index = {"metadata": {"total_size": 60}, "weight_map": {}}
    for number, name in enumerate(("embed.weight", "norm.weight"), 1):
        save(f"shard-{number}.bin", {name: plain[name]})
        index["weight_map"][name] = f"pytorch_model-{number}.bin"
    (OUT / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    # A module's state dict: metadata set as an attribute, tables shared, rows of a larger storage.
    module = torch.nn.Module()
    module.embed = torch.nn.Embedding(4, 3, _weight=table.clone())
    module.head = torch.nn.Linear(3, 4, bias=False)
    module.head.weight = module.embed.weight
    tied = module.state_dict()
    tied["last_row"] = tied["embed.weight"][3]
    tied["bare"] = torch.nn.Parameter(rows(2))
    save("tied.bin", tied)

    types = ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    save("types.bin", {name: torch.tensor([1, 0, 3]).to(getattr(torch, name)) for name in types})

    more = {"epoch": 3, "loss": [0.5, None, True, -1, 70000, 2**40, "text"], "state_dict": dict(plain)}
    save("lightning.bin", more)
    save("model.bin", {"model": dict(plain), "args": {"lr": 1e-3}})

    save("transposed.bin", {"t": rows(2, 3).T})
    save("float8.bin", {"t": rows(2).to(torch.float8_e4m3fn)})

    hostile("system.bin", {"w": Evil(os.system, "echo owned")})
    hostile("system4.bin", {"w": Evil(os.system, "echo owned")}, protocol=4)
    hostile("eval.bin", {"w": Evil(builtins.eval, "1 + 1")})
    hostile("exec4.bin", {"w": Evil(builtins.exec, "1 + 1")}, protocol=4)
    hostile("nested.bin", {"state_dict": {"a": [1, (2, {"b": Evil(os.system, "echo owned")})]}})
    hostile("getattr.bin", {"w": Evil(getattr, Evil(__import__, "os"), "system")})


main()
