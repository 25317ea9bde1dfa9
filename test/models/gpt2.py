# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A seeded GPT-2 decoder with past keys and values as inputs and present ones as outputs, spelled as the exporter writes
# Hugging Face's GPT2LMHeadModel: Conv1D as Reshape, Gemm, Reshape; one fused qkv projection and Split; the causal mask
# sliced from a constant buffer; GELU by tanh. Below opset 13 the buffer is uint8 and cast, as older versions had it.
# `style` "sdpa" is that of 2024: a mask of lowest floats for all layers, added in scaled_dot_product_attention, which the
# exporter writes with a root of the scale on both sides; "bmm" has batch and heads in one dimension, as OPT. `positions` are an input, "counted" from the past on by Range,
# or "summed" from the attention mask.

import dataclasses
import math

import numpy as np

from graph import FLOAT_LOWEST, Graph


@dataclasses.dataclass
class Config:
    hidden: int = 64
    heads: int = 4
    layers: int = 2
    vocabulary: int = 211
    positions: int = 64
    epsilon: float = 1e-5


class _Weights:
    """Seeded parameters, each made an initializer when first asked for."""

    def __init__(self, g, seed):
        self.g, self.random = g, np.random.RandomState(seed)

    def array(self, *shape, scale=0.1, mean=0.0):
        return (mean + self.random.standard_normal(shape) * scale).astype(np.float32)

    def put(self, name, *shape, **how):
        return self.g.weight(name, self.array(*shape, **how))


