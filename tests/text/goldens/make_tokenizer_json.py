#!/usr/bin/env python3
"""Makes the goldens of tokenizer.json: small tokenizers of every style, and what Hugging Face
`tokenizers` makes of the lines of lines.txt with them.

Run in this folder, with: pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf gguf

json/<style>.json       the tokenizer as `tokenizers` saves it
json/<style>.txt        per line of lines.txt: a hash of the ids, and one of the text they become
                        without and with special tokens
json/components.json    normalizers, pre-tokenizers and decoders by themselves: what they make of texts
"""
import json
import pathlib
import random

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

import make_tokenizer_goldens as goldens

BLANK = "\u2581"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"]


def special(*texts):
    return [AddedToken(t, special=True, normalized=False) for t in texts]


def train(tokenizer, trainer, vocab_size=900, **options):
    tokenizer.train_from_iterator(goldens.training_text(), trainer(
        vocab_size=vocab_size, show_progress=False, **options))
    return tokenizer


def byte_level(pre_tokenizer, normalizer=None, add_prefix_space=False, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, trainers.BpeTrainer, special_tokens=special("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
          initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_tokens([AddedToken("<extra>", normalized=True), AddedToken("日月", normalized=False)])
    return tokenizer


def around(tokenizer, before, after):
    """A text between special tokens, by a template."""
    names = before + after
    return processors.TemplateProcessing(
        single=" ".join(before + ["$A"] + after), special_tokens=[(n, tokenizer.token_to_id(n)) for n in names])


def gpt_2():
    tokenizer = byte_level(goldens.byte_level(True))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("<|im_end|>", 2), ("<|im_start|>", 1))
    return tokenizer


def llama_3():
    tokenizer = byte_level(goldens.split(goldens.LINES_PATTERN % "{1,3}"))
    state = json.loads(tokenizer.to_str())
    state["model"]["ignore_merges"] = True
    for token in ("Ġsurprised", "ĠBoxk"):  # words that the merges alone would not make
        state["model"]["vocab"].setdefault(token, len(state["model"]["vocab"]))
    for token in state["added_tokens"][3:]:
        token["id"] += len(state["model"]["vocab"]) - 900
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), around(tokenizer, ["<|im_start|>"], [])])
    return tokenizer


def qwen_2():
    return byte_level(goldens.split(goldens.LINES_PATTERN % ""), normalizers.NFC())


def o200k():
    return byte_level(goldens.split(O200K))


def deepseek():
    return byte_level(pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(p), "isolated") for p in DEEPSEEK] + [goldens.byte_level(False)]))


def falcon():
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), goldens.byte_level(True), pre_tokenizers.Digits(False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]))


def bert(normalizer=None):
    tokenizer = Tokenizer(models.WordPiece({}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer or normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokens = names + goldens.frequent_pieces(tokenizer, 900)
    tokenizer.model = models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]")
    tokenizer.add_special_tokens(special(*names))
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def bert_cased():
    return bert(normalizers.BertNormalizer(lowercase=False, strip_accents=False, handle_chinese_chars=False))


def unigram_pieces(**options):
    library, proto = goldens.train_sentence_piece(
        model_type="unigram", vocab_size=900, character_coverage=0.98, add_dummy_prefix=True,
        normalization_rule_tsv="rules.tsv", **options)
    pieces = [(library.id_to_piece(i), library.get_score(i)) for i in range(library.get_piece_size())]
    return pieces, goldens.normalizer_charsmap(proto)


def t5():
    pieces, charsmap = unigram_pieces(pad_id=3)
    tokenizer = Tokenizer(models.Unigram(pieces, 0, False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(charsmap), normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), BLANK)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>", "<pad>"))
    tokenizer.post_processor = around(tokenizer, [], ["</s>"])
    return tokenizer


def xlm_r():
    pieces, charsmap = unigram_pieces(byte_fallback=True)
    tokenizer = Tokenizer(models.Unigram(pieces, 0, True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Nmt()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, special=True)])
    tokenizer.post_processor = around(tokenizer, ["<s>"], ["</s>"])
    return tokenizer


def byte_fallback(tokenizer):
    """Llama 2's model: characters that have no token become bytes."""
    names = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    train(tokenizer, trainers.BpeTrainer, 1100, special_tokens=special(*names), limit_alphabet=200)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = around(tokenizer, ["<s>"], [])
    return tokenizer


def llama_2():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(BLANK), normalizers.Replace(" ", BLANK)])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # for the trainer only
    tokenizer = byte_fallback(tokenizer)
    tokenizer.pre_tokenizer = None
    return tokenizer


def mistral():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return byte_fallback(tokenizer)


def clip():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True)
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    train(tokenizer, trainers.BpeTrainer, special_tokens=special("<unk>", "<end>"), end_of_word_suffix="</w>",
          limit_alphabet=300)
    tokenizer.add_tokens([AddedToken("İ", normalized=True), AddedToken("ab", single_word=True),
                          AddedToken("é", rstrip=True, normalized=False)])
    return tokenizer


def prefixed():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return train(tokenizer, trainers.BpeTrainer, special_tokens=special("<unk>"), continuing_subword_prefix="##",
                 limit_alphabet=200)


