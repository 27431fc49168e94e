#!/usr/bin/env python3
"""Makes the tokenizer goldens: 2,000 lines, small vocabularies of every kind, and what Hugging Face
`tokenizers` (for SentencePiece models: also sentencepiece itself) makes of each line.

models.json          the same for real vocabularies, as one hash of all ids of lines.txt each; made
                     where the model store has the models, left alone elsewhere

Run in this folder, with: pip install tokenizers==0.22.1 sentencepiece==0.2.3 protobuf gguf

lines.txt            a line each, bytes outside printable ASCII and valid UTF-8 written as \\xHH
<kind>.vocab.json    the vocabulary, in the terms of GGUF's tokenizer.ggml.* keys
<kind>.ids.txt       per line: a hash of the tokens' character offsets (or -), then the ids
<kind>.decode.txt    per line: ids drawn at random, then their text without and with special tokens

For Unigram, ids and offsets are sentencepiece's own; this script checks that Hugging Face's ids are
the same but for lines with a literal U+2581, which the two take differently.

Offsets are left out where the reference's are off: it counts a composed character as its last part
only, and does not count bytes that the vocabulary has no tokens for.
"""
import collections
import io
import json
import os
import pathlib
import random
import re
import unicodedata

import gguf
import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

SENTENCES = """
The quick brown fox jumps over the lazy dog, and nobody's surprised any more.
We'll see what they've done; I'm sure it's fine, isn't it? HE'LL SAY: "DON'T!"
In 1984, 3.14159 was still pi; 1,000,000 was a lot of money - about 12% of 8,333,333.
Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.
Portez ce vieux whisky au juge blond qui fume, s'il vous plaît : « ça suffit ».
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, ¿verdad? ¡Sí!
Pchnąć w tę łódź jeża lub ośm skrzyń fig.
Příliš žluťoučký kůň úpěl ďábelské ódy.
Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul'da ılık bir gün.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
Θέλει αρετή και τόλμη η ελευθερία.
עטלף אבק נס דרך מזגן שהתפוצץ כי חם
صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت — يَحظى الضَجيعُ بِها نَجلاءَ مِعطارِ
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน
いろはにほへと ちりぬるを わかよたれそ つねならむ
東京都に住んでいる田中さんは、カタカナとﾊﾝｶｸを使います。
天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。我们今天去北京吃烤鸭。
다람쥐 헌 쳇바퀴에 타고파. 키스의 고유조건은 입술끼리 만나야 한다.
Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa.
Do bạch kim rất quý nên sẽ dùng để lắp vô xương.
გთხოვთ ახლავე გაიაროთ რეგისტრაცია
ሰማይ አይታረስ ንጉሥ አይከሰስ።
""".strip().split("\n")

CODE = r"""
for (size_t i = 0; i < n; ++i) { sum += a[i] * b[i]; }  // dot product
def f(x, *args, **kwargs):\n\treturn {k: v for k, v in kwargs.items() if v is not None}
#include <vector>\nint main() { std::vector<int> v{1, 2, 3}; return v.size() == 3 ? 0 : 1; }
SELECT name, COUNT(*) FROM users WHERE age >= 21 AND name LIKE '%o''b%' GROUP BY 1;
<div class="a b" id='x1'>&nbsp;&lt;tag/&gt;</div><!-- note -->
{"key": [1, 2.5e-10, null, true], "s": "\u00e9\\n", "nested": {"a": {}}}
https://example.org/path/to?q=1&r=%20x#frag user.name+tag@mail.example.com
$ ls -la ~/src | grep -E '^d' && echo "$HOME/${USER:-nobody}" > /dev/null 2>&1
x = ~y ^ 0xDEADBEEF; y <<= 3; z = a ?: b; w = !w; p->q.r::s; @decorator #define
0b1010 0o777 1_000_000 1e9 .5 5. 192.168.0.1 2024-02-29T23:59:59Z v1.2.3-rc.4+build5
""".strip().split("\n")

EMOJI = """😀 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 ❤️ ☺ 1️⃣ #️⃣ 🤷🏿‍♀️ 🫠 ✨ 🧑‍🚀 ⚡️ 🦆🦆🦆 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ©® ™ ♥ ➡️ 🎄""".split(" ")

