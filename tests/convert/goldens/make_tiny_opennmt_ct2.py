#!/usr/bin/env python3
"""Translation models as OpenNMT-py trains them and CTranslate2 saves them, and what CTranslate2 makes of a few texts.

tiny-opennmt-ct2: norms before the layers, and vocabularies and tables of their own for both languages. tiny-argos-ct2: one
vocabulary and one table, as packages of Argos Translate have them. Weights are random (fixed seed); the sentencepiece models are
those of tiny-marian. translations.json holds texts, their pieces, and the hypotheses of a beam search with their scores.

Needs ctranslate2, torch and sentencepiece.  usage: make_tiny_opennmt_ct2.py
"""
import argparse
import json
import math
import pathlib
import shutil
import tempfile

import ctranslate2
import sentencepiece
import torch
from ctranslate2.converters import OpenNMTPyConverter

HERE = pathlib.Path(__file__).parent
WIDTH, HEADS, POSITIONS = 32, 4, 48
SPECIAL = ["<unk>", "<blank>", "<s>", "</s>"]
TEXTS = [
    "A man in a red hat is sitting on a bench.",
    "Two dogs run across the green grass.",
    "The children are playing in the snow!",
    "Why is the sky so blue today? \u65e5\u672c",
    "a",
]
SEARCHES = [
    {"beam_size": 1, "num_hypotheses": 1},
    {"beam_size": 4, "num_hypotheses": 4},
    {"beam_size": 3, "num_hypotheses": 3, "length_penalty": 0.6},
]
LENGTH = 20


def pieces_of(side):
    model = sentencepiece.SentencePieceProcessor(model_file=str(HERE / "tiny-marian" / f"{side}.spm"))
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    return model, sorted(p for p in pieces if p not in ("</s>", "<unk>", "?"))


def positions():
    """As OpenNMT-py computes them: sines and cosines side by side."""
    table = torch.zeros(POSITIONS, WIDTH)
    angle = torch.arange(POSITIONS)[:, None] * torch.exp(torch.arange(0, WIDTH, 2) * -(math.log(10000.0) / WIDTH))
    table[:, 0::2] = torch.sin(angle)
    table[:, 1::2] = torch.cos(angle)
    return table[:, None]


class Checkpoint:
    """Random variables under OpenNMT-py's names."""

    def __init__(self, seed, ffn, gain):
        self.random = torch.Generator().manual_seed(seed)
        self.ffn = ffn
        self.gain = gain
        self.model = {}

    def normal(self, *shape, scale):
        return scale * torch.randn(*shape, generator=self.random)

    def linear(self, scope, rows, columns):
        self.model[f"{scope}.weight"] = self.normal(rows, columns, scale=self.gain / math.sqrt(columns))
        self.model[f"{scope}.bias"] = self.normal(rows, scale=0.2)

    def norm(self, scope):
        self.model[f"{scope}.weight"] = 1 + self.normal(WIDTH, scale=0.2)
        self.model[f"{scope}.bias"] = self.normal(WIDTH, scale=0.2)

    def attention(self, scope):
        for part in ("query", "keys", "values"):
            self.linear(f"{scope}.linear_{part}", WIDTH, WIDTH)
        self.linear(f"{scope}.final_linear", WIDTH, WIDTH)

    def feed_forward(self, scope):
        self.norm(f"{scope}.layer_norm")
        self.linear(f"{scope}.w_1", self.ffn, WIDTH)
        self.linear(f"{scope}.w_2", WIDTH, self.ffn)

    def embeddings(self, side, table):
        self.model[f"{side}.embeddings.make_embedding.emb_luts.0.weight"] = table
        self.model[f"{side}.embeddings.make_embedding.pe.pe"] = positions()

    def stacks(self, encoder_blocks, decoder_blocks):
        for i in range(encoder_blocks):
            scope = f"encoder.transformer.{i}"
            self.norm(f"{scope}.layer_norm")
            self.attention(f"{scope}.self_attn")
            self.feed_forward(f"{scope}.feed_forward")
        for i in range(decoder_blocks):
            scope = f"decoder.transformer_layers.{i}"
            for part, norm in (("self_attn", "layer_norm_1"), ("context_attn", "layer_norm_2")):
                self.norm(f"{scope}.{norm}")
                self.attention(f"{scope}.{part}")
            self.feed_forward(f"{scope}.feed_forward")
        for side in ("encoder", "decoder"):
            self.norm(f"{side}.layer_norm")


