# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tiny seeded decoders as ONNX files, in the forms in which onnxruntime-genai's model builder writes them: past and present
# keys and values as inputs and outputs, GroupQueryAttention whose lengths come from the mask, products in floats or in
# groups (MatMulNBits), rotary embedding within attention or before it.
#
#   python onnx_decoders.py NAME -o FILE.onnx     writes one model

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import ops_contrib

MICROSOFT = "com.microsoft"


@dataclasses.dataclass
class Config:
    name: str
    width: int = 64
    layers: int = 2
    heads: int = 4
    key_heads: int = 2
    head: int = 16
    inner: int = 96
    vocabulary: int = 96
    positions: int = 48
    bits: int = 0               # of weights in groups; 0: floats
    block: int = 32
    zeros: str = ""             # packed, floats
    level: int = 0              # accuracy_level
    joined: bool = False        # query, key and value in one product
    rotary: str = "attention"   # attention, nodes (RotaryEmbedding), none
    interleaved: bool = False
    rotated: int = 0
    window: int = -1
    past: int = TensorProto.FLOAT
    positions_input: bool = False
    skip: bool = True           # norms of sums in one node
    bias: bool = False
    cast: bool = False          # logits by way of another type

    def __post_init__(self):
        self.rotated = self.rotated or self.head


CONFIGS = [
    Config("floats"),
    Config("joined", joined=True, bias=True, skip=False),
    Config("nodes", rotary="nodes", positions_input=True),
    Config("nodes-pairs", rotary="nodes", positions_input=True, interleaved=True),
    Config("pairs", interleaved=True, joined=True),
    Config("partial", head=32, rotated=16, key_heads=4),
    Config("partial-pairs", head=32, rotated=16, interleaved=True, positions_input=True),
    Config("window", window=5, rotary="none"),
    Config("groups", bits=4, zeros="packed"),
    Config("groups-joined", bits=4, joined=True, block=16),
    Config("groups-rounded", bits=4, level=4, zeros="packed"),
    Config("groups-float-zeros", bits=4, level=4, zeros="floats"),
    Config("bytes", bits=8, key_heads=1, cast=True),
]


def lookup(name):
    return next(config for config in CONFIGS if config.name == name)