def build(config, seed, opset=14, style="eager", positions="input"):
    c, g = config, Graph(opset)
    w = _Weights(g, seed)
    ids = g.input("input_ids", np.int64, ["batch", "sequence"])
    mask = g.input("attention_mask", np.int64, ["batch", "past_sequence + sequence"])
    places = g.input("position_ids", np.int64, ["batch", "sequence"]) if positions == "input" else None
    shape = ["batch", c.heads, "past_sequence", c.hidden // c.heads]
    past = [(g.input(f"past_key_values.{i}.key", np.float32, shape),
             g.input(f"past_key_values.{i}.value", np.float32, shape)) for i in range(c.layers)]

    with g.scope("transformer"):
        words = w.put("transformer.wte.weight", c.vocabulary, c.hidden, scale=0.3)
        with g.scope("wte"):
            x = g.op("Gather", words, ids)
        with g.scope("wpe"):
            places = places or _places(g, positions, mask, g.size(ids, 1), past[0][0])
            x = g.op("Add", x, g.op("Gather", w.put("transformer.wpe.weight", c.positions, c.hidden), places))
        extended = (_mask_padding if style == "eager" else _mask_all)(g, mask, ids, past[0][0])
        presents = []
        for layer in range(c.layers):
            with g.scope(f"h.{layer}"):
                x, present = _block(g, c, w, f"transformer.h.{layer}.", x, extended, past[layer], style)
            presents.append(present)
        x = _norm(g, c, w, "transformer.ln_f", "ln_f", x)
    with g.scope("lm_head"):
        table = next(i for i in g.initializers if i.name == words)
        transposed = np.frombuffer(table.raw_data, np.float32).reshape(c.vocabulary, c.hidden).T
        x = g.op("MatMul", x, g.folded("MatMul", transposed))
    g.output("logits", x, np.float32, ["batch", "sequence", c.vocabulary])
    shape = ["batch", c.heads, "past_sequence + sequence", c.hidden // c.heads]
    for i, (key, value) in enumerate(presents):
        g.output(f"present.{i}.key", key, np.float32, shape)
        g.output(f"present.{i}.value", value, np.float32, shape)
    return g.model()


def _places(g, kind, mask, length, past):
    """[1 or batch, sequence]: positions of the tokens that come in."""
    if kind == "counted":
        before = g.size(past, -2)
        return g.unsqueeze(g.op("Range", before, g.op("Add", before, length), g.constant(1)), 0)
    sums = g.op("Sub", g.op("CumSum", mask, g.constant(-1)), g.constant(1))
    hidden = g.op("Equal", mask, g.constant(0))
    sums = g.op("Where", hidden, g.constant(1), sums)
    return g.slice(sums, g.unsqueeze(g.op("Neg", length), 0), 2**63 - 1, 1)


def _mask_padding(g, mask, ids, past):
    extended = g.op("Cast", g.unsqueeze(g.unsqueeze(mask, 1), 2), to=1)
    extended = g.op("Sub", g.constant(1, np.float32), extended)
    return g.op("Mul", extended, g.constant(FLOAT_LOWEST, np.float32))


def _mask_all(g, mask, ids, past):
    """[batch, 1, sequence, past + sequence], from a comparison of positions and the mask of padding."""
    length, before = g.size(ids, 1), g.size(past, -2)
    total = g.op("Add", before, length)
    rows = g.unsqueeze(g.op("Range", before, total, g.constant(1)), 1)
    columns = g.unsqueeze(g.op("Range", g.constant(0), total, g.constant(1)), 0)
    seen = g.unsqueeze(g.unsqueeze(g.op("LessOrEqual", columns, rows), 0), 1)
    given = g.op("Cast", g.unsqueeze(g.unsqueeze(mask, 1), 2), to=9)
    seen = g.op("And", seen, given)
    return g.op("Where", seen, g.constant(0, np.float32), g.constant(FLOAT_LOWEST, np.float32))


def _norm(g, c, w, name, scope, x):
    return g.layer_norm(scope, x, w.put(name + ".weight", c.hidden, mean=1.0), w.put(name + ".bias", c.hidden),
                        c.epsilon)


def _conv1d(g, w, name, scope, x, inner, outer):
    """x [batch, sequence, inner] -> [batch, sequence, outer], flattened around a Gemm whose weight is [in, out]."""
    with g.scope(*scope.split("/")):
        batch, sequence = g.size(x, 0), g.size(x, 1)
        flat = g.op("Reshape", x, g.constant([-1, inner]))
        flat = g.op("Gemm", flat, w.put(name + ".weight", inner, outer), w.put(name + ".bias", outer),
                    alpha=1.0, beta=1.0)
        return g.reshape(flat, batch, sequence, outer)


def _block(g, c, w, prefix, x, extended, past, style):
    y = _norm(g, c, w, prefix + "ln_1", "ln_1", x)
    y, present = _attention(g, c, w, prefix, y, extended, past, style)
    x = g.op("Add", y, x)
    y = _norm(g, c, w, prefix + "ln_2", "ln_2", x)
    y = _conv1d(g, w, prefix + "mlp.c_fc", "mlp/c_fc", y, c.hidden, 4 * c.hidden)
    with g.scope("mlp", "act"):
        cubed = g.op("Mul", g.constant(0.044715, np.float32), g.op("Pow", y, g.constant(3, np.float32)))
        inner = g.op("Mul", g.op("Add", y, cubed), g.constant(math.sqrt(2 / math.pi), np.float32))
        gate = g.op("Add", g.op("Tanh", inner), g.constant(1, np.float32))
        y = g.op("Mul", g.op("Mul", y, g.constant(0.5, np.float32)), gate)
    y = _conv1d(g, w, prefix + "mlp.c_proj", "mlp/c_proj", y, 4 * c.hidden, c.hidden)
    return g.op("Add", x, y), present


def attend(g, query, key, value, mask):
    """scaled_dot_product_attention as the exporter decomposes it."""
    last = g.slice(g.op("Shape", query), -1, 2**63 - 1, 0)
    scale = g.op("Sqrt", g.op("Div", g.constant(1, np.float32), g.op("Sqrt", g.op("Cast", last, to=1))))
    query = g.op("Mul", query, scale)
    key = g.op("Mul", g.op("Transpose", key, perm=[0, 1, 3, 2]), scale)
    scores = g.op("Add", g.op("MatMul", query, key), g.slice(mask, 0, g.unsqueeze(g.size(value, -2), 0), 3))
    weights = g.op("Softmax", scores, axis=-1)
    # A row that sees nothing has no weights.
    weights = g.op("Where", g.op("IsNaN", weights), g.constant(0, np.float32), weights)
    return g.op("MatMul", weights, value)


def _attention(g, c, w, prefix, x, extended, past, style):
    head = c.hidden // c.heads
    parts = _conv1d(g, w, prefix + "attn.c_attn", "attn/c_attn", x, c.hidden, 3 * c.hidden)
    with g.scope("attn"):
        parts = g.split(parts, [c.hidden] * 3, 2)
        query, key, value = (g.op("Transpose", g.reshape(p, g.size(p, 0), g.size(p, 1), c.heads, head),
                                  perm=[0, 2, 1, 3]) for p in parts)
        key = g.op("Concat", past[0], key, axis=-2)
        value = g.op("Concat", past[1], value, axis=-2)
        if style == "sdpa":
            context = g.op("Transpose", attend(g, query, key, value, extended), perm=[0, 2, 1, 3])
            context = g.reshape(context, g.size(context, 0), g.size(context, 1), c.hidden)
        elif style == "bmm":
            context = _attend_joined(g, c, query, key, value, extended)
        else:
            context = _attend_eager(g, c, w, prefix, query, key, value, extended)
    return _conv1d(g, w, prefix + "attn.c_proj", "attn/c_proj", context, c.hidden, c.hidden), (key, value)


def _attend_joined(g, c, query, key, value, extended):
    """Products of three dimensions; what is hidden is clamped to the lowest number again."""
    head, length = c.hidden // c.heads, g.size(query, -2)
    batch = g.size(query, 0)
    joined = g.op("Mul", batch, g.constant(c.heads))
    query = g.op("Mul", query, g.constant(head ** -0.5, np.float32))
    query, key, value = (g.reshape(x, joined, -1, head) for x in (query, key, value))
    scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 2, 1]))
    scores = g.op("Add", g.reshape(scores, batch, c.heads, length, g.size(key, 1)), extended)
    scores = g.op("Max", scores, g.constant(FLOAT_LOWEST, np.float32))
    weights = g.op("Softmax", g.reshape(scores, joined, length, g.size(key, 1)), axis=-1)
    context = g.reshape(g.op("MatMul", weights, value), batch, c.heads, length, head)
    return g.reshape(g.op("Transpose", context, perm=[0, 2, 1, 3]), batch, length, c.hidden)


