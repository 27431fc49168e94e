#!/usr/bin/env python3
"""Writes the directory tests/convert/goldens/tiny-qwen2, and tiny-qwen2.json and tiny-qwen2.bin here.

A Qwen2 of random weights (fixed seed) in BF16: biases on queries, keys and values, a head of its own, and more rows in the table of
embeddings than there are tokens. tiny-qwen2.json and .bin: make_tiny_llama.py.

Needs torch, transformers, tokenizers, gguf.  usage: make_tiny_qwen2.py
"""
import copy
import json

import tokenizers
import torch
import transformers
from tokenizers import Regex, pre_tokenizers

import make_tiny_llama as tiny

# How Qwen2 cuts a text, from its own tokenizer.json.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONFIG = transformers.Qwen2Config(
    vocab_size=len(tiny.VOCABULARY) + 4, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=False,
    bos_token_id=1, eos_token_id=2)


def make_model():
    torch.manual_seed(41)
    model = transformers.Qwen2ForCausalLM(CONFIG).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            values = 1 + 0.2 * torch.randn_like(p) if "norm" in name else 0.2 * torch.randn_like(p)
            p.copy_(values.to(torch.bfloat16))
    return model


def main():
    model = make_model()
    directory = tiny.fresh_directory("tiny-qwen2")
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(directory)
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tiny.make_tokenizer(split, tokenizers.normalizers.NFC()).save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"add_bos_token": False, "bos_token": None, "eos_token": tiny.SPECIAL[2], "pad_token": tiny.SPECIAL[0],
         "tokenizer_class": "Qwen2Tokenizer"}, indent=2) + "\n")
    tiny.save_logits(model, "tiny-qwen2")


if __name__ == "__main__":
    main()
