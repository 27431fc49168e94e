#!/usr/bin/env python3
"""Writes the directory tests/convert/goldens/tiny-marian, and tiny-marian.json and tiny-marian.bin here.

A Marian of random weights (fixed seed) with two small sentencepiece models, as transformers saves it. tiny-marian.json holds the
ids of texts on both sides and what transformers' generate() makes of them, greedily and with beams under one option after another;
tiny-marian.bin the encoder's output and the teacher-forced logits of the first texts, one after the other as F32. All of it is
computed by torch in F64. Weights are such that beams disagree and that other roundings of them change no output.

"captions" are for a real vocabulary, in ../shared.

Needs torch, transformers, sentencepiece.  usage: make_tiny_marian.py
"""
import copy
import io
import json
import os
import pathlib
import shutil

import numpy as np
import sentencepiece
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[1] / "convert/goldens/tiny-marian"
WIDTH, HEADS, FFN, BLOCKS, POSITIONS = 32, 4, 64, 2, 64
SHARED = pathlib.Path(os.environ.get("SHARED", HERE.parents[2] / "../shared"))
DENSE = 2  # texts whose encoder output and logits are kept

PAIRS = [
    ("A man in a red hat is sitting on a bench.", "Ein Mann mit einem roten Hut sitzt auf einer Bank."),
    ("Two dogs run across the green grass.", "Zwei Hunde rennen über die grüne Wiese."),
    ("The children are playing in the snow!", "Die Kinder spielen im Schnee!"),
    ("A woman reads a book, and her cat sleeps.", "Eine Frau liest ein Buch, und ihre Katze schläft."),
    ("Three boys jump into the water.", "Drei Jungen springen ins Wasser."),
    ("An old street at night with many people.", "Eine alte Straße bei Nacht mit vielen Menschen."),
    ("The girl gives a small ball to the dog.", "Das Mädchen gibt dem Hund einen kleinen Ball."),
    ("Why is the sky so blue today?", "Warum ist der Himmel heute so blau?"),
]
CODES = [">>de<<", ">>fr<<"]
# Characters that either model replaces before it looks for pieces: a curly apostrophe, wide letters, two kinds of blank.
RULES = {"\u2019": "'", "\u201c": "\"", "\uff21": "A", "\uff22": "B", "\u00a0": " ", "\u3000": " ", "\t": " ", "\u00ad": ""}

ODD_LINES = [
    "", " ", "   ", "\t", "a", " a", "a  b", "A man ", "\u00a0A\u3000man\u00a0", "\uff21\uff22 man", "it\u2019s", "so\u00adft",
    "日本語", "ß", "ßß", "Straße", "ö a ö", "\u2581", "\u2581man", "a\u2581b", ">>de<< A man", ">>fr<<A man", ">>xx<< A man", " >>de<< A man", ">>de<<",
    ">> de << a", ">>a", "<<", ">><<", "A >>de<< man", ">>de<<>>fr<< a", "</s>", "a</s>b", "a </s> b", "<unk>", "<pad> a", "</s>>>de<< a", "</s", "<s>",
    "A\nman", "A\x00man", "\x7f", "\ufeffA man", "e\u0301", "\U0001f600 A man", "\ufffd", "the the the the the the the the", "!!!???...", "12 3.5",
    "A MAN IN A RED HAT", "d" * 70, "&amp; <b>", "Ein Mann", "\u201cWhy?\u201d", "\u200b", "a\u200bb", "a\r\n",
]


