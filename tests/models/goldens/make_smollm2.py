#!/usr/bin/env python3
"""Writes smollm2.json: what transformers computes in f32 for SmolLM2-135M-Instruct (GGUF, Q4_1, dequantised).

usage: make_smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf      (needs torch, transformers, gguf, accelerate)

For each prompt: its ids, the 32 tokens that greedy decoding adds, and the logits of every 768th token of the vocabulary
after the prompt's last token.
"""
import json, os, sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a",
    "def fibonacci(n):\n    ",
    "Water boils at a temperature of",
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
    "The quick brown fox jumps over the lazy dog. The",
    "In 1969, the first humans",
    "1, 2, 3, 5, 8, 13,",
    "Les oiseaux chantent dans",
    "To make a cup of tea, you first need to",
]
TOKENS, STRIDE = 32, 768

folder, name = os.path.split(os.path.abspath(sys.argv[1]))
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
cases = []
with torch.no_grad():
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        all_ids, first = ids, None
        for _ in range(TOKENS):  # generate() would stop at the end of text
            logits = model(all_ids).logits[0, -1].float()
            first = logits if first is None else first
            all_ids = torch.cat([all_ids, logits.argmax().view(1, 1)], 1)
        cases.append({"prompt": prompt, "ids": ids[0].tolist(), "greedy": all_ids[0, ids.shape[1]:].tolist(),
                      "logits": [round(v, 5) for v in first[::STRIDE].tolist()]})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "smollm2.json"), "w") as out:
    out.write("{\"stride\": %d, \"cases\": [\n%s\n]}\n" % (STRIDE, ",\n".join(json.dumps(c) for c in cases)))
