"""How likely a model finds the texts of a CSV: adds columns with their tokens and perplexity.

For example:

    python examples/score_csv.py smollm2 answers.csv --column answer > scored.csv
"""

import argparse
import csv
import math
import sys

import heed

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("model", help="a GGUF file, or a name in the model store")
arguments.add_argument("csv", type=argparse.FileType("r", encoding="utf-8"))
arguments.add_argument("--column", default="text")
given = arguments.parse_args()

rows = csv.DictReader(given.csv)
if given.column not in (rows.fieldnames or []):
    sys.exit(f"{given.csv.name}: no column '{given.column}', it has: {rows.fieldnames}")
out = csv.DictWriter(sys.stdout, [*rows.fieldnames, "tokens", "perplexity"])
out.writeheader()
with heed.load(given.model) as model:
    for row in rows:
        logprobs = model.score(row[given.column])
        perplexity = math.exp(-logprobs.mean()) if len(logprobs) else math.nan
        out.writerow({**row, "tokens": len(logprobs) + 1, "perplexity": f"{perplexity:.3f}"})
