# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes GGUF files of the shapes of well-known language models with seeded random weights, for measuring speed: blocks
# are random bytes with scales that keep activations finite. The text that such a model generates means nothing.
#
#   python lm_shapes.py qwen2-0.5b q4_0 -o FILE.gguf

import argparse

import gguf
import numpy as np

SHAPES = {
    "qwen2-0.5b": dict(family="qwen2", layers=24, width=896, heads=14, key_heads=2, inner=4864, vocabulary=151936,
                       theta=1e6, bias=True, tied=True),
    "tinyllama-1.1b": dict(family="llama", layers=22, width=2048, heads=32, key_heads=4, inner=5632, vocabulary=32000,
                           theta=1e4, bias=False, tied=False),
}
# Elements and bytes of a block, of which the first two are the scale in f16.
BLOCKS = {"q4_0": (gguf.GGMLQuantizationType.Q4_0, 32, 18, 8.0), "q8_0": (gguf.GGMLQuantizationType.Q8_0, 32, 34, 128.0)}


def blocks(random, rows, columns, kind):
    """Random blocks whose values have a deviation of about 1 / sqrt(columns)."""
    _, elements, size, span = BLOCKS[kind]
    data = random.integers(0, 256, (rows, columns // elements, size), dtype=np.uint8)
    scale = (random.uniform(0.5, 1.0, data.shape[:2]) * 1.7 / span / np.sqrt(columns)).astype(np.float16)
    data[:, :, :2] = scale[..., None].view(np.uint8)
    return data.reshape(rows, -1)


def write(path, shape, kind, seed=1):
    s, random = SHAPES[shape], np.random.default_rng(seed)
    size = s["width"] // s["heads"]
    w = gguf.GGUFWriter(path, s["family"])
    w.add_block_count(s["layers"])
    w.add_context_length(4096)
    w.add_embedding_length(s["width"])
    w.add_feed_forward_length(s["inner"])
    w.add_head_count(s["heads"])
    w.add_head_count_kv(s["key_heads"])
    w.add_rope_freq_base(s["theta"])
    w.add_rope_dimension_count(size)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_vocab_size(s["vocabulary"])
    w.add_tokenizer_model("no_vocab")

    def matrix(name, rows, columns, of=kind):
        w.add_tensor(name, blocks(random, rows, columns, of), raw_dtype=BLOCKS[of][0])

    def vector(name, n, about=0.0):
        w.add_tensor(name, (about + 0.1 * random.standard_normal(n)).astype(np.float32))

    # As llama.cpp's converters do it, a tied head is kept in eight bits.
    matrix("token_embd.weight", s["vocabulary"], s["width"], "q8_0" if s["tied"] else kind)
    for i in range(s["layers"]):
        b = f"blk.{i}."
        vector(b + "attn_norm.weight", s["width"], 1.0)
        vector(b + "ffn_norm.weight", s["width"], 1.0)
        for part, heads in (("q", s["heads"]), ("k", s["key_heads"]), ("v", s["key_heads"])):
            matrix(b + f"attn_{part}.weight", heads * size, s["width"])
            if s["bias"]:
                vector(b + f"attn_{part}.bias", heads * size)
        matrix(b + "attn_output.weight", s["width"], s["width"])
        matrix(b + "ffn_gate.weight", s["inner"], s["width"])
        matrix(b + "ffn_up.weight", s["inner"], s["width"])
        matrix(b + "ffn_down.weight", s["width"], s["inner"])
    vector("output_norm.weight", s["width"], 1.0)
    if not s["tied"]:
        matrix("output.weight", s["vocabulary"], s["width"])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("shape", choices=SHAPES)
    p.add_argument("kind", choices=BLOCKS)
    p.add_argument("-o", dest="output", required=True)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    write(a.output, a.shape, a.kind, a.seed)


if __name__ == "__main__":
    main()