class Builder:
    def __init__(self, config, seed=5):
        self.c, self.random = config, np.random.default_rng(seed)
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, op, inputs, name, outputs=None, domain="", **attributes):
        outputs = outputs or [name + "/output_0"]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def normal(self, *shape, scale=1.0, mean=0.0):
        return (mean + scale * self.random.standard_normal(shape)).astype(np.float32)

    def product(self, x, name, k, n):
        """x W for a random W in [K, N], in floats or in groups."""
        c = self.c
        weights = self.normal(n, k, scale=k ** -0.5)
        if not c.bits:
            return self.node("MatMul", [x, self.constant(name + ".weight", weights.T)], f"/{name}/MatMul")
        blocks = -(-k // c.block)
        apart = np.pad(weights, [(0, 0), (0, blocks * c.block - k)]).reshape(n, blocks, c.block)
        most = 2 ** c.bits - 1
        if c.zeros:
            low, high = apart.min(-1), apart.max(-1)
            scales = ((high - low) / most).astype(np.float32)
            zeros = -low / scales
            if c.zeros == "packed":
                zeros = np.clip(np.round(zeros), 0, most)
        else:
            scales = (np.abs(apart).max(-1) / (most / 2)).astype(np.float32)
            zeros = np.full(scales.shape, 2 ** (c.bits - 1))
        codes = np.clip(np.round(apart / scales[..., None] + zeros[..., None]), 0, most).astype(np.int64)
        inputs = [x, self.constant(name + ".qweight", ops_contrib.packed(codes, c.bits)),
                  self.constant(name + ".scales", scales)]
        if c.zeros:
            stored = ops_contrib.packed(zeros.astype(np.int64), c.bits) if c.zeros == "packed" else zeros.astype(np.float32)
            inputs.append(self.constant(name + ".qzeros", stored))
        return self.node("MatMulNBits", inputs, f"/{name}/MatMulNBits", domain=MICROSOFT, K=k, N=n, bits=c.bits,
                         block_size=c.block, accuracy_level=c.level)

    def linear(self, x, name, k, n):
        y = self.product(x, name, k, n)
        if not self.c.bias:
            return y
        return self.node("Add", [y, self.constant(name + ".bias", self.normal(n, scale=0.1))], f"/{name}/Add")

    def norm(self, x, skip, name):
        """The norm of x, or of x + skip, and that sum."""
        c = self.c
        if skip is not None and not c.skip:
            x, skip = self.node("Add", [x, skip], f"/{name}/Add"), None
        gain = self.constant(name + ".weight", self.normal(c.width, scale=0.1, mean=1.0))
        if skip is None:
            return self.node("SimplifiedLayerNormalization", [x, gain], f"/{name}/LayerNorm", axis=-1, epsilon=1e-5,
                             stash_type=1), x
        total = f"/{name}/output_3"
        return self.node("SkipSimplifiedLayerNormalization", [x, skip, gain], f"/{name}/SkipLayerNorm",
                         [f"/{name}/output_0", "", "", total], MICROSOFT, epsilon=1e-5), total

    def input(self, name, kind, shape):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name, kind, shape):
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def lengths(self):
        """What attention wants of the mask, as the model builder computes it."""
        one = self.constant("one", np.array([1], np.int64))
        total = self.node("ReduceSum", ["attention_mask", one], "/mask/ReduceSum", keepdims=0)
        less = self.node("Sub", [total, one], "/mask/Sub")
        shape = self.node("Shape", ["attention_mask"], "/mask/Shape")
        index = self.constant("index", np.array(1, np.int64))
        length = self.node("Gather", [shape, index], "/mask/Gather", axis=0)
        return (self.node("Cast", [less], "/mask/Cast", to=TensorProto.INT32),
                self.node("Cast", [length], "/mask/CastLength", to=TensorProto.INT32))

    def rotation(self):
        c = self.c
        angles = np.arange(c.positions)[:, None] * 10000.0 ** (-np.arange(c.rotated // 2) * 2.0 / c.rotated)
        return (self.constant("cos_cache", np.cos(angles).astype(np.float32)),
                self.constant("sin_cache", np.sin(angles).astype(np.float32)))

    def attention(self, x, block, lengths, tables):
        c = self.c
        queries, keys = c.heads * c.head, c.key_heads * c.head
        if c.joined:
            heads = [self.linear(x, block + "attn.qkv_proj", c.width, queries + 2 * keys), "", ""]
        else:
            heads = [self.linear(x, f"{block}attn.{part}_proj", c.width, n)
                     for part, n in (("q", queries), ("k", keys), ("v", keys))]
        attributes = dict(num_heads=c.heads, kv_num_heads=c.key_heads, local_window_size=c.window)
        inputs = ["", ""]
        if c.rotary == "nodes":
            part = {} if c.rotated == c.head else dict(rotary_embedding_dim=c.rotated)
            for i, count in ((0, c.heads), (1, c.key_heads)):
                heads[i] = self.node("RotaryEmbedding", [heads[i], "position_ids", *tables],
                                     f"/{block}attn/{'qk'[i]}_rotary", domain=MICROSOFT, num_heads=count,
                                     interleaved=int(c.interleaved), **part)
        elif c.rotary == "attention":
            inputs = list(tables)
            attributes.update(do_rotary=1, rotary_interleaved=int(c.interleaved))
        number = block.split(".")[1]
        shape = ["batch_size", c.key_heads, "past_sequence_length", c.head]
        pasts = [self.input(f"past_key_values.{number}.{kind}", c.past, shape) for kind in ("key", "value")]
        shape[2] = "total_sequence_length"
        presents = [self.output(f"present.{number}.{kind}", c.past, shape) for kind in ("key", "value")]
        if c.rotary == "attention" and c.positions_input:
            inputs.append("position_ids")
        attended = self.node("GroupQueryAttention", [*heads, *pasts, *lengths, *inputs],
                             f"/{block}attn/GroupQueryAttention", [f"/{block}attn/output_0", *presents], MICROSOFT,
                             **attributes)
        return self.linear(attended, block + "attn.o_proj", queries, c.width)

    def forward(self, x, block):
        c = self.c
        gate, up = (self.product(x, f"{block}mlp.{part}_proj", c.width, c.inner) for part in ("gate", "up"))
        act = self.node("Mul", [gate, self.node("Sigmoid", [gate], f"/{block}mlp/Sigmoid")], f"/{block}mlp/Mul")
        return self.product(self.node("Mul", [act, up], f"/{block}mlp/MulUp"), f"{block}mlp.down_proj", c.inner, c.width)

    def build(self):
        c = self.c
        self.input("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        self.input("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])
        if c.positions_input:
            self.input("position_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        self.output("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", c.vocabulary])
        lengths = self.lengths()
        tables = self.rotation() if c.rotary != "none" else ()
        embedding = self.constant("model.embed_tokens.weight", self.normal(c.vocabulary, c.width))
        x, skip = self.node("Gather", [embedding, "input_ids"], "/model/embed_tokens/Gather"), None
        for i in range(c.layers):
            block = f"layers.{i}."
            normed, x = self.norm(x, skip, block + "input_layernorm")
            skip = self.attention(normed, block, lengths, tables)
            normed, x = self.norm(x, skip, block + "post_attention_layernorm")
            skip = self.forward(normed, block)
        normed, _ = self.norm(x, skip, "final_norm")
        logits = self.product(normed, "lm_head", c.width, c.vocabulary)
        if c.cast:
            logits = self.node("Cast", [logits], "/lm_head/Double", to=TensorProto.DOUBLE)
            self.node("Cast", [logits], "/lm_head/Cast", ["logits"], to=TensorProto.FLOAT)
        else:
            self.node("Identity", [logits], "/lm_head/Identity", ["logits"])
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)],
                                 ir_version=9, producer_name="tercet-test")


def build(config):
    return Builder(config).build()


class Session:
    """onnxruntime, a chunk of tokens at a time."""

    def __init__(self, config, model):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.config = config
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                                    providers=["CPUExecutionProvider"])
        kind = np.float16 if config.past == TensorProto.FLOAT16 else np.float32
        self.pasts = {f"past_key_values.{i}.{part}": np.zeros((1, config.key_heads, 0, config.head), kind)
                      for i in range(config.layers) for part in ("key", "value")}
        self.length = 0

    def run(self, tokens):
        """[tokens, vocabulary]"""
        count = len(tokens)
        feeds = {"input_ids": np.array([tokens], np.int64), **self.pasts,
                 "attention_mask": np.ones((1, self.length + count), np.int64)}
        if self.config.positions_input:
            feeds["position_ids"] = np.arange(self.length, self.length + count, dtype=np.int64)[None]
        names = [output.name for output in self.session.get_outputs()]
        results = dict(zip(names, self.session.run(None, feeds)))
        self.pasts = {name: results[name.replace("past_key_values", "present")] for name in self.pasts}
        self.length += count
        return results["logits"][0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[config.name for config in CONFIGS])
    parser.add_argument("-o", dest="output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.output.write_bytes(build(lookup(arguments.name)).SerializeToString())


if __name__ == "__main__":
    sys.exit(main())
