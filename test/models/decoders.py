# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tiny seeded decoder-only language models of every family that is imported, as GGUF files, and their logits by NumPy in
# double precision. Weights are made in the order in which the families' own code has them; the file gets them as their
# converter writes them (rows of queries and keys rearranged for some families, blocks of a quantised type); the forward
# pass uses the floats that the file's blocks stand for, as the gguf package decodes them.
#
#   python decoders.py NAME -o FILE.gguf     writes one model

import argparse
import dataclasses
import fnmatch
import math
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize


@dataclasses.dataclass
class Config:
    name: str
    family: str = "llama"
    width: int = 64
    layers: int = 2
    heads: int = 4
    key_heads: int = 2
    head: int = 16
    inner: int = 128
    vocabulary: int = 96
    positions: int = 64
    norm: str = "rms"
    norm_bias: bool = False
    epsilon: float = 1e-5
    # rope: the first `rotated` dimensions of a head, in halves or neighbours; alibi; learned
    position: str = "halves"
    rotated: int = 0
    theta: float = 10000.0
    scaling: dict = dataclasses.field(default_factory=dict)
    window: int = 0
    max_bias: float = 0.0
    bias: tuple = ()            # which of qkv, output, forward have one
    joined: bool = False        # query, key and value are one tensor
    head_norms: bool = False
    forward: str = "gated"      # gated, joined (gate above up), plain
    activation: str = "silu"
    residual: str = "sequential"  # parallel (one norm), parallel2 (two norms)
    own_norm: bool = False      # attention has a norm of its own in `parallel`
    tied: bool = True
    scales: tuple = (1.0, 1.0, 1.0)  # of embeddings, of what is added, of the states before the head
    # Types of tensors by pattern, the last that matches
    types: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.rotated = self.rotated or self.head


# Families whose converter rearranges the rows of queries and keys from halves to neighbours.
REARRANGED = ("llama", "baichuan", "minicpm")
NEOX = dict(family="gptneox", norm="layer", norm_bias=True, key_heads=4, rotated=4, joined=True, forward="plain",
            activation="gelu_erf", bias=("qkv", "output", "forward"), tied=False)
GPT2 = dict(norm="layer", norm_bias=True, position="learned", joined=True, forward="plain", activation="gelu_tanh",
            bias=("qkv", "output", "forward"))

CONFIGS = [
    Config("llama-f32"),
    Config("llama-f16", types={"*": T.F16}),
    Config("llama-bf16", types={"*": T.BF16}, tied=False),
    Config("llama-q8_0", types={"*": T.Q8_0}, tied=False),
    Config("llama-q4_0", types={"*": T.Q4_0, "token_embd": T.Q8_0}),
    Config("llama-3", theta=500000.0, key_heads=1, scaling={"llama3": (8.0, 1.0, 4.0, 32)}),
    Config("llama-linear", scaling={"linear": 4.0}),
    Config("llama-yarn", scaling={"yarn": (4.0, 16)}),
    Config("llama-mixed", width=256, heads=4, key_heads=4, head=64, inner=512, layers=1,
           types={"*": T.Q4_K, "*attn_v": T.Q6_K, "*ffn_down": T.Q6_K, "token_embd": T.Q5_0, "*attn_output": T.Q5_K,
                  "*ffn_up": T.Q3_K, "*ffn_gate": T.Q2_K}),
    Config("llama-blocks", types={"*": T.Q4_1, "*attn_q": T.Q5_1, "*ffn_down": T.Q5_0, "*ffn_up": T.MXFP4,
                                  "*ffn_gate": T.Q8_0}),
    Config("mistral", window=8, tied=False),
    Config("qwen2", family="qwen2", theta=1e6, epsilon=1e-6, bias=("qkv",), types={"*": T.Q8_0}),
    Config("qwen2-q4_0", family="qwen2", theta=1e6, epsilon=1e-6, bias=("qkv",), types={"*": T.Q4_0}),
    Config("qwen3", family="qwen3", theta=1e6, epsilon=1e-6, head=32, head_norms=True),
    Config("phi3", family="phi3", key_heads=4, joined=True, forward="joined", window=8, tied=False),
    Config("phi3-long", family="phi3", joined=True, forward="joined", tied=False, scaling={"longrope": (1.1, 16)}),
    Config("baichuan", family="baichuan", key_heads=4, tied=False),
    Config("baichuan-alibi", family="baichuan", key_heads=4, position="alibi", max_bias=8.0, tied=False),
    Config("minicpm", family="minicpm", key_heads=4, scales=(12.0, 1.4 / math.sqrt(2), 1 / 9.0)),
    Config("chatglm", family="chatglm", position="neighbours", rotated=8, joined=True, forward="joined",
           bias=("qkv",), tied=False),
    Config("falcon", family="falcon", norm="layer", norm_bias=True, key_heads=1, joined=True, forward="plain",
           activation="gelu_erf", residual="parallel"),
    Config("falcon-two-norms", family="falcon", norm="layer", norm_bias=True, joined=True, forward="plain",
           activation="gelu_erf", residual="parallel", own_norm=True),
    Config("mpt", family="mpt", norm="layer", width=96, heads=6, key_heads=6, position="alibi", max_bias=8.0,
           joined=True, forward="plain", activation="gelu_erf"),
    Config("gptneox", residual="parallel2", **NEOX),
    Config("gptneox-sequential", **{**NEOX, "rotated": 16}),
    Config("starcoder", family="starcoder", key_heads=1, **GPT2),
    Config("gpt2", family="gpt2", key_heads=4, **GPT2),
    Config("starcoder2", family="starcoder2", norm="layer", norm_bias=True, forward="plain", activation="gelu_tanh",
           bias=("qkv", "output", "forward")),
]


