#!/usr/bin/env python3
"""Whether an importance matrix pays: perplexity and KL of a model quantised with one, measured on the
first half of a text, and without, by the few texts that convert itself measures; judged on the second.

usage: check_imatrix.py HEED MODEL.gguf TEXT [TYPE...]      exit code 1 if any type is worse with it
"""
import json
import pathlib
import subprocess
import sys
import tempfile

TYPES = ["q2_k", "q3_k_m", "q4_0"]


def main():
    heed, model, text, *types = sys.argv[1:]
    worse = 0
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        words = pathlib.Path(text).read_text(encoding="utf-8")
        first, second = directory / "first.txt", directory / "second.txt"
        first.write_text(words[: len(words) // 2], encoding="utf-8")
        second.write_text(words[len(words) // 2 :], encoding="utf-8")

        def run(*arguments):
            done = subprocess.run([heed, *map(str, arguments)], check=True, capture_output=True, text=True)
            return done.stdout

        imatrix = directory / "m.imatrix"
        run("imatrix", model, "-f", first, "-o", imatrix)
        for kind in types or TYPES:
            losses = []
            for name, extra in (("plain", []), ("imatrix", ["--imatrix", imatrix])):
                out = directory / "out.gguf"
                run("convert", model, "-o", out, "--type", kind, *extra)
                figures = json.loads(run("perplexity", out, "-f", second, "-n", 8192, "--reference", model, "--json"))
                losses.append(figures["perplexity"])
                print(f"{kind:8} {name:8} perplexity {figures['perplexity']:8.4f} "
                      f"({100 * (figures['ratio'] - 1):+.2f} %)  KL {figures['kl_mean']:.4f}  "
                      f"same top 1 {100 * figures['top1_agreement']:.2f} %", flush=True)
            worse += losses[1] >= losses[0]
    return worse > 0


if __name__ == "__main__":
    sys.exit(main())