def train_pieces(texts, size):
    """A unigram model with rules of its own, as bytes; no path of this machine in it."""
    rules = HERE / "rules.tsv"
    rules.write_text("".join(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n" for a, b in sorted(RULES.items())))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="unigram", vocab_size=size, character_coverage=1.0,
        normalization_rule_tsv=str(rules), bos_id=-1, eos_id=0, unk_id=1, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    rules.unlink()
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # a path of this machine; the rules themselves are compiled
    return proto.SerializeToString()


def save_tokenizer():
    SOURCE.mkdir(parents=True)
    pieces = []
    for name, texts, size in (("source.spm", [p[0] for p in PAIRS], 72), ("target.spm", [p[1] for p in PAIRS], 76)):
        (SOURCE / name).write_bytes(train_pieces(texts, size))
        model = sentencepiece.SentencePieceProcessor(model_file=str(SOURCE / name))
        pieces += [model.id_to_piece(i) for i in range(model.get_piece_size()) if not model.is_control(i) and not model.is_unknown(i)]
    # Neither model's order; one piece of the source that the map does not know.
    pieces = sorted(set(pieces) - {"?"}, key=lambda p: (p[::-1], p))
    vocab = {piece: i for i, piece in enumerate(["</s>", "<unk>", *CODES, *pieces, "<pad>"])}
    (SOURCE / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    (SOURCE / "tokenizer_config.json").write_text(json.dumps(
        {"source_lang": "en", "target_lang": "de", "tokenizer_class": "MarianTokenizer", "model_max_length": POSITIONS, "separate_vocabs": False}) + "\n")
    return transformers.MarianTokenizer.from_pretrained(SOURCE), len(vocab)


def make_model(vocab):
    config = transformers.MarianConfig(
        vocab_size=vocab, d_model=WIDTH, encoder_layers=BLOCKS, decoder_layers=BLOCKS, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS,
        encoder_ffn_dim=FFN, decoder_ffn_dim=FFN, max_position_embeddings=POSITIONS, activation_function="swish", scale_embedding=True,
        static_position_embeddings=True, normalize_before=False, add_final_layer_norm=False, normalize_embedding=False,
        pad_token_id=vocab - 1, decoder_start_token_id=vocab - 1, eos_token_id=0, bos_token_id=0, forced_eos_token_id=0, dropout=0.0)
    torch.manual_seed(SEED)
    model = transformers.MarianMTModel(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.add_(0.15 * torch.randn_like(p))
        model.model.shared.weight[vocab - 1] = 0
        model.final_logits_bias.copy_(0.5 * torch.randn_like(model.final_logits_bias))
    return model


def train(model, tokenizer):
    """So few steps that the model still doubts: it gives words rather than one piece again and again, and its beams disagree."""
    sources = tokenizer([p[0] for p in PAIRS], return_tensors="pt", padding=True)
    labels = tokenizer(text_target=[p[1] for p in PAIRS], return_tensors="pt", padding=True)["input_ids"]
    labels[labels == model.config.pad_token_id] = -100
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(**sources, labels=labels).loss.backward()
        optimizer.step()
    with torch.no_grad():
        model.model.shared.weight[model.config.pad_token_id] = 0
    model.eval()


def set_generation(model, vocab):
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=0, eos_token_id=0, pad_token_id=vocab - 1, decoder_start_token_id=vocab - 1, forced_eos_token_id=0,
        bad_words_ids=[[vocab - 1]], num_beams=4, max_length=28)


SEED, STEPS = 7, 60

SEARCHES = {
    "greedy": {"num_beams": 1},
    "beam 4": {},
    "beam 2": {"num_beams": 2, "num_return_sequences": 2},
    "length penalty 0.6": {"length_penalty": 0.6},
    "length penalty 1.4": {"length_penalty": 1.4},
    "length penalty -1": {"length_penalty": -1.0},
    "no repeated pair": {"no_repeat_ngram_size": 2},
    "no repeated triple, greedy": {"no_repeat_ngram_size": 3, "num_beams": 1},
    "at least 24": {"min_length": 24},
    "at most 6": {"max_length": 6},
    "early stopping": {"early_stopping": True},
    "never stopping early": {"early_stopping": "never"},
    "never stopping early, length penalty 1.4": {"early_stopping": "never", "length_penalty": 1.4},
    "never stopping early, length penalty -1": {"early_stopping": "never", "length_penalty": -1.0},
    "forced first token": {"forced_bos_token_id": 20},
    "renormalised": {"renormalize_logits": True},
    "forced prefix": {"decoder_input_ids": None},
}


def search(model, ids, options):
    """[score, ids without the start and without padding] of each hypothesis, the best first."""
    options = dict(options)
    beams = options.get("num_beams", 4)
    options.setdefault("num_return_sequences", beams)
    if "decoder_input_ids" in options:
        options["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id, *PREFIX]])
    with torch.no_grad():
        out = model.generate(torch.tensor([ids]), return_dict_in_generate=True, output_scores=True, **options)
    pad = model.config.pad_token_id
    rows = [[t for t in row[1:] if t != pad] for row in out.sequences.tolist()]
    if beams == 1:
        scores = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=True)
        return [[float(scores.sum()), rows[0]]]
    return [[float(s), row] for s, row in zip(out.sequences_scores, rows)]


PREFIX = [20, 33]


def dense(model, source, target):
    """Encoder output and the logits of every target token, given those before it."""
    with torch.no_grad():
        out = model(torch.tensor([source]), decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id, *target[:-1]]]))
    return out.encoder_last_hidden_state[0], out.logits[0]