def word_level():
    tokenizer = Tokenizer(models.WordLevel({}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKD()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.CharDelimiterSplit("-"), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(True)])
    return train(tokenizer, trainers.WordLevelTrainer, 600, special_tokens=special("<unk>", "<s>"))


STYLES = {f.__name__.replace("_", "-"): f for f in (
    gpt_2, roberta, llama_3, qwen_2, o200k, deepseek, falcon, bert, bert_cased, t5, xlm_r, llama_2, mistral, clip,
    prefixed, word_level)}


# Components by themselves ------------------------------------------------------------------------

NORMALIZERS = [
    normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(),
    normalizers.StripAccents(), normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    normalizers.Strip(), normalizers.Strip(right=False), normalizers.Strip(left=False), normalizers.Prepend(BLANK),
    normalizers.Replace(" ", BLANK), normalizers.Replace(Regex(r"\s+"), "_"), normalizers.Replace(Regex("a*"), "-"),
    normalizers.Nmt(), normalizers.ByteLevel(), normalizers.BertNormalizer(),
    normalizers.BertNormalizer(clean_text=False, lowercase=False, strip_accents=True),
    normalizers.Sequence([normalizers.Sequence([normalizers.NFKC()]), normalizers.Lowercase()])]

BEHAVIOURS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
PRE_TOKENIZERS = [
    pre_tokenizers.ByteLevel(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.BertPreTokenizer(),
    pre_tokenizers.Metaspace(), pre_tokenizers.Metaspace(split=False), pre_tokenizers.Metaspace("_", "first"),
    pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Digits(), pre_tokenizers.Digits(True),
    pre_tokenizers.CharDelimiterSplit("e"), pre_tokenizers.FixedLength(3),
    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel()]),
    pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace(prepend_scheme="first")]),
] + [pre_tokenizers.Punctuation(b) for b in BEHAVIOURS] + [
    pre_tokenizers.Split(p, b, invert) for p in (" ", Regex(r"[aeiou]|\s")) for b in BEHAVIOURS for invert in (False, True)
] + [pre_tokenizers.Split(Regex(p), "isolated") for p in (
    r"\b", r"(?=[A-Z])", r"a*", r"\h+", r"\u0041\x42|\x{e9}", r"(?<w>\w+)(?<=t)", r"^\S+|\S+$", r"(?m:e.+?\n)",
    r"(?i:THE|É)", r"\d{2,}?", r"\p{Han}|\p{^L}", r"o{,2}x", r"(?>\w++)!", r"[]\[a-c-]+", r"\p{Lu}\p{Ll}*+")]

DECODERS = [
    decoders.ByteLevel(), decoders.WordPiece(), decoders.WordPiece("@@", False), decoders.Metaspace(),
    decoders.Metaspace("_", "never"), decoders.BPEDecoder(), decoders.Replace("e", "E"), decoders.Replace(Regex("[ab]+"), "-"),
    decoders.Strip("b", 1, 1), decoders.Sequence([decoders.Fuse(), decoders.Strip("b", 2, 2)]),
    decoders.Sequence([decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
    decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])]

PIECES = [["Ġthe", "Ġcat", "Ã©"], ["un", "##able", ".", "it", "'s", "do", "@@x"], ["▁a", "b▁", "▁c", "_d"],
          ["ab</w>", "c", "d</w>"], ["aa", "bab", "aaa"], ["▁", "▁x", "<0xE2>", "<0x82>", "<0xAC>", "y"], [" a", " ", "a"],
          ["a"], ["x", "n't", " ?"]]


def components(lines):
    rng = random.Random(5)
    texts = [t for t in (l.decode("utf-8", "replace") for l in rng.sample(lines, 45)) if "\x00" not in t]
    state = lambda component: json.loads(component.__getstate__())
    return {
        "texts": texts,
        "normalizers": [[state(n), [n.normalize_str(t) for t in texts]] for n in NORMALIZERS],
        "pre_tokenizers": [[state(p), [[w for w, _ in p.pre_tokenize_str(t)] for t in texts]] for p in PRE_TOKENIZERS],
        "pieces": PIECES,
        "decoders": [[state(d), [d.decode(p) for p in PIECES]] for d in DECODERS],
    }


def text_hash(*texts):
    return goldens.fnv(b for t in texts for b in t.encode() + b"\xff") % 2**32


def main():
    folder = pathlib.Path("json")
    folder.mkdir(exist_ok=True)
    lines = goldens.make_lines(1, 2000)
    for name, make in STYLES.items():
        tokenizer = make()
        (folder / (name + ".json")).write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False,
                                                          separators=(",", ":")) + "\n", encoding="utf-8")
        results = []
        for line in lines:
            ids = tokenizer.encode(line.decode("utf-8", "replace")).ids
            decoded = [tokenizer.decode(ids, skip_special_tokens=s) for s in (True, False)]
            results.append("%08x %08x" % (goldens.fnv(ids) % 2**32, text_hash(*decoded)))
        goldens.write_text(folder / (name + ".txt"), results)
    with open(folder / "components.json", "w", encoding="utf-8", newline="\n") as file:
        json.dump(components(lines), file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