SPACES = (" ", " ", " ", "  ", "   ", "\t", "\t\t", "\n", "\r\n", "\n\n", " \n ", "\n\n\n  ", "\r", "\x0b",
          "\x0c", "\x85", "\xa0", "\u1680", "\u180e", "\u2003", "\u200b", "\u2028", "\u2029", "\u202f",
          "\u205f", "\u3000", "\ufeff", "        ", "\t \t", " \xa0 ", "\u2581", "\u2581\u2581")

ODD = ("e\u0301", "a\u0308\u0323", "\u0301", "A\u030a", "\u212b", "ﬁ", "ﬀ", "½", "²³", "Ⅷ", "①", "٣٤٥", "१२३",
       "\u1112\u1161\u11ab", "각", "\u1100\u1161\u11a8", "ά", "ΐ", "ß", "ẞ", "İ", "ı", "ſ", "'ſ", "K", "'S", "'Re",
       "'LL", "’s", "''s", "'", "''", "\x00", "\x01", "\x1b[0m", "\x7f", "\x80", "\u200d", "\u200e", "\u00ad",
       "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\U000e0001", "𝒜𝓫", "𐍈", "𓀀", "𠮷", "\U00031350",
       "\U0001e4d0", "\u0c77", "ǅ", "ŉ", "…", "—", "–", "„“", "«»", "؟", "。", "、", "！", "Ａ１", "ｶﾞ", "ㇰ", "々",
       "a" * 40, "ab" * 60, "-" * 30, "=" * 17, "!?" * 5, "é" * 101, "0" * 9, "12345678901234567890")

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>user\n", "<s>", "</s>", "<unk>", "[CLS]",
           "[SEP]", "[MASK]", "[UNK]", "<|im_", "<|", "|>", "<extra>", "<extra>x", "<extra>xy", "<0x0A>", "##a",
           "[PAD", "<s", "<<s>>")

BAD = (b"\x80", b"\xbf\xbf", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xff",
       b"\xfe\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80",
       b"\xf8\x88\x80\x80\x80", b"\xe2\x82\xe2\x82\xac", b"\xc3\xc3\xa9", b"\xf1\x80\x80\xe1\x80\xc2")


def assigned(rng):
    """A random character that Unicode 14 knows."""
    while True:
        c = chr(rng.choice((rng.randrange(0x20, 0x250), rng.randrange(0x250, 0x3000), rng.randrange(0x3000, 0x10000),
                            rng.randrange(0x10000, 0x20000))))
        if unicodedata.category(c) not in ("Cn", "Cs"):
            return c


def words(rng):
    sentence = rng.choice(SENTENCES).split(" ")
    start = rng.randrange(len(sentence))
    return sentence[start:start + rng.randint(1, 5)]


def line(rng):
    """A line of bytes: often plain, sometimes anything but."""
    kind = rng.randrange(12)
    if kind < 3:
        return " ".join(words(rng)).encode()
    if kind == 3:
        code = rng.choice(CODE).replace("\\n", "\n").replace("\\t", "\t")
        start = rng.randrange(len(code))
        return code[start:start + rng.randint(5, 50)].encode()
    if kind == 4:
        return "".join(assigned(rng) for _ in range(rng.randint(1, 12))).encode()
    parts = []
    for _ in range(rng.randint(1, 5)):
        source = rng.choice((words, words, words, EMOJI, ODD, SPECIAL, SPACES, SPACES, BAD, ODD))
        part = " ".join(words(rng)) if source is words else rng.choice(source)
        parts.append(part if isinstance(part, bytes) else part.encode())
        if rng.random() < 0.7:
            parts.append(rng.choice(SPACES).encode())
    return b"".join(parts)


def make_lines(seed, count):
    rng = random.Random(seed)
    lines = [b""] + [s.encode() for s in SENTENCES] + [c.replace("\\n", "\n").encode() for c in CODE]
    lines += [p.encode() for p in EMOJI + list(SPACES) + list(ODD) + list(SPECIAL)] + list(BAD)
    while len(lines) < count:
        lines.append(line(rng))
    return lines[:count]


