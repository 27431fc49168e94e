#!/usr/bin/env python3
"""Writes beam_search.json: what transformers' generate() makes of a toy model whose logits are a table.

usage: make_beam_search.py OUT.json   (transformers 5.23, torch 2.13)

The logits of the next token depend on the last token and on the length modulo PHASES alone: table[phase][token] is a row of
thousandths. Token 0 ends, 1 starts, 2 pads. For each case every distinct hypothesis is listed, best first, up to its end.
"""
import json, sys

import torch
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCAB, PHASES, EOS, START, PAD = 24, 4, 0, 1, 2


class ToyConfig(PretrainedConfig):
    model_type = "toy"


class Toy(PreTrainedModel, GenerationMixin):
    config_class = ToyConfig

    def __init__(self, table):
        super().__init__(ToyConfig(vocab_size=VOCAB))
        self.table = torch.nn.Parameter(table, requires_grad=False)

    def forward(self, input_ids, **ignored):
        phase = torch.arange(1, input_ids.shape[1] + 1) % PHASES
        return CausalLMOutput(logits=self.table[phase.expand_as(input_ids), input_ids])


def cases():
    for beams in (1, 2, 4, 5):
        yield {"num_beams": beams}
        for key, values in {
            "length_penalty": (0.0, 0.6, 2.0, -1.0),
            "early_stopping": (True, "never"),
            "min_length": (9,),
            "max_length": (2, 3, 5),
            "no_repeat_ngram_size": (1, 2, 3),
            "forced_bos_token_id": (7,),
            "bad_words_ids": ([[3], [5], [11], [0]],),
            "prefix": ([9], [12, 4, 4]),
        }.items():
            for value in values:
                yield {"num_beams": beams, key: value}
        yield {"num_beams": beams, "early_stopping": "never", "length_penalty": 0.0}
        yield {"num_beams": beams, "early_stopping": "never", "length_penalty": 2.0, "max_length": 12}
        yield {"num_beams": beams, "early_stopping": True, "length_penalty": 0.5, "no_repeat_ngram_size": 2}
        yield {"num_beams": beams, "renormalize_logits": True, "bad_words_ids": [[7], [15]], "no_repeat_ngram_size": 1, "max_length": 9}
        yield {"num_beams": beams, "forced_eos_token_id": EOS, "max_length": 6}
        yield {"num_beams": beams, "forced_eos_token_id": EOS, "max_length": 6, "min_length": 6, "prefix": [9, 10]}
        yield {"num_beams": beams, "forced_bos_token_id": 7, "forced_eos_token_id": EOS, "max_length": 4, "bad_words_ids": [[7]]}
        yield {"num_beams": beams, "prefix": [5, 6, 5, 6], "no_repeat_ngram_size": 2, "min_length": 12, "length_penalty": 1.4}


def run(model, options):
    options = {"max_length": 20, **options}
    prompt = [START] + options.pop("prefix", [])
    beams = options["num_beams"]
    config = GenerationConfig(
        **options, eos_token_id=EOS, pad_token_id=PAD, num_return_sequences=beams, do_sample=False, use_cache=False,
        return_dict_in_generate=True, output_scores=True,
    )
    out = model.generate(torch.tensor([prompt]), generation_config=config)
    scores = out.sequences_scores.tolist() if beams > 1 else [None]
    results = []
    for row, score in zip(out.sequences.tolist(), scores):
        if score is not None and score < -1e8:
            continue  # a filler: there are fewer hypotheses than beams
        if EOS in row[len(prompt):]:
            row = row[: row.index(EOS, len(prompt)) + 1]
        results.append({"tokens": row, "score": score})
    return results


def main(out):
    torch.manual_seed(3)
    table = (torch.randn(PHASES, VOCAB, VOCAB) * 1500).round()
    table[:, :, EOS] += 1200  # so that hypotheses end
    model = Toy(table / 1000).eval()
    record = {"vocab": VOCAB, "phases": PHASES, "table": table.int().flatten().tolist(), "cases": []}
    for options in cases():
        record["cases"].append({"options": options, "results": run(model, options)})
    with open(out, "w") as file:
        file.write('{"vocab": %d, "phases": %d,\n"table": %s,\n"cases": [\n' % (VOCAB, PHASES, json.dumps(record["table"])))
        file.write(",\n".join(json.dumps(case) for case in record["cases"]) + "\n]}\n")


main(sys.argv[1])
