"""Writes type_mixes.txt: the type that llama.cpp's quantiser gives each matrix of a few small decoders of random
weights, Llamas and a GPT-2, for the mixes that people know by name. For each: "mix NAME", and for each kind of matrix "KIND ROWS COLUMNS
TYPE..." with a type for each block, or one for a matrix of no block. Needs the packages gguf, numpy and
llama-cpp-python.

usage: make_type_mixes.py > type_mixes.txt
"""
import os, tempfile

import gguf, llama_cpp, numpy

# Width, heads, key/value heads, feed-forward width, blocks, whether the head is the table of embeddings.
SHAPES = [(256, 8, 2, 512, 24, True), (288, 9, 9, 512, 20, False), (96, 3, 3, 80, 5, True), (256, 8, 8, 768, 33, False)]
GPT2_SHAPE = (256, 8, 16, False)  # width, heads, blocks
MIXES = {"q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9, "q8_0": 7, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12, "q3_k_l": 13, "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17}
VOCAB = 300


def start_model(path, architecture, width, heads, ffn_width, blocks):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(blocks)
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(ffn_width)
    writer.add_head_count(heads)
    writer.add_tokenizer_model("llama")
    tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % i for i in range(256)]
    tokens += [b"word%d" % i for i in range(VOCAB - len(tokens))]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * VOCAB)
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (VOCAB - 259))
    random = numpy.random.default_rng(1)

    def tensor(name, *shape):
        writer.add_tensor(name, random.standard_normal(shape).astype(numpy.float32))

    return writer, tensor


def finish_model(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_gpt2(path, width, heads, blocks, tied):
    writer, tensor = start_model(path, "gpt2", width, heads, 4 * width, blocks)
    writer.add_layer_norm_eps(1e-5)
    tensor("token_embd.weight", VOCAB, width)
    tensor("position_embd.weight", 64, width)
    for i in range(blocks):
        for name, *shape in (("attn_norm", width), ("attn_qkv", 3 * width, width), ("attn_output", width, width), ("ffn_norm", width),
                             ("ffn_up", 4 * width, width), ("ffn_down", width, 4 * width)):
            tensor(f"blk.{i}.{name}.weight", *shape)
            tensor(f"blk.{i}.{name}.bias", shape[0])
    tensor("output_norm.weight", width)
    tensor("output_norm.bias", width)
    if not tied:
        tensor("output.weight", VOCAB, width)
    finish_model(writer)


def write_llama(path, width, heads, kv_heads, ffn_width, blocks, tied):
    writer, tensor = start_model(path, "llama", width, heads, ffn_width, blocks)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
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
    finish_model(writer)


def print_types(plain, mixed):
    for name, number in MIXES.items():
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = number
        params.nthread = 2
        assert llama_cpp.llama_model_quantize(plain.encode(), mixed.encode(), params) == 0
        print("mix", name)
        kinds = {}
        for t in gguf.GGUFReader(mixed).tensors:
            if len(t.shape) != 2 or t.name == "position_embd.weight":
                continue
            scope, number, kind = t.name.split(".")[:3] if t.name.startswith("blk.") else ("", 0, t.name.split(".")[0])
            row = kinds.setdefault((scope, kind), ([t.shape[1], t.shape[0]], {}))
            row[1][int(number)] = t.tensor_type.name.lower()
        for (scope, kind), (shape, types) in kinds.items():
            print(scope + "." + kind if scope else kind, *shape, *(types[i] for i in sorted(types)))


def main():
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = os.path.join(folder, "plain.gguf"), os.path.join(folder, "mixed.gguf")
        for shape in SHAPES:
            write_llama(plain, *shape)
            print_types(plain, mixed)
        write_gpt2(plain, *GPT2_SHAPE)
        print_types(plain, mixed)


main()