def escape(text):
    """Bytes as one line of UTF-8 text."""
    out = []
    for c in text.decode("utf-8", "surrogateescape"):
        if 0xDC80 <= ord(c) <= 0xDCFF:
            out.append("\\x%02x" % (ord(c) - 0xDC00))
        elif c == "\\" or unicodedata.category(c) in ("Cc", "Zl", "Zp"):
            out += ["\\x%02x" % b for b in c.encode()]
        else:
            out.append(c)
    return "".join(out)


def training_text():
    """Text to learn merges from: the languages above with other words, and code."""
    rng = random.Random(7)
    for _ in range(4000):
        yield " ".join(rng.choice(SENTENCES) if rng.random() < 0.3 else " ".join(words(rng)) for _ in range(3))
        if rng.random() < 0.2:
            yield rng.choice(CODE).replace("\\n", "\n").replace("\\t", "\t")
        if rng.random() < 0.1:
            yield " ".join(rng.sample(EMOJI, 3)) + rng.choice(SPACES) * 2 + str(rng.randrange(100000))


def fnv(numbers):
    value = 0xCBF29CE484222325
    for n in numbers:
        value = (value ^ n) * 0x100000001B3 % 2**64
    return value


def write_text(name, lines):
    with open(name, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(l + "\n" for l in lines)


def offsets_hold(tokenizer, text, ids):
    if isinstance(tokenizer.model, models.WordPiece):
        return True
    if tokenizer.normalizer and tokenizer.normalizer.normalize_str(text) != text:
        return False
    return tokenizer.decode(ids, skip_special_tokens=False) == text


def write_goldens(kind, tokenizer, vocab, lines, encode=None):
    """`encode`: text -> ids, offsets, where the tokenizer's own are not to be taken."""
    for key, value in vocab.items():
        if key == "scores":
            vocab[key] = [float("%.9g" % v) for v in value]
    with open(kind + ".vocab.json", "w", encoding="utf-8", newline="\n") as file:
        json.dump(vocab, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    goldens = []
    for text in lines:
        text = text.decode("utf-8", "replace")
        encoding = tokenizer.encode(text)
        ids, offsets = encode(text) if encode else (encoding.ids, encoding.offsets)
        assert ids == encoding.ids or "\u2581" in text, (kind, text, ids, encoding.ids)
        hashed = "%016x" % fnv(n for pair in offsets for n in pair)
        if not encode and not offsets_hold(tokenizer, text, ids):
            hashed = "-"
        goldens.append(" ".join([hashed] + [str(i) for i in ids]))
    write_text(kind + ".ids.txt", goldens)
    rng = random.Random(11)
    # No single bytes of SentencePiece: where they form no character, the reference replaces all of
    # their run, and we, as sentencepiece does, only those that are bad.
    drawn = [i for i, t in enumerate(vocab["types"]) if t != 6]
    decoded = []
    for text in rng.sample(lines, 60):
        ids = tokenizer.encode(text.decode("utf-8", "replace")).ids
        decoded.append(ids)
    for _ in range(60):
        decoded.append([rng.choice(drawn) for _ in range(rng.randint(1, 20))])
    write_text(kind + ".decode.txt", [
        "%s\t%s\t%s" % (" ".join(map(str, ids)), escape(tokenizer.decode(ids, skip_special_tokens=True).encode()),
                        escape(tokenizer.decode(ids, skip_special_tokens=False).encode())) for ids in decoded])


# Byte-level BPE --------------------------------------------------------------------------------

LINES_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
                 r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


def split(pattern):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(False)])


PRE_TOKENIZERS = {
    "gpt-2": byte_level(True),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)]),
    "llama-bpe": split(LINES_PATTERN % "{1,3}"),
    "qwen2": split(LINES_PATTERN % ""),
}


def special_token(text):
    return AddedToken(text, special=True, normalized=False)


def drop_character(model, character):
    model["merges"] = [m for m in model["merges"] if character not in "".join(m)]
    kept = [t for t in sorted(model["vocab"], key=model["vocab"].get) if character not in t]
    model["vocab"] = {t: i for i, t in enumerate(kept)}


