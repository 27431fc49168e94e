#!/usr/bin/env python3
"""Writes tiny-llama.gguf, tiny-llama.json and tiny-llama.bin, tiny-llama3.json and .bin, and the directory tests/convert/goldens/tiny-llama.

A Llama of random weights (fixed seed): grouped queries, rotary positions, SwiGLU, tied embeddings. The GGUF file is put
together after llama.cpp's converter, which reorders the rows of q and k so that rotation works on neighbouring pairs.
tiny-llama.json holds token ids, tiny-llama.bin transformers' logits for them, F32 [tokens, vocab], computed in F64.
The directory is the same model as transformers saves it, in two shards.

Needs torch, transformers, tokenizers, gguf.  usage: make_tiny_llama.py
"""
import copy
import json
import pathlib
import shutil

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import pre_tokenizers

HERE = pathlib.Path(__file__).parent
DIRECTORIES = HERE.parents[1] / "convert/goldens"
TOKENS = 40

# Byte-level BPE with the bytes of plain English only; "\u0120" is a blank and "\u010a" the end of a line.
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHARACTERS = ["\u0120", "\u010a"] + [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789") + list(".,;:!?'\"()-_<>|/+*=")
MERGES = ["\u0120 t", "h e", "\u0120 a", "i n", "\u0120t he", "r e", "o n", "e r", "\u0120 s", "a t", "n d", "o r", "e n", "\u0120 c", "i s", "i t",
          "o u", "\u0120a nd", "in g", "e s", "\u0120 o", "e d", "\u0120 w", "\u0120 in", "a l", "\u0120o f", "l l", "a r", "\u0120t o", "o m",
          "\u0120 b", "\u0120 m", "\u0120 f", "\u0120 p", "i c", "a s"]
VOCABULARY = SPECIAL + CHARACTERS + [m.replace(" ", "") for m in MERGES]

CONFIG = transformers.LlamaConfig(
    vocab_size=len(VOCABULARY), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=True, attention_bias=False, bos_token_id=1, eos_token_id=2)

TENSORS = {  # transformers' names -> GGUF's; "{}" is the number of a block
    "model.embed_tokens": "token_embd", "model.norm": "output_norm",
    "model.layers.{}.self_attn.q_proj": "blk.{}.attn_q", "model.layers.{}.self_attn.k_proj": "blk.{}.attn_k",
    "model.layers.{}.self_attn.v_proj": "blk.{}.attn_v", "model.layers.{}.self_attn.o_proj": "blk.{}.attn_output",
    "model.layers.{}.input_layernorm": "blk.{}.attn_norm", "model.layers.{}.post_attention_layernorm": "blk.{}.ffn_norm",
    "model.layers.{}.mlp.gate_proj": "blk.{}.ffn_gate", "model.layers.{}.mlp.up_proj": "blk.{}.ffn_up",
    "model.layers.{}.mlp.down_proj": "blk.{}.ffn_down",
}


def make_model():
    torch.manual_seed(21)
    model = transformers.LlamaForCausalLM(CONFIG).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(1 + 0.2 * torch.randn_like(p) if "norm" in name else 0.2 * torch.randn_like(p))
    return model


def interleave(weight, heads):
    """Row i of each half of a head next to each other: (0, d/2, 1, d/2 + 1, ...)."""
    return weight.reshape(heads, 2, CONFIG.head_dim // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def save_gguf(model):
    w = gguf.GGUFWriter(HERE / "tiny-llama.gguf", "llama")
    w.add_type("model")
    w.add_name("Tiny Llama")
    w.add_block_count(CONFIG.num_hidden_layers)
    w.add_context_length(CONFIG.max_position_embeddings)
    w.add_embedding_length(CONFIG.hidden_size)
    w.add_feed_forward_length(CONFIG.intermediate_size)
    w.add_head_count(CONFIG.num_attention_heads)
    w.add_head_count_kv(CONFIG.num_key_value_heads)
    w.add_rope_freq_base(10000.0)
    w.add_layer_norm_rms_eps(CONFIG.rms_norm_eps)
    w.add_key_length(CONFIG.head_dim)
    w.add_value_length(CONFIG.head_dim)
    w.add_file_type(gguf.LlamaFileType.ALL_F32)
    w.add_vocab_size(CONFIG.vocab_size)
    w.add_rope_dimension_count(CONFIG.head_dim)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(VOCABULARY)
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t in VOCABULARY])
    w.add_token_merges(MERGES)
    w.add_bos_token_id(CONFIG.bos_token_id)
    w.add_eos_token_id(CONFIG.eos_token_id)
    w.add_add_bos_token(False)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    state = model.state_dict()
    for source, target in TENSORS.items():
        for block in range(CONFIG.num_hidden_layers) if "{}" in source else [0]:
            weight = state[source.format(block) + ".weight"].numpy()
            if target.endswith("attn_q"):
                weight = interleave(weight, CONFIG.num_attention_heads)
            if target.endswith("attn_k"):
                weight = interleave(weight, CONFIG.num_key_value_heads)
            w.add_tensor(target.format(block) + ".weight", np.ascontiguousarray(weight))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def make_tokenizer(pre_tokenizer, normalizer=None):
    """The vocabulary as tokenizer.json has it, cut as another model's texts are."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(
        vocab={token: i for i, token in enumerate(VOCABULARY)}, merges=[tuple(m.split(" ")) for m in MERGES]))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def fresh_directory(name):
    directory = DIRECTORIES / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def save_logits(model, name):
    """NAME.json with token ids, NAME.bin with what the model makes of them, in F64."""
    vocab = model.config.vocab_size
    ids = np.random.default_rng(22).integers(3, vocab, TOKENS).tolist()
    with torch.no_grad():
        logits = model.double()(torch.tensor([ids])).logits[0]
    (HERE / f"{name}.json").write_text(json.dumps({"vocab": vocab, "ids": ids}) + "\n")
    logits.to(torch.float32).numpy().astype("<f4").tofile(HERE / f"{name}.bin")


def save_directory(model):
    directory = fresh_directory("tiny-llama")
    model.save_pretrained(directory, max_shard_size="150KB")
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    make_tokenizer(digits).save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "tokenizer_class": "GPT2Tokenizer",
         "chat_template": "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"}, indent=2) + "\n")


def with_scaled_positions(model):
    """The same weights with positions as Llama 3.1 has them"""
    config = copy.deepcopy(CONFIG)
    config.rope_parameters = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                              "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
    scaled = transformers.LlamaForCausalLM(config).eval()
    scaled.load_state_dict(model.state_dict())
    return scaled


def main():
    assert len(set(VOCABULARY)) == len(VOCABULARY) == 96, len(VOCABULARY)
    model = make_model()
    save_gguf(model)
    save_directory(model)
    save_logits(with_scaled_positions(model), "tiny-llama3")
    save_logits(model, "tiny-llama")


if __name__ == "__main__":
    main()