def _attend_eager(g, c, w, prefix, query, key, value, extended):
    head = c.hidden // c.heads
    scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 1, 3, 2]))
    scores = g.op("Div", scores, g.constant(math.sqrt(head), np.float32))

    kind = np.bool_ if g.opset >= 13 else np.uint8
    buffer = g.weight(prefix + "attn.bias", np.tril(np.ones((c.positions, c.positions), kind))[None, None])
    total, length = g.size(key, -2), g.size(query, -2)
    first = g.unsqueeze(g.op("Sub", total, length), 0)
    last = g.unsqueeze(total, 0)
    causal = g.slice(g.slice(buffer, first, last, 2), 0, last, 3)
    if kind is np.uint8:
        causal = g.op("Cast", causal, to=9)
    scores = g.op("Where", causal, scores, g.constant(FLOAT_LOWEST, np.float32))
    probabilities = g.op("Softmax", g.op("Add", scores, extended), axis=-1 if g.opset >= 13 else 3)
    context = g.op("Transpose", g.op("MatMul", probabilities, value), perm=[0, 2, 1, 3])
    return g.reshape(context, g.size(context, 0), g.size(context, 1), c.hidden)


def feeds(config, seed, batch, sequence, past):
    random = np.random.RandomState(seed)
    shape = (batch, config.heads, past, config.hidden // config.heads)
    result = {"input_ids": random.randint(0, config.vocabulary, (batch, sequence)),
              "attention_mask": np.ones((batch, past + sequence), np.int64),
              "position_ids": np.tile(np.arange(past, past + sequence), (batch, 1))}
    for layer in range(config.layers):
        for part in ("key", "value"):
            result[f"past_key_values.{layer}.{part}"] = random.standard_normal(shape).astype(np.float32)
    return result
