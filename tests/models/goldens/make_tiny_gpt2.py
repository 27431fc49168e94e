#!/usr/bin/env python3
"""Writes the directory tests/convert/goldens/tiny-gpt2, and tiny-gpt2.json and tiny-gpt2.bin here.

A GPT-2 of random weights (fixed seed) as its first checkpoints are: matrices [in, out] in one pytorch_model.bin, with masks that
nobody needs, beside vocab.json and merges.txt. tiny-gpt2.json and .bin: make_tiny_llama.py.

Needs torch, transformers, tokenizers, gguf.  usage: make_tiny_gpt2.py
"""
import json

import torch
import transformers

import make_tiny_llama as tiny

CONFIG = transformers.GPT2Config(vocab_size=len(tiny.VOCABULARY), n_positions=64, n_embd=48, n_layer=2, n_head=4,
                                 bos_token_id=1, eos_token_id=2)


def make_model():
    torch.manual_seed(31)
    model = transformers.GPT2LMHeadModel(CONFIG).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(1 + 0.2 * torch.randn_like(p) if "ln_" in name and "weight" in name else 0.2 * torch.randn_like(p))
    return model


def main():
    model = make_model()
    directory = tiny.fresh_directory("tiny-gpt2")
    CONFIG.architectures = ["GPT2LMHeadModel"]
    CONFIG.save_pretrained(directory)
    state = {name.removeprefix("transformer."): tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    mask = torch.tril(torch.ones(CONFIG.n_positions, CONFIG.n_positions)).to(torch.uint8).view(1, 1, CONFIG.n_positions, CONFIG.n_positions)
    state |= {f"h.{i}.attn.bias": mask for i in range(CONFIG.n_layer)}
    state |= {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(CONFIG.n_layer)}
    torch.save(state, directory / "pytorch_model.bin")
    (directory / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tiny.VOCABULARY)}) + "\n")
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in tiny.MERGES))
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": tiny.SPECIAL[1], "eos_token": tiny.SPECIAL[2], "tokenizer_class": "GPT2Tokenizer"}, indent=2) + "\n")
    tiny.save_logits(model, "tiny-gpt2")


if __name__ == "__main__":
    main()
