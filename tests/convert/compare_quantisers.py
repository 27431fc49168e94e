#!/usr/bin/env python3
"""Heed's quantisers and llama.cpp's, judged by perplexity: an F32 model is quantised by both, as each
does by default, and what comes out is compared with the F32 weights on a text, all by Heed in F32
arithmetic.

usage: compare_quantisers.py HEED MODEL-F32.gguf TEXT [TYPE...]     (needs the package llama-cpp-python)
exit code 1 if the perplexity of any type is above llama.cpp's
"""
import json
import pathlib
import subprocess
import sys
import tempfile

# Numbers of llama.cpp's enum llama_ftype.
TYPES = {"q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9, "q8_0": 7, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12,
         "q3_k_l": 13, "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "iq4_nl": 25}
DEFAULT = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0"]


def quantise_with_heed(heed, model, out, kind):
    subprocess.run([heed, "convert", model, "-o", out, "--type", kind], check=True, capture_output=True)


def quantise_with_llama_cpp(model, out, kind):
    # In a process of its own: the library writes to stdout.
    program = ("import sys, llama_cpp\n"
               "params = llama_cpp.llama_model_quantize_default_params()\n"
               "params.ftype = int(sys.argv[3])\n"
               "sys.exit(llama_cpp.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), params))\n")
    subprocess.run([sys.executable, "-c", program, model, out, str(TYPES[kind])], check=True, capture_output=True)


def judge(heed, model, out, text):
    command = [heed, "perplexity", out, "-f", text, "--exact", "--reference", model, "--reference-exact", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def show(kind, name, figures):
    print(f"{kind:8} {name:10} perplexity {figures['perplexity']:8.4f}  "
          f"ratio {figures['ratio']:.4f} ({figures['ratio_low']:.4f} to {figures['ratio_high']:.4f})  "
          f"KL {figures['kl_mean']:.5f}  same top 1 {100 * figures['top1_agreement']:.2f} %", flush=True)


def main():
    heed, model, text, *kinds = sys.argv[1:]
    unknown = [kind for kind in kinds if kind not in TYPES]
    if unknown:
        sys.exit(f"unknown types {unknown}; known are {', '.join(TYPES)}")
    worse = 0
    with tempfile.TemporaryDirectory() as directory:
        out = str(pathlib.Path(directory) / "out.gguf")
        for kind in kinds or DEFAULT:
            quantise_with_heed(heed, model, out, kind)
            ours = judge(heed, model, out, text)
            show(kind, "Heed", ours)
            pathlib.Path(out).unlink()
            quantise_with_llama_cpp(model, out, kind)
            theirs = judge(heed, model, out, text)
            show(kind, "llama.cpp", theirs)
            worse += ours["perplexity"] > theirs["perplexity"]
    return worse > 0


if __name__ == "__main__":
    sys.exit(main())