def lookup(name):
    return next(config for config in CONFIGS if config.name == name)


class Model:
    """Weights by the names of GGUF, in f32 as their stored form decodes, in the order of the family's own code."""

    def __init__(self, config, seed=1):
        self.config = c = config
        self.random = np.random.default_rng(seed)
        self.floats, self.stored, self.kinds = {}, {}, {}
        self.matrix("token_embd", c.vocabulary, c.width, scale=1.0)
        if c.position == "learned":
            self.put("position_embd.weight", self.normal(c.positions, c.width, scale=0.3))
        for i in range(c.layers):
            self.block(f"blk.{i}.")
        self.norm("output_norm", c.width)
        if not c.tied:
            self.matrix("output", c.vocabulary, c.width)
        self.factors()

    def normal(self, *shape, scale=1.0, mean=0.0):
        return (mean + scale * self.random.standard_normal(shape)).astype(np.float32)

    def put(self, name, values):
        self.floats[name], self.stored[name], self.kinds[name] = values, values, T.F32

    def norm(self, name, size):
        self.put(name + ".weight", self.normal(size, scale=0.2, mean=1.0))
        if self.config.norm_bias:
            self.put(name + ".bias", self.normal(size, scale=0.1))

    def matrix(self, name, rows, columns, bias=False, scale=None, order=None):
        """`order` gives the rows of the file from those of the model."""
        values = self.normal(rows, columns, scale=scale or columns ** -0.5)
        kind = T.F32
        for pattern, type_ in self.config.types.items():
            if fnmatch.fnmatch(name, pattern):
                kind = type_
        stored = encode(values, kind, self.random)
        full = name + ".weight"
        self.floats[full] = dequantize(stored, kind) if kind not in (T.F32, T.F16) else stored.astype(np.float32)
        self.stored[full], self.kinds[full] = stored if order is None else stored[order], kind
        if bias:
            values = self.normal(rows, scale=0.2)
            self.put(name + ".bias", values)
            if order is not None:
                self.stored[name + ".bias"] = values[order]

    def block(self, block):
        c = self.config
        if c.own_norm:
            self.norm(block + "attn_norm_2", c.width)
        self.norm(block + "attn_norm", c.width)
        if c.residual != "parallel":
            self.norm(block + "ffn_norm", c.width)
        queries, keys, bias = c.heads * c.head, c.key_heads * c.head, "qkv" in c.bias
        if c.joined:
            self.matrix(block + "attn_qkv", queries + 2 * keys, c.width, bias)
        else:
            order = rearranged if c.family in REARRANGED else (lambda heads, head: None)
            self.matrix(block + "attn_q", queries, c.width, bias, order=order(c.heads, c.head))
            self.matrix(block + "attn_k", keys, c.width, bias, order=order(c.key_heads, c.head))
            self.matrix(block + "attn_v", keys, c.width, bias)
        if c.head_norms:
            for name in ("attn_q_norm", "attn_k_norm"):
                self.norm(block + name, c.head)
        self.matrix(block + "attn_output", c.width, queries, "output" in c.bias)
        bias = "forward" in c.bias
        if c.forward == "gated":
            self.matrix(block + "ffn_gate", c.inner, c.width, bias)
        self.matrix(block + "ffn_up", c.inner * (2 if c.forward == "joined" else 1), c.width, bias)
        self.matrix(block + "ffn_down", c.width, c.inner, bias)

    def factors(self):
        c = self.config
        half = c.rotated // 2
        if "llama3" in c.scaling:
            self.put("rope_freqs.weight", llama3_factors(c, *c.scaling["llama3"]).astype(np.float32))
        if "longrope" in c.scaling:
            for name, low in (("long", 2.0), ("short", 1.0)):
                self.put(f"rope_factors_{name}.weight", np.linspace(low, low + 3, half, dtype=np.float32))

    def has_blocks(self):
        return any(kind not in (T.F32, T.F16, T.BF16) for kind in self.kinds.values())

    # --- the file ---------------------------------------------------------------------------------------------------
    def metadata(self, w):
        c = self.config
        w.add_context_length(c.positions)
        w.add_embedding_length(c.width)
        w.add_block_count(c.layers)
        w.add_feed_forward_length(c.inner)
        w.add_head_count(c.heads)
        w.add_head_count_kv(c.key_heads)
        if c.head * c.heads != c.width:
            w.add_key_length(c.head)
            w.add_value_length(c.head)
        (w.add_layer_norm_rms_eps if c.norm == "rms" else w.add_layer_norm_eps)(c.epsilon)
        if c.position in ("halves", "neighbours"):
            w.add_rope_dimension_count(c.rotated)
            w.add_rope_freq_base(c.theta)
        if c.max_bias:
            w.add_max_alibi_bias(c.max_bias)
        if c.window:
            w.add_sliding_window(c.window)
        if "linear" in c.scaling:
            w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            w.add_rope_scaling_factor(c.scaling["linear"])
        if "yarn" in c.scaling:
            w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            w.add_rope_scaling_factor(c.scaling["yarn"][0])
            w.add_rope_scaling_orig_ctx_len(c.scaling["yarn"][1])
        if "longrope" in c.scaling:
            w.add_rope_scaling_attn_factors(c.scaling["longrope"][0])
            w.add_rope_scaling_orig_ctx_len(c.scaling["longrope"][1])
        if c.family == "gptneox":
            w.add_parallel_residual(c.residual == "parallel2")
        if c.family == "minicpm":
            w.add_embedding_scale(c.scales[0])
            w.add_residual_scale(c.scales[1])
            w.add_logit_scale(1 / c.scales[2])

    def write(self, path, most_tensors=0, numbers_only=False):
        """In parts of so many tensors, named PATH-00001-of-0000N.gguf, unless that is 0. With `numbers_only` the file says
        that its tokens have no texts, which some readers want to be told."""
        w = gguf.GGUFWriter(path, self.config.family, split_max_tensors=most_tensors)
        self.metadata(w)
        if numbers_only:
            w.add_tokenizer_model("no_vocab")
            w.add_vocab_size(self.config.vocabulary)
        for name, values in self.stored.items():
            kind = self.kinds[name]
            w.add_tensor(name, values, raw_dtype=None if kind in (T.F32, T.F16) else kind)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()

    # --- the forward pass -------------------------------------------------------------------------------------------
    def logits(self, tokens):
        """[tokens, vocabulary] in f64 for a sequence from position 0."""
        c = self.config
        x = self.w("token_embd.weight")[tokens] * c.scales[0]
        if c.position == "learned":
            x = x + self.w("position_embd.weight")[:len(tokens)]
        for i in range(c.layers):
            block = f"blk.{i}."
            first = self.normalised(x, block + ("attn_norm_2" if c.own_norm else "attn_norm"))
            attended = self.attention(first, block)
            if c.residual == "sequential":
                x = x + c.scales[1] * attended
                x = x + c.scales[1] * self.forward(self.normalised(x, block + "ffn_norm"), block)
            else:
                second = self.normalised(x, block + ("ffn_norm" if c.residual == "parallel2" else "attn_norm"))
                x = x + attended + self.forward(second, block)
        x = self.normalised(x, "output_norm") * c.scales[2]
        return x @ self.w(("token_embd" if c.tied else "output") + ".weight").T

    def w(self, name):
        return self.floats[name].astype(np.float64)

    def linear(self, x, name):
        y = x @ self.w(name + ".weight").T
        return y + self.w(name + ".bias") if name + ".bias" in self.floats else y

    def normalised(self, x, name):
        c = self.config
        if c.norm == "layer":
            x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + c.epsilon) * self.w(name + ".weight")
        return x + self.w(name + ".bias") if c.norm_bias else x

    def attention(self, x, block):
        c, n = self.config, len(x)
        if c.joined:
            y = self.linear(x, block + "attn_qkv")
            q, k, v = np.split(y, [c.heads * c.head, (c.heads + c.key_heads) * c.head], axis=1)
        else:
            q, k, v = (self.linear(x, block + name) for name in ("attn_q", "attn_k", "attn_v"))
        q, k, v = (y.reshape(n, -1, c.head) for y in (q, k, v))
        if c.head_norms:
            q, k = self.normalised(q, block + "attn_q_norm"), self.normalised(k, block + "attn_k_norm")
        if c.position in ("halves", "neighbours"):
            q, k = self.turned(q), self.turned(k)
        k, v = (np.repeat(y, c.heads // c.key_heads, axis=1) for y in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(c.head)
        at, before = np.arange(n)[:, None], np.arange(n)[None, :]
        if c.position == "alibi":
            scores = scores + slopes(c)[:, None, None] * (before - at)
        hidden = before > at
        if c.window:
            hidden |= before <= at - c.window
        scores = np.where(hidden, -np.inf, scores)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return self.linear(np.einsum("hqk,khd->qhd", weights, v).reshape(n, -1), block + "attn_output")

    def turned(self, x):
        c, half = self.config, self.config.rotated // 2
        frequencies = c.theta ** (-np.arange(half) * 2.0 / c.rotated)
        scale = 1.0
        if "llama3" in c.scaling:
            frequencies = frequencies / self.w("rope_freqs.weight")
        if "linear" in c.scaling:
            frequencies = frequencies / c.scaling["linear"]
        if "yarn" in c.scaling:
            frequencies, scale = yarn(c, frequencies, *c.scaling["yarn"])
        if "longrope" in c.scaling:
            scale, original = c.scaling["longrope"]
            name = "long" if c.positions > original else "short"
            frequencies = frequencies / self.w(f"rope_factors_{name}.weight")
        angles = np.arange(len(x))[:, None, None] * frequencies
        cos, sin = np.cos(angles) * scale, np.sin(angles) * scale
        y = x.copy()
        first, second = ((np.s_[..., :half], np.s_[..., half:2 * half]) if c.position == "halves" else
                         (np.s_[..., 0:2 * half:2], np.s_[..., 1:2 * half:2]))
        y[first] = x[first] * cos - x[second] * sin
        y[second] = x[second] * cos + x[first] * sin
        return y

    def forward(self, x, block):
        c = self.config
        y = self.linear(x, block + "ffn_up")
        if c.forward == "plain":
            y = activation(c.activation, y)
        elif c.forward == "joined":
            y = activation(c.activation, y[:, :c.inner]) * y[:, c.inner:]
        else:
            y = activation(c.activation, self.linear(x, block + "ffn_gate")) * y
        return self.linear(y, block + "ffn_down")


def rearranged(heads, head):
    """Which row of the model each row of the file is: pairs i, i + head/2 become neighbours."""
    return np.arange(heads * head).reshape(heads, 2, head // 2).swapaxes(1, 2).reshape(-1)


# Bytes of a K-quant's block and where its f16 scales lie.
SUPERBLOCKS = {T.Q2_K: (84, (80, 82)), T.Q3_K: (110, (108,)), T.Q4_K: (144, (0, 2)), T.Q5_K: (176, (0, 2)),
               T.Q6_K: (210, (208,))}


def encode(values, kind, random):
    if kind == T.F32:
        return values
    if kind == T.F16:
        return values.astype(np.float16)
    if kind not in SUPERBLOCKS:
        return quantize(values, kind)
    # The package decodes these but does not make them: random blocks, with scales that keep the weights' size.
    size, scales = SUPERBLOCKS[kind]
    rows, blocks = values.shape[0], values.shape[1] // 256
    raw = random.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    for at in scales:
        raw[:, :, at:at + 2] = np.float16(1e-3).view(np.uint16).astype("<u2").reshape(1).view(np.uint8)
    raw = raw.reshape(rows, blocks * size)
    deviation = dequantize(raw, kind).std()
    factor = np.float16(1e-3 * values.std() / deviation)
    raw = raw.reshape(rows, blocks, size)
    for at in scales:
        raw[:, :, at:at + 2] = np.array([factor], "<f2").view(np.uint8)
    return raw.reshape(rows, blocks * size)


def llama3_factors(c, factor, low, high, original):
    frequencies = c.theta ** (-np.arange(c.rotated // 2) * 2.0 / c.rotated)
    result = []
    for frequency in frequencies:
        wavelength = 2 * math.pi / frequency
        if wavelength < original / high:
            result.append(1.0)
        elif wavelength > original / low:
            result.append(factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            result.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(result)


def yarn(c, frequencies, factor, original):
    def dimension(rotations):
        return c.rotated * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(c.theta))

    low, high = max(math.floor(dimension(32)), 0), min(math.ceil(dimension(1)), c.rotated - 1)
    kept = 1 - np.clip((np.arange(c.rotated // 2) - low) / max(high - low, 0.001), 0, 1)
    return frequencies * kept + frequencies / factor * (1 - kept), 0.1 * math.log(factor) + 1


def slopes(c):
    power = 2 ** math.ceil(math.log2(c.heads))
    m = 2.0 ** (-np.arange(1, power + 1) * c.max_bias / power)
    return m if power == c.heads else np.concatenate([m[1::2], m[::2]])[:c.heads]


def activation(kind, x):
    if kind == "silu":
        return x / (1 + np.exp(-x))
    if kind == "gelu_tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[config.name for config in CONFIGS])
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    Model(lookup(arguments.name), arguments.seed).write(arguments.output)


if __name__ == "__main__":
    sys.exit(main())