def all_searches(model, cases):
    return {name: [search(model, case["ids"], options) for case in cases] for name, options in SEARCHES.items()}


def check_robust(model, cases, searches):
    """Weights rounded otherwise give the same ids: what separates two hypotheses is more than what F32 rounding can do."""
    torch.manual_seed(1)
    for _ in range(2):
        other = copy.deepcopy(model)
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(1 + 1e-6 * torch.randn_like(p))
        for name, results in all_searches(other, cases).items():
            for case, found, expected in zip(cases, results, searches[name]):
                assert [ids for _, ids in found] == [ids for _, ids in expected], (name, case["source"])


def hash_ids(ids):
    """FNV-1a over numbers."""
    value = 0xCBF29CE484222325
    for i in ids:
        value = (value ^ i) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def captions():
    """Hashes of the ids of real captions, then of ODD_LINES, with a real vocabulary: of the source's side, of the target's."""
    tokenizer = transformers.MarianTokenizer.from_pretrained(SHARED / "models/marian-multi30k-en-de")
    hashes = []
    for side, language in (("text", "en"), ("text_target", "de")):
        lines = (SHARED / f"data/multi30k-test2016.{language}").read_text().split("\n")[:-1]
        hashes.append(hash_ids(i for line in lines + ODD_LINES for i in tokenizer(**{side: line})["input_ids"]))
    return hashes


def random_ids(tokenizer):
    """Of any tokens, special ones among them, that the target side has: others keep a blank at their start even where it is the text's."""
    random = np.random.default_rng(5)
    pieces = [tokenizer.spm_target.id_to_piece(i) for i in range(tokenizer.spm_target.get_piece_size())]
    ids = [i for i in range(len(tokenizer.get_vocab())) if tokenizer.convert_ids_to_tokens(i) in pieces + tokenizer.all_special_tokens]
    return [random.choice(ids, n).tolist() for n in (1, 2, 3, 5, 8, 13, 40) for _ in range(6)]


def decoded(tokenizer, ids):
    return [ids, *(tokenizer.decode(ids, skip_special_tokens=skip, use_source_tokenizer=False) for skip in (True, False))]


def main():
    shutil.rmtree(SOURCE, ignore_errors=True)
    tokenizer, vocab = save_tokenizer()
    model = make_model(vocab)
    train(model, tokenizer)
    set_generation(model, vocab)
    model.save_pretrained(SOURCE)
    (SOURCE / "model.safetensors").chmod(0o644)
    model = model.double()
    cases = [{"source": source, "ids": tokenizer(source)["input_ids"], "target": target, "labels": tokenizer(text_target=target)["input_ids"]}
             for source, target in PAIRS]
    floats = [x.to(torch.float32).numpy().ravel() for case in cases[:DENSE] for x in dense(model, case["ids"], case["labels"])]
    np.concatenate(floats).astype("<f4").tofile(HERE / "tiny-marian.bin")
    searches = all_searches(model, cases)
    check_robust(model, cases, searches)
    decodings = [results[0][1] for result in searches.values() for results in result[:3]] + random_ids(tokenizer)
    sections = {
        "cases": cases,
        "searches": [{"name": name, "options": SEARCHES[name] | ({"prefix": PREFIX} if "prefix" in name else {}), "results": results}
                     for name, results in searches.items()],
        "encode": [[line, tokenizer(line)["input_ids"], tokenizer(text_target=line)["input_ids"]] for line in ODD_LINES],
        "decode": [decoded(tokenizer, ids) for ids in decodings],
    }
    for result in sections["searches"]:
        result["options"].pop("decoder_input_ids", None)
        result["results"] = [[[round(score, 6), ids] for score, ids in hypotheses] for hypotheses in result["results"]]
    lines = [f'"{name}":[\n' + ",\n".join(json.dumps(x, ensure_ascii=True, separators=(",", ":")) for x in section) + "\n]"
             for name, section in sections.items()]
    (HERE / "tiny-marian.json").write_text(f'{{"width":{WIDTH},"vocab":{vocab},"dense":{DENSE},"captions":{json.dumps(captions())},\n' + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
