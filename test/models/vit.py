# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A seeded Vision Transformer classifier, spelled as the exporter writes Hugging Face's ViTForImageClassification:
# patches by a strided Conv, Reshape from computed shapes and Transpose, an expanded class token in front, learned
# positions, pre-norm encoder blocks, and a Gemm on the class token.

import dataclasses
import math

import numpy as np

from gpt2 import _Weights
from graph import Graph


@dataclasses.dataclass
class Config:
    hidden: int = 64
    heads: int = 4
    layers: int = 2
    intermediate: int = 144
    height: int = 64
    width: int = 64
    patch: int = 16
    classes: int = 10
    epsilon: float = 1e-12


def build(config, seed, opset=14):
    c, g = config, Graph(opset)
    w = _Weights(g, seed)
    pixels = g.input("pixel_values", np.float32, ["batch", 3, c.height, c.width])
    x = _embed(g, c, w, pixels)
    for layer in range(c.layers):
        x = _block(g, c, w, f"vit.encoder.layer.{layer}.", x)
    x = _norm(g, c, w, "vit.layernorm", x)
    x = g.op("Gather", x, g.constant(0), axis=1)
    with g.scope("classifier"):
        x = g.op("Gemm", x, w.put("classifier.weight", c.classes, c.hidden), w.put("classifier.bias", c.classes),
                 alpha=1.0, beta=1.0, transB=1)
    g.output("logits", x, np.float32, ["batch", c.classes])
    return g.model()


def _scope(name):
    """`vit.encoder.layer.0.output` as scopes; a layer keeps its number: `layer.0`."""
    return name.replace(".", "/").replace("layer/", "layer.")


def _norm(g, c, w, name, x):
    return g.layer_norm(_scope(name), x, w.put(name + ".weight", c.hidden, mean=1.0), w.put(name + ".bias", c.hidden),
                        c.epsilon)


def _linear(g, w, name, x, inner, outer):
    return g.linear(_scope(name), x, w.array(outer, inner), w.array(outer), name + ".bias")


def _embed(g, c, w, pixels):
    p = "vit.embeddings."
    tokens = (c.height // c.patch) * (c.width // c.patch) + 1
    with g.scope("vit", "embeddings"):
        batch = g.size(pixels, 0)
        with g.scope("patch_embeddings"):
            with g.scope("projection"):
                x = g.op("Conv", pixels, w.put(p + "patch_embeddings.projection.weight", c.hidden, 3, c.patch, c.patch),
                         w.put(p + "patch_embeddings.projection.bias", c.hidden), dilations=[1, 1], group=1,
                         kernel_shape=[c.patch] * 2, pads=[0] * 4, strides=[c.patch] * 2)
            leading = g.slice(g.op("Shape", x), 0, 2, 0)
            x = g.op("Reshape", x, g.op("Concat", leading, g.constant([-1]), axis=0))
            x = g.op("Transpose", x, perm=[0, 2, 1])
        token = g.expand(w.put(p + "cls_token", 1, 1, c.hidden), batch, -1, -1)
        x = g.op("Concat", token, x, axis=1)
        return g.op("Add", x, w.put(p + "position_embeddings", 1, tokens, c.hidden))


def _block(g, c, w, p, x):
    y = _norm(g, c, w, p + "layernorm_before", x)
    y = _attention(g, c, w, p, y)
    y = _linear(g, w, p + "attention.output.dense", y, c.hidden, c.hidden)
    with g.scope(*_scope(p[:-1]).split("/")):
        x = g.op("Add", y, x)
    y = _norm(g, c, w, p + "layernorm_after", x)
    y = _linear(g, w, p + "intermediate.dense", y, c.hidden, c.intermediate)
    y = g.gelu(_scope(p + "intermediate.intermediate_act_fn"), y)
    y = _linear(g, w, p + "output.dense", y, c.intermediate, c.hidden)
    with g.scope(*_scope(p + "output").split("/")):
        return g.op("Add", y, x)


def _attention(g, c, w, p, x):
    head = c.hidden // c.heads
    scope = _scope(p + "attention.attention")

    def project(name, perm):
        y = _linear(g, w, f"{p}attention.attention.{name}", x, c.hidden, c.hidden)
        with g.scope(*scope.split("/")):
            return g.op("Transpose", g.reshape(y, g.size(y, 0), g.size(y, 1), c.heads, head), perm=perm)

    query, key, value = project("query", [0, 2, 1, 3]), project("key", [0, 2, 3, 1]), project("value", [0, 2, 1, 3])
    with g.scope(*scope.split("/")):
        scores = g.op("Div", g.op("MatMul", query, key), g.constant(math.sqrt(head), np.float32))
        probabilities = g.op("Softmax", scores, axis=-1 if g.opset >= 13 else 3)
        context = g.op("Transpose", g.op("MatMul", probabilities, value), perm=[0, 2, 1, 3])
        return g.reshape(context, g.size(context, 0), g.size(context, 1), c.hidden)


def feeds(config, seed, batch):
    random = np.random.RandomState(seed)
    return {"pixel_values": random.standard_normal((batch, 3, config.height, config.width)).astype(np.float32)}
