#!/usr/bin/env python3
"""tiny-bert's weights as torch.save writes them, for tests/convert/convert_test.cpp.

Needs torch and safetensors. Parameters in an OrderedDict with the versions of modules as its
attribute: what model.state_dict() is.
"""

import collections
import io
import pathlib

import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent

weights = collections.OrderedDict(sorted(safetensors.torch.load_file(HERE / "tiny-bert/model.safetensors").items()))
weights._metadata = {"": {"version": 1}}
buffer = io.BytesIO()  # an archive's folder would be called as its file
torch.save(weights, buffer)
(HERE / "tiny-bert-torch").mkdir(exist_ok=True)
(HERE / "tiny-bert-torch/pytorch_model.bin").write_bytes(buffer.getvalue())
