# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A seeded Llama decoder with grouped-query attention and past keys and values, spelled as the exporter writes Hugging
# Face's LlamaForCausalLM: RMSNorm as Pow/ReduceMean/Add/Sqrt/Div or Reciprocal/Mul, rotary embedding by rotate-half
# with slices at half of a computed size, repeat_kv by Unsqueeze/Expand/Reshape, SwiGLU, mask built from the shapes.
# `style` "range" is the mask and the cos/sin tables of 2023 (Range, Less, Where; Gather), "trilu" that of 2024 (Trilu
# over a full matrix; angles computed from inverse frequencies), "sdpa" the same with the assignment to a part of the mask
# (ScatterND) and scaled_dot_product_attention. With `bias` queries, keys and values have one, as Qwen2's; with `window` a
# token sees that many keys, as Mistral's.

import dataclasses
import math

import numpy as np
from onnx import numpy_helper

from graph import FLOAT_LOWEST, Graph
from gpt2 import _Weights, attend
from gpt2 import feeds as gpt2_feeds


@dataclasses.dataclass
class Config:
    hidden: int = 64
    heads: int = 4
    kv_heads: int = 2
    layers: int = 2
    intermediate: int = 172
    vocabulary: int = 199
    positions: int = 64
    epsilon: float = 1e-6
    theta: float = 10000.0
    bias: bool = False
    window: int = 0

    @property
    def head(self):
        return self.hidden // self.heads


def build(config, seed, opset=14, style="range"):
    c, g = config, Graph(opset)
    w = _Weights(g, seed)
    ids = g.input("input_ids", np.int64, ["batch", "sequence"])
    mask = g.input("attention_mask", np.int64, ["batch", "past_sequence + sequence"])
    positions = g.input("position_ids", np.int64, ["batch", "sequence"])
    shape = ["batch", c.kv_heads, "past_sequence", c.head]
    past = [(g.input(f"past_key_values.{i}.key", np.float32, shape),
             g.input(f"past_key_values.{i}.value", np.float32, shape)) for i in range(c.layers)]
    presents = []
    with g.scope("model"):
        with g.scope("embed_tokens"):
            x = g.op("Gather", w.put("model.embed_tokens.weight", c.vocabulary, c.hidden, scale=0.5), ids)
        length, before = g.size(ids, 1), g.size(past[0][0], 2)
        masks = {"range": _mask_range, "trilu": _mask_trilu, "sdpa": _mask_assigned}
        extended = masks[style](g, c, mask, ids, length, before)
        angles = _angles_computed(g, c, positions) if style != "range" else None
        for layer in range(c.layers):
            with g.scope(f"layers.{layer}"):
                x, present = _block(g, c, w, f"model.layers.{layer}.", x, extended, positions, angles, past[layer],
                                    style)
            presents.append(present)
        x = _norm(g, c, w, "model.norm", "norm", x, style)
    x = g.linear("lm_head", x, w.array(c.vocabulary, c.hidden))
    g.output("logits", x, np.float32, ["batch", "sequence", c.vocabulary])
    shape = ["batch", c.kv_heads, "past_sequence + sequence", c.head]
    for i, (key, value) in enumerate(presents):
        g.output(f"present.{i}.key", key, np.float32, shape)
        g.output(f"present.{i}.value", value, np.float32, shape)
    return g.model()


def _full(g, value, *dims):
    return g.op("ConstantOfShape", g.shape_list(*dims), value=numpy_helper.from_array(np.array([value], np.float32)))


def _mask_range(g, c, mask, ids, length, before):
    """[batch, 1, sequence, past + sequence]: the lowest float where attention is forbidden, else 0."""
    lowest = g.constant(FLOAT_LOWEST, np.float32)
    column = g.op("Range", g.constant(0), length, g.constant(1))
    row = g.op("Reshape", g.op("Add", column, g.constant(1)), g.shape_list(length, 1))
    causal = g.op("Where", g.op("Less", column, row), g.constant(0, np.float32),
                  _full(g, FLOAT_LOWEST, length, length))
    causal = g.op("Concat", _full(g, 0.0, length, before), causal, axis=-1)
    total = g.op("Add", length, before)
    causal = g.expand(g.unsqueeze(g.unsqueeze(causal, 0), 1), g.size(ids, 0), 1, length, total)
    given = g.expand(g.unsqueeze(g.unsqueeze(mask, 1), 2), g.size(ids, 0), 1, length, g.size(mask, 1))
    hidden = g.op("Sub", g.constant(1, np.float32), g.op("Cast", given, to=1))
    return g.op("Add", g.op("Where", g.op("Cast", hidden, to=9), lowest, hidden), causal)


