"""Writes type_mixes.txt: the type that llama.cpp's quantiser gives each matrix of a few small decoders of random
weights, for the mixes that people know by name. For each: "mix NAME", and for each kind of matrix "KIND ROWS COLUMNS
TYPE..." with a type for each block, or one for a matrix of no block. Needs the packages gguf, numpy and
llama-cpp-python.

usage: make_type_mixes.py > type_mixes.txt
"""
import os, tempfile

import gguf, llama_cpp, numpy

# Width, heads, key/value heads, feed-forward width, blocks, whether the head is the table of embeddings.
SHAPES = [(256, 8, 2, 512, 24, True), (288, 9, 9, 512, 20, False), (96, 3, 3, 80, 5, True), (256, 8, 8, 768, 33, False)]
MIXES = {"q2_k": 10, "q3_k_s": 11, "q3_k_m": 12, "q3_k_l": 13, "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17}
VOCAB = 300


def write_model(path, width, heads, kv_heads, ffn_width, blocks, tied):
    random = numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(blocks)
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(ffn_width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_tokenizer_model("llama")
    tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % i for i in range(256)]
    tokens += [b"word%d" % i for i in range(VOCAB - len(tokens))]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * VOCAB)
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (VOCAB - 259))

    def tensor(name, *shape):
        writer.add_tensor(name, random.standard_normal(shape).astype(numpy.float32))

    tensor("token_embd.weight", VOCAB, width)
    kv_width = width // heads * kv_heads
    for i in range(blocks):
        tensor(f"blk.{i}.attn_norm.weight", width)
        tensor(f"blk.{i}.attn_q.weight", width, width)
        tensor(f"blk.{i}.attn_k.weight", kv_width, width)
        tensor(f"blk.{i}.attn_v.weight", kv_width, width)
        tensor(f"blk.{i}.attn_output.weight", width, width)
        tensor(f"blk.{i}.ffn_norm.weight", width)
        tensor(f"blk.{i}.ffn_gate.weight", ffn_width, width)
        tensor(f"blk.{i}.ffn_up.weight", ffn_width, width)
        tensor(f"blk.{i}.ffn_down.weight", width, ffn_width)
    tensor("output_norm.weight", width)
    if not tied:
        tensor("output.weight", VOCAB, width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = os.path.join(folder, "plain.gguf"), os.path.join(folder, "mixed.gguf")
        for width, heads, kv_heads, ffn_width, blocks, tied in SHAPES:
            write_model(plain, width, heads, kv_heads, ffn_width, blocks, tied)
            for name, number in MIXES.items():
                params = llama_cpp.llama_model_quantize_default_params()
                params.ftype = number
                params.nthread = 2
                assert llama_cpp.llama_model_quantize(plain.encode(), mixed.encode(), params) == 0
                print("mix", name)
                kinds = {}
                for t in gguf.GGUFReader(mixed).tensors:
                    if len(t.shape) != 2:
                        continue
                    scope, number, kind = t.name.split(".")[:3] if t.name.startswith("blk.") else ("", 0, t.name.split(".")[0])
                    row = kinds.setdefault((scope, kind), ([t.shape[1], t.shape[0]], {}))
                    row[1][int(number)] = t.tensor_type.name.lower()
                for (scope, kind), (shape, types) in kinds.items():
                    print(scope + "." + kind if scope else kind, *shape, *(types[i] for i in sorted(types)))


main()
