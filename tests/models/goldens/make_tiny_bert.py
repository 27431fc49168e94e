#!/usr/bin/env python3
"""Writes tiny-bert.gguf, tiny-bert.json and the directory tests/convert/goldens/tiny-bert.

A BERT of random weights (fixed seed), as transformers saves it, and the same model as a GGUF file, put together by hand
after llama.cpp's converter. tiny-bert.json holds the token ids of three texts with their last hidden states and their
mean-pooled embeddings (not normalised), computed by torch in F64 and rounded to F32: the truth that F32 comes close to.

Needs torch, transformers, gguf.  usage: make_tiny_bert.py
"""
import json
import pathlib
import shutil

import gguf
import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[1] / "convert/goldens/tiny-bert"
TEXTS = ["A cat sat.", "the dog ran to 42 trees, and sang!", "Zébras, oxen; where do they sleep in 1900?"]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
VOCABULARY = (SPECIAL + LETTERS + ["##" + c for c in LETTERS] + list("0123456789") + ["##" + c for c in "0123456789"] + list(".,;!?-")
              + ["the", "and", "cat", "dog", "##at", "##ing", "in", "to", "##an"])

CONFIG = transformers.BertConfig(
    vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=48, type_vocab_size=2, hidden_act="gelu", pad_token_id=0, layer_norm_eps=1e-12)

TENSORS = {  # transformers' names -> GGUF's; "{}" is the number of a block
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
    "encoder.layer.{}.attention.self.query": "blk.{}.attn_q", "encoder.layer.{}.attention.self.key": "blk.{}.attn_k",
    "encoder.layer.{}.attention.self.value": "blk.{}.attn_v", "encoder.layer.{}.attention.output.dense": "blk.{}.attn_output",
    "encoder.layer.{}.attention.output.LayerNorm": "blk.{}.attn_output_norm", "encoder.layer.{}.intermediate.dense": "blk.{}.ffn_up",
    "encoder.layer.{}.output.dense": "blk.{}.ffn_down", "encoder.layer.{}.output.LayerNorm": "blk.{}.layer_output_norm",
}


def make_model():
    """Weights large enough that attention is far from even and every part of the model shows in its output."""
    torch.manual_seed(20)
    model = transformers.BertModel(CONFIG).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm.weight" in name:
                p.copy_(1 + 0.2 * torch.randn_like(p))
            elif "attention.self" in name and p.dim() == 2:
                p.copy_(0.35 * torch.randn_like(p))
            else:
                p.copy_(0.2 * torch.randn_like(p))
    return model


def save_source(model):
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    model.save_pretrained(SOURCE)
    (SOURCE / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    tokenizer = transformers.BertTokenizerFast(vocab=str(SOURCE / "vocab.txt"), do_lower_case=True, model_max_length=48)
    assert tokenizer.convert_tokens_to_ids("cat") == VOCABULARY.index("cat")
    tokenizer.save_pretrained(SOURCE)
    (SOURCE / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}], indent=1) + "\n")
    (SOURCE / "sentence_bert_config.json").write_text('{"max_seq_length": 40, "do_lower_case": false}\n')
    (SOURCE / "1_Pooling").mkdir()
    (SOURCE / "1_Pooling/config.json").write_text(json.dumps({
        "word_embedding_dimension": CONFIG.hidden_size, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}, indent=1) + "\n")
    return tokenizer


def phantom(token):
    """WordPiece as llama.cpp keeps it: a word starts with a visible blank, its continuation with nothing."""
    if token in SPECIAL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def save_gguf(model):
    w = gguf.GGUFWriter(HERE / "tiny-bert.gguf", "bert")
    w.add_type("model")
    w.add_name("Tiny Bert")
    w.add_block_count(CONFIG.num_hidden_layers)
    w.add_context_length(CONFIG.max_position_embeddings)
    w.add_embedding_length(CONFIG.hidden_size)
    w.add_feed_forward_length(CONFIG.intermediate_size)
    w.add_head_count(CONFIG.num_attention_heads)
    w.add_layer_norm_eps(CONFIG.layer_norm_eps)
    w.add_file_type(gguf.LlamaFileType.ALL_F32)
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.MEAN)
    w.add_token_type_count(CONFIG.type_vocab_size)
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_list([phantom(t) for t in VOCABULARY])
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t in VOCABULARY])
    gguf.SpecialVocab(SOURCE, n_vocab=len(VOCABULARY)).add_to_gguf(w, quiet=True)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    state = model.state_dict()
    for source, target in TENSORS.items():
        for block in range(CONFIG.num_hidden_layers) if "{}" in source else [0]:
            for suffix in (".weight", ".bias"):
                name = source.format(block) + suffix
                if name in state:
                    w.add_tensor(target.format(block) + suffix, state[name].numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def floats(tensor):
    return [float(np.format_float_positional(x, unique=True)) for x in tensor.to(torch.float32).flatten().numpy()]


def save_goldens(model, tokenizer):
    model = model.double()
    cases = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        assert VOCABULARY.index("[UNK]") not in ids and len(ids) <= CONFIG.max_position_embeddings, (len(ids), ids)
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0]
        cases.append({"text": text, "ids": ids, "hidden": [floats(row) for row in hidden], "pooled": floats(hidden.mean(0))})
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    (HERE / "tiny-bert.json").write_text(f'{{"width":{CONFIG.hidden_size},"cases":[\n{lines}\n]}}\n')


def main():
    model = make_model()
    tokenizer = save_source(model)
    save_gguf(model)
    save_goldens(model, tokenizer)


if __name__ == "__main__":
    main()
