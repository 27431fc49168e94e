#!/usr/bin/env python3
"""Writes minilm.bin: what transformers computes in f32 for the lines of minilm.txt, mean-pooled and of length one.

usage: make_minilm.py all-minilm-l6-v2/      (a Hugging Face directory; needs torch, transformers)

minilm.bin: float32 [lines, 384].
"""
import os, sys

import torch
from transformers import AutoModel, AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
model = AutoModel.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager").eval()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
with open(os.path.join(here, "minilm.bin"), "wb") as out, torch.no_grad():
    for line in open(os.path.join(here, "minilm.txt"), encoding="utf-8").read().split("\n")[:-1]:
        ids = tokenizer(line, return_tensors="pt", truncation=True, max_length=512)
        vector = model(**ids).last_hidden_state.mean(dim=1)[0]
        out.write((vector / vector.norm()).numpy().astype("<f4").tobytes())