def make(name, seed, ffn, blocks, source, target, activation):
    """A directory; one vocabulary and one table if source is target."""
    # A table that is also the head's answers every token with itself, unless the layers say more than its rows.
    tied = source == target
    checkpoint = Checkpoint(seed, ffn, gain=2.5 if tied else 1.4)
    checkpoint.stacks(*blocks)
    scale = 0.05 if tied else 0.5
    tables = {"encoder": checkpoint.normal(len(source), WIDTH, scale=scale), "decoder": checkpoint.normal(len(target), WIDTH, scale=scale)}
    projection = checkpoint.normal(len(target), WIDTH, scale=scale)
    if tied:
        tables["encoder"] = projection = tables["decoder"]
        checkpoint.model["decoder.layer_norm.weight"] *= 8
    for side, table in tables.items():
        checkpoint.embeddings(side, table)
    bias = checkpoint.normal(len(target), scale=0.5)
    bias[SPECIAL.index("</s>")] += 1.5  # texts end
    options = argparse.Namespace(
        encoder_type="transformer", decoder_type="transformer", self_attn_type="scaled-dot", pos_ffn_activation_fn=activation,
        position_encoding=True, max_relative_positions=0, heads=HEADS, enc_layers=blocks[0], dec_layers=blocks[1])
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "model.pt"
        torch.save({"vocab": {"src": source, "tgt": target}, "opt": options, "model": checkpoint.model,
                    "generator": {"weight": projection, "bias": bias}}, path)
        out = HERE / name
        shutil.rmtree(out, ignore_errors=True)
        OpenNMTPyConverter(str(path), unsafe_deserialization=True).convert(str(out))
    for file in out.glob("*vocabulary.json"):
        file.write_text(json.dumps(json.loads(file.read_text())) + "\n")
    return out


def score(translator, source, pieces, penalty):
    """What CTranslate2 says of a translation that is given: its search says the same but for up to 1e-3."""
    probabilities = translator.score_batch([source], [[piece for piece in pieces if piece != "</s>"]])[0].log_probs
    return sum(probabilities[: len(pieces)]) / len(pieces) ** penalty


def search(translator, sources, options):
    results = translator.translate_batch(sources, return_scores=True, return_end_token=True, max_decoding_length=LENGTH, **options)
    found = []
    for source, result in zip(sources, results):
        scores = [score(translator, source, pieces, options.get("length_penalty", 1)) for pieces in result.hypotheses]
        assert all(abs(a / b - 1) < 2e-3 for a, b in zip(scores, result.scores)), (scores, result.scores)
        found.append([[round(number, 6), pieces] for number, pieces in zip(scores, result.hypotheses)])
    return {"options": options, "results": found}


def translate(directory, model):
    translator = ctranslate2.Translator(str(directory), compute_type="float32", intra_threads=1)
    sources = [model.encode(text, out_type=str) for text in TEXTS]
    searches = [search(translator, sources, options) for options in SEARCHES]
    targets = [[piece for piece in result[0][1] if piece != "</s>"] for result in searches[1]["results"]]
    lines = [json.dumps({"text": text, "pieces": pieces, "target": target, "log_probs": [round(p, 6) for p in found.log_probs]})
             for text, pieces, target, found in zip(TEXTS, sources, targets, translator.score_batch(sources, targets))]
    (directory / "translations.json").write_text(
        '{"max_length":%d,"cases":[\n%s\n],\n"searches":[\n%s\n]}\n' % (LENGTH, ",\n".join(lines), ",\n".join(json.dumps(s) for s in searches)))


def main():
    source_model, source = pieces_of("source")
    _, target = pieces_of("target")
    translate(make("tiny-opennmt-ct2", 1, 48, (2, 1), SPECIAL + source, SPECIAL + target, "relu"), source_model)
    both = SPECIAL + sorted({*source, *target})
    translate(make("tiny-argos-ct2", 6, 48, (1, 1), both, both, "gelu"), source_model)


if __name__ == "__main__":
    main()