def _mask_trilu(g, c, mask, ids, length, before):
    total = g.size(mask, 1)
    place = g.op("Range", before, g.op("Add", before, length), g.constant(1))
    causal = g.op("Trilu", _full(g, FLOAT_LOWEST, length, total), g.constant(1), upper=1)
    later = g.op("Greater", g.op("Range", g.constant(0), total, g.constant(1)),
                 g.op("Reshape", place, g.constant([-1, 1])))
    causal = g.op("Mul", causal, g.op("Cast", later, to=1))
    causal = g.expand(g.unsqueeze(g.unsqueeze(causal, 0), 1), g.size(ids, 0), 1, -1, -1)
    given = g.op("Cast", g.unsqueeze(g.unsqueeze(mask, 1), 2), to=1)
    empty = g.op("Equal", g.op("Add", causal, given), g.constant(0, np.float32))
    return g.op("Where", empty, g.constant(FLOAT_LOWEST, np.float32), causal)


def _mask_assigned(g, c, mask, ids, length, before):
    """As Transformers' mask by cache positions; a part of it is assigned, by indices of every element."""
    total = g.size(mask, 1)
    place = g.op("Range", before, g.op("Add", before, length), g.constant(1))
    columns = g.op("Range", g.constant(0), total, g.constant(1))
    hidden = g.op("Greater", columns, g.op("Reshape", place, g.constant([-1, 1])))
    if c.window:
        early = g.op("Sub", g.op("Reshape", place, g.constant([-1, 1])), g.constant(c.window))
        hidden = g.op("Or", hidden, g.op("LessOrEqual", columns, early))
    causal = g.op("Mul", _full(g, FLOAT_LOWEST, length, total), g.op("Cast", hidden, to=1))
    causal = g.expand(g.unsqueeze(g.unsqueeze(causal, 0), 1), g.size(ids, 0), 1, -1, -1)
    given = g.op("Cast", g.unsqueeze(g.unsqueeze(mask, 1), 2), to=1)
    part = g.slice(causal, 0, g.unsqueeze(g.size(mask, -1), 0), 3)
    empty = g.op("Equal", g.op("Add", part, given), g.constant(0, np.float32))
    part = g.op("Where", empty, g.constant(FLOAT_LOWEST, np.float32), part)
    indices = []
    for i in range(4):
        every = g.op("Range", g.constant(0), g.size(causal, i), g.constant(1))
        if i == 3:
            every = g.slice(every, 0, g.unsqueeze(g.size(mask, -1), 0), 0)
        indices.append(g.op("Reshape", every, g.constant([-1] + [1] * (3 - i))))
    grid = g.op("Shape", g.op("Add", g.op("Add", g.op("Add", indices[0], indices[1]), indices[2]), indices[3]))
    indices = g.op("Concat", *[g.unsqueeze(g.op("Expand", index, grid), -1) for index in indices], axis=-1)
    rest = g.slice(g.op("Shape", causal), 4, 2**63 - 1, 0)
    part = g.op("Reshape", part, g.op("Concat", grid, rest, axis=0))
    return g.op("ScatterND", causal, indices, part)


def _frequencies(c):
    return 1.0 / c.theta ** (np.arange(0, c.head, 2, dtype=np.float64) / c.head)


def _angles_computed(g, c, positions):
    with g.scope("rotary_emb"):
        inverse = g.folded("Expand", _frequencies(c).astype(np.float32)[None, :, None])
        inverse = g.expand(inverse, g.size(positions, 0), -1, 1)
        product = g.op("MatMul", inverse, g.op("Cast", g.unsqueeze(positions, 1), to=1))
        product = g.op("Transpose", product, perm=[0, 2, 1])
        both = g.op("Concat", product, product, axis=-1)
        return g.unsqueeze(g.op("Cos", both), 1), g.unsqueeze(g.op("Sin", both), 1)


def _angles_table(g, c, prefix, positions, total):
    with g.scope("rotary_emb"):
        angles = np.outer(np.arange(c.positions), _frequencies(c))
        angles = np.concatenate([angles, angles], axis=-1)
        result = []
        for name, table in (("cos", np.cos(angles)), ("sin", np.sin(angles))):
            table = g.weight(f"{prefix}rotary_emb.{name}_cached", table.astype(np.float32))
            table = g.slice(table, 0, g.unsqueeze(total, 0), 0)
            result.append(g.unsqueeze(g.op("Gather", table, positions), 1))
        return result


