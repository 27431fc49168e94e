#!/usr/bin/env python3
"""Files that heed converts, in llama.cpp: the same greedy text, the same embeddings.

Converts the tiny models of goldens/ and any DIRECTORY or GGUF file given, to F32 or TYPE, loads each in both engines and compares what
they make of a text: 24 tokens, each the likeliest (heed with --exact), or a sentence's embedding. Not part of `make test`.

Needs llama-cpp-python.  usage: compare_with_llama_cpp.py HEED [--type TYPE] [DIRECTORY_OR_GGUF ...]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np

HERE = pathlib.Path(__file__).parent
TEXT = "the man in a hat is on the other side of the street and"


def run(heed, *arguments):
    return subprocess.run([heed, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def same_text(heed, file):
    """24 greedy tokens of both engines after the same prompt tokens; how many agree until they part."""
    llama = llama_cpp.Llama(str(file), n_ctx=256, logits_all=True, verbose=False)
    prompt = [int(token) for token in run(heed, "tokenize", file, TEXT).split()]
    theirs = llama.tokenize(TEXT.encode(), add_bos=True, special=False)
    if prompt != theirs:
        return False, f"tokens differ: {prompt} and {theirs}"
    expected = []
    llama.eval(prompt)
    for _ in range(24):
        expected.append(int(np.argmax(llama.scores[llama.n_tokens - 1])))
        llama.eval(expected[-1:])
    found = run(heed, "run", file, "-p", TEXT, "--raw", "-n", 24, "--temp", 0, "--exact", "--ignore-eos")
    text = llama.detokenize(prompt + expected, special=False).decode(errors="replace")[len(llama.detokenize(prompt).decode()):]
    return found.strip() == text.strip(), f"{found.strip()!r} and {text.strip()!r}"


def same_embedding(heed, file):
    llama = llama_cpp.Llama(str(file), embedding=True, n_ctx=128, verbose=False)
    theirs = np.array(llama.create_embedding(TEXT)["data"][0]["embedding"])
    ours = np.array(json.loads(run(heed, "embed", file, TEXT, "--exact", "--json"))["embedding"])
    cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
    return cosine > 0.99999, f"cosine {cosine:.7f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("heed")
    parser.add_argument("--type", default="f32")
    parser.add_argument("sources", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for source in [HERE / "goldens" / f"tiny-{name}" for name in ("llama", "gpt2", "qwen2", "bert")] + arguments.sources:
            file = pathlib.Path(directory) / (source.stem + ".gguf")
            run(arguments.heed, "convert", source, "-o", file, "--type", arguments.type)
            is_encoder = json.loads(run(arguments.heed, "show", file, "--json"))["architecture"] == "bert"
            same, details = (same_embedding if is_encoder else same_text)(arguments.heed, file)
            failed += not same
            print("same     " if same else "different", source.name, details)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