def byte_pair(pre, lines):
    ignore_merges = pre == "llama-bpe"
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre]
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.train_from_iterator(training_text(), trainers.BpeTrainer(
        vocab_size=1000, special_tokens=[special_token(t) for t in special], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    state = json.loads(tokenizer.to_str())
    if ignore_merges:  # words that the merges alone would not make
        for word in ("Ġsurprised", "ĠВиктор", "ß", "ĠBoxk"):
            state["model"]["vocab"].setdefault(word, len(state["model"]["vocab"]))
    if pre == "smollm":  # the real one has no tokens for some bytes
        drop_character(state["model"], "ł")
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("<extra>", "<extra>x", "日月")])
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    types = [1] * len(tokens)
    for i, added in tokenizer.get_added_tokens_decoder().items():
        types[i] = 3 if added.special else 4
    vocab = {
        "model": "gpt2", "pre": pre, "add_bos": False, "eos": tokens.index("<|im_end|>"), "types": types,
        "tokens": tokens, "merges": [" ".join(m) for m in state["model"]["merges"]],
    }
    write_goldens(pre, tokenizer, vocab, lines)


# WordPiece --------------------------------------------------------------------------------------

def frequent_pieces(tokenizer, count):
    """The most frequent beginnings and continuations of words. (The library's own trainer gives another
    vocabulary on each run.) None has U+2581: "##\u2581" could not be told from a beginning in GGUF."""
    found = collections.Counter()
    for text in training_text():
        text = tokenizer.normalizer.normalize_str(text.replace("\u2581", " "))
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text):
            for begin in range(len(word)):
                for end in range(begin + 1, min(begin + 8, len(word)) + 1):
                    found[("##" if begin else "") + word[begin:end]] += end - begin
    by_weight = sorted(found, key=lambda t: (-found[t], t))
    letters = [t for t in by_weight if len(t.removeprefix("##")) == 1][:count // 3]
    return sorted(set(letters + by_weight[:count - len(letters)]))


def word_piece(kind, lowercase, lines):
    tokenizer = Tokenizer(models.WordPiece({}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = special + frequent_pieces(tokenizer, 1000)
    tokenizer.model = models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]",
                                       max_input_chars_per_word=100)
    tokenizer.add_special_tokens([special_token(t) for t in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    phantom = [t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens]
    types = [3 if t in special else 1 for t in tokens]
    vocab = {"model": "bert", "lowercase": lowercase, "types": types, "tokens": phantom}
    write_goldens(kind, tokenizer, vocab, lines)


# SentencePiece -----------------------------------------------------------------------------------

def rules():
    """Normalisation as nmt_nfkc's, for a few characters: its own table is 240 kB."""
    rule = {c: unicodedata.normalize("NFKC", chr(c)) for c in (*range(0xFF01, 0xFF5F), 0xFB00, 0xFB01, 0x2168, 0xBD)}
    rule |= {ord(c): " " for c in "\t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff\ufffd"}
    rule |= {c: " " for c in range(0x2000, 0x200C)} | {c: "" for c in (1, 0x1B, 0x7F)}
    lines = ["%X\t%s" % (c, " ".join("%X" % ord(r) for r in to)) for c, to in rule.items()]
    return "\n".join(lines + ["65 301\tE9"]) + "\n"


def train_sentence_piece(**options):
    """No piece repeats a character: 00|0 and 0|00 are equally probable, and versions of sentencepiece
    differ in which of them rounding favours."""
    model = io.BytesIO()
    with open("rules.tsv", "w") as file:
        file.write(rules())
    text = (re.sub(r"(.)\1+", r"\1", t.replace("\x00", "")) for t in training_text())
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=text, model_writer=model, num_threads=1, minloglevel=2, **options)
    os.remove("rules.tsv")
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()), model.getvalue()


def sentence_piece_vocabulary(library, model):
    size = library.get_piece_size()
    types = [2 if library.is_unknown(i) else 3 if library.is_control(i) else 6 if library.is_byte(i) else 1
             for i in range(size)]
    return {"model": model, "types": types, "tokens": [library.id_to_piece(i) for i in range(size)],
            "scores": [library.get_score(i) for i in range(size)], "add_bos": False, "add_eos": False}


def sentence_piece_bpe(lines):
    library, _ = train_sentence_piece(
        model_type="bpe", vocab_size=1200, character_coverage=0.98, byte_fallback=True, add_dummy_prefix=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False)
    vocab = sentence_piece_vocabulary(library, "llama")
    ids = {t: i for i, t in enumerate(vocab["tokens"])}
    merges = []  # every pair that makes a piece, by the piece's score
    for piece, i in ids.items():
        halves = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        merges += [(vocab["scores"][i], ids[a], ids[b], a, b) for a, b in halves if a in ids and b in ids]
    merges.sort(key=lambda m: (-m[0], m[1], m[2]))
    tokenizer = Tokenizer(models.BPE(ids, [m[3:] for m in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([special_token(t) for t in ("<unk>", "<s>", "</s>")])
    write_goldens("sentencepiece-bpe", tokenizer, vocab, lines)
    encode = reference(library, {"<unk>": 0, "<s>": 1, "</s>": 2})
    for text in lines:
        text = text.decode("utf-8", "replace")
        assert tokenizer.encode(text).ids == encode(text)[0]


def reference(library, special):
    """Encodes with sentencepiece what lies between special tokens."""
    pattern = re.compile("(%s)" % "|".join(re.escape(t) for t in special))

    def encode(text):
        ids, offsets, at = [], [], 0
        for part in pattern.split(text):
            if part in special:
                ids.append(special[part])
                offsets.append((at, at + len(part)))
            elif part:
                for piece in library.encode(part, return_type="proto").pieces:
                    ids.append(piece.id)
                    offsets.append(tuple(at + len(part.encode()[:b].decode()) for b in (piece.begin, piece.end)))
            at += len(part)
        return ids, offsets

    return encode


def sentence_piece_unigram(lines):
    library, proto = train_sentence_piece(
        model_type="unigram", vocab_size=1000, character_coverage=0.98, add_dummy_prefix=True, pad_id=3,
        normalization_rule_tsv="rules.tsv", remove_extra_whitespaces=True)
    vocab = sentence_piece_vocabulary(library, "t5")
    vocab["charsmap"] = normalizer_charsmap(proto).hex()
    tokenizer = Tokenizer(models.Unigram(list(zip(vocab["tokens"], vocab["scores"])), 0, False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(normalizer_charsmap(proto)), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens([special_token(t) for t in ("<unk>", "<s>", "</s>", "<pad>")])
    write_goldens("sentencepiece-unigram", tokenizer, vocab, lines,
                  reference(library, {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3}))


def fields(message):
    """The fields of a protocol buffers message: number, value."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            size = varint() if kind == 2 else 4
            value = message[position:position + size]
            position += size
        yield key >> 3, value


def normalizer_charsmap(proto):
    normalizer = dict(fields(proto))[3]
    return dict(fields(normalizer))[2]


# Real models -------------------------------------------------------------------------------------

def real_models(lines):
    store = pathlib.Path(os.environ.get("HEED_HOME") or pathlib.Path.home() / ".cache/heed") / "models"
    if not (store / "smollm2.gguf").exists() or not (store / "all-minilm-l6-v2").exists():
        print("models.json left alone: no models in", store)
        return
    fields = gguf.GGUFReader(store / "smollm2.gguf").fields
    tokens, merges, types = (fields["tokenizer.ggml." + k].contents() for k in ("tokens", "merges", "token_type"))
    smollm2 = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    smollm2.pre_tokenizer = PRE_TOKENIZERS["smollm"]
    smollm2.add_special_tokens([special_token(t) for t, kind in zip(tokens, types) if kind == 3])
    minilm = Tokenizer.from_file(str(store / "all-minilm-l6-v2" / "tokenizer.json"))
    minilm.no_padding()
    minilm.no_truncation()
    with open("models.json", "w") as file:
        json.dump({name: "%016x" % fnv(i for text in lines for i in tokenizer.encode(text.decode("utf-8", "replace")).ids)
                   for name, tokenizer in (("smollm2", smollm2), ("all-minilm-l6-v2", minilm))}, file, indent=1)
        file.write("\n")


def main():
    lines = make_lines(1, 2000)
    write_text("lines.txt", [escape(l) for l in lines])
    for pre in PRE_TOKENIZERS:
        byte_pair(pre, lines)
    word_piece("uncased", True, lines)
    word_piece("cased", False, lines)
    sentence_piece_bpe(lines)
    sentence_piece_unigram(lines)
    real_models(lines)


if __name__ == "__main__":
    main()