def _rotate(g, x, cos, sin):
    half = g.op("Div", g.size(x, -1), g.constant(2))
    half = g.unsqueeze(g.op("Cast", g.op("Cast", half, to=7), to=7), 0)
    turned = g.op("Concat", g.op("Neg", g.slice(x, half, 2**63 - 1, 3)), g.slice(x, 0, half, 3), axis=-1)
    return g.op("Add", g.op("Mul", x, cos), g.op("Mul", turned, sin))


def _norm(g, c, w, name, scope, x, style):
    with g.scope(scope):
        squared = g.op("Pow", x, g.constant(2, np.float32))
        mean = g.reduce("ReduceMean", squared, [-1])
        root = g.op("Sqrt", g.op("Add", mean, g.constant(c.epsilon, np.float32)))
        if style == "range":
            normal = g.op("Mul", x, g.op("Div", g.constant(1, np.float32), root))
        else:
            normal = g.op("Mul", x, g.op("Reciprocal", root))
        return g.op("Mul", w.put(name + ".weight", c.hidden, mean=1.0), normal)


def _block(g, c, w, prefix, x, extended, positions, angles, past, style):
    y = _norm(g, c, w, prefix + "input_layernorm", "input_layernorm", x, style)
    y, present = _attention(g, c, w, prefix, y, extended, positions, angles, past, style)
    x = g.op("Add", x, y)
    y = _norm(g, c, w, prefix + "post_attention_layernorm", "post_attention_layernorm", x, style)
    gate = g.linear("mlp/gate_proj", y, w.array(c.intermediate, c.hidden))
    with g.scope("mlp", "act_fn"):
        gate = g.op("Mul", gate, g.op("Sigmoid", gate))
    up = g.linear("mlp/up_proj", y, w.array(c.intermediate, c.hidden))
    with g.scope("mlp"):
        y = g.op("Mul", gate, up)
    return g.op("Add", x, g.linear("mlp/down_proj", y, w.array(c.hidden, c.intermediate))), present


def _attention(g, c, w, prefix, x, extended, positions, angles, past, style):
    def project(name, heads):
        bias = w.array(heads * c.head) if c.bias else None
        y = g.linear(f"self_attn/{name}_proj", x, w.array(heads * c.head, c.hidden), bias,
                     f"{prefix}self_attn.{name}_proj.bias")
        with g.scope("self_attn"):
            y = g.reshape(y, g.size(x, 0), g.size(x, 1), heads, c.head)
            return g.op("Transpose", y, perm=[0, 2, 1, 3])

    query, key, value = project("q", c.heads), project("k", c.kv_heads), project("v", c.kv_heads)
    with g.scope("self_attn"):
        total = g.op("Add", g.size(key, -2), g.size(past[0], -2))
        cos, sin = angles or _angles_table(g, c, prefix + "self_attn.", positions, total)
        query, key = _rotate(g, query, cos, sin), _rotate(g, key, cos, sin)
        present = key, value = g.op("Concat", past[0], key, axis=-2), g.op("Concat", past[1], value, axis=-2)
        key, value = _repeat(g, c, key), _repeat(g, c, value)
        if style == "sdpa":
            context = attend(g, query, key, value, extended)
        else:
            scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 1, 3, 2]))
            scores = g.op("Div", scores, g.constant(math.sqrt(c.head), np.float32))
            context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, extended), axis=-1), value)
        context = g.op("Transpose", context, perm=[0, 2, 1, 3])
        context = g.reshape(context, g.size(x, 0), g.size(x, 1), c.hidden)
    return g.linear("self_attn/o_proj", context, w.array(c.hidden, c.hidden)), present


def _repeat(g, c, x):
    """Each key or value head once per query head of its group."""
    batch, length = g.size(x, 0), g.size(x, 2)
    wide = g.expand(g.unsqueeze(x, 2), batch, c.kv_heads, c.heads // c.kv_heads, length, c.head)
    return g.reshape(wide, batch, c.heads, length, c.head)


def feeds(config, seed, batch, sequence, past):
    """As GPT-2's, with keys and values for the smaller number of heads."""
    result = gpt2_feeds(config, seed, batch, sequence, past)
    return {k: v[:, :config.kv_heads] if k.startswith("past") else v for k, v in result.items()}
