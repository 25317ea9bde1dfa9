# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# BERT's encoder as an ONNX graph, operator for operator as PyTorch's exporter writes Hugging Face's BertModel, and the
# same network once more in plain numpy (float64 accumulation is the caller's choice of dtype) as an independent check.
# `weights` maps BertModel's parameter names to arrays, so MiniLM's own file and a seeded random one serve alike.
# `attention` is "eager" (divide by sqrt(head)) or "sdpa" (both operands scaled by its fourth root, from a shape).

import dataclasses
import math

import numpy as np

from graph import FLOAT_LOWEST, Graph


@dataclasses.dataclass
class Config:
    hidden: int = 384
    heads: int = 12
    layers: int = 6
    intermediate: int = 1536
    vocabulary: int = 30522
    positions: int = 512
    types: int = 2
    epsilon: float = 1e-12


def random_weights(config, seed, scale=0.08):
    random = np.random.RandomState(seed)
    c, weights = config, {}

    def put(name, *shape):
        weights[name] = (random.standard_normal(shape) * scale).astype(np.float32)

    def norm(name):
        weights[name + ".weight"] = (1 + 0.1 * random.standard_normal(c.hidden)).astype(np.float32)
        put(name + ".bias", c.hidden)

    put("embeddings.word_embeddings.weight", c.vocabulary, c.hidden)
    put("embeddings.position_embeddings.weight", c.positions, c.hidden)
    put("embeddings.token_type_embeddings.weight", c.types, c.hidden)
    norm("embeddings.LayerNorm")
    for layer in range(c.layers):
        p = f"encoder.layer.{layer}."
        for name, rows, columns in [("attention.self.query", c.hidden, c.hidden),
                                    ("attention.self.key", c.hidden, c.hidden),
                                    ("attention.self.value", c.hidden, c.hidden),
                                    ("attention.output.dense", c.hidden, c.hidden),
                                    ("intermediate.dense", c.intermediate, c.hidden),
                                    ("output.dense", c.hidden, c.intermediate)]:
            put(p + name + ".weight", rows, columns)
            put(p + name + ".bias", rows)
        norm(p + "attention.output.LayerNorm")
        norm(p + "output.LayerNorm")
    return weights


def build(config, weights, opset=14, attention="eager", pooling=True):
    g = Graph(opset)
    c = config
    ids = g.input("input_ids", np.int64, ["batch", "sequence"])
    mask = g.input("attention_mask", np.int64, ["batch", "sequence"])
    types = g.input("token_type_ids", np.int64, ["batch", "sequence"])

    extended = g.unsqueeze(g.unsqueeze(mask, 1), 2)
    extended = g.op("Sub", g.constant(1, np.float32), g.op("Cast", extended, to=1))
    extended = g.op("Mul", extended, g.constant(FLOAT_LOWEST, np.float32))

    x = _embeddings(g, c, weights, ids, types)
    for layer in range(c.layers):
        x = _layer(g, c, weights, layer, x, extended, attention)
    if pooling:
        sentence = _pool(g, c, x, mask)
    g.output("last_hidden_state", x, np.float32, ["batch", "sequence", c.hidden])
    if pooling:
        g.output("sentence_embedding", sentence, np.float32, ["batch", c.hidden])
    return g.model()


def _norm(g, c, weights, scope, x):
    name = scope.replace("/", ".")
    return g.layer_norm(scope, x, g.weight(name + ".weight", weights[name + ".weight"]),
                        g.weight(name + ".bias", weights[name + ".bias"]), c.epsilon)


def _linear(g, weights, scope, x):
    name = scope.replace("/", ".")
    return g.linear(scope, x, weights[name + ".weight"], weights[name + ".bias"], name + ".bias")


def _embeddings(g, c, weights, ids, types):
    with g.scope("embeddings"):
        buffer = g.weight("embeddings.position_ids", np.arange(c.positions, dtype=np.int64)[None])
        positions = g.slice(buffer, 0, g.unsqueeze(g.size(ids, 1), 0), 1)

        def table(name, index):
            name += "_embeddings"
            weight = g.weight(f"embeddings.{name}.weight", weights[f"embeddings.{name}.weight"])
            with g.scope(name):
                return g.op("Gather", weight, index)
        x = g.op("Add", table("word", ids), table("token_type", types))
        x = g.op("Add", x, table("position", positions))
    return _norm(g, c, weights, "embeddings/LayerNorm", x)


def _layer(g, c, weights, layer, x, mask, attention):
    p = f"encoder/layer.{layer}/"
    scope = p + "attention/self"
    head = c.hidden // c.heads
    query = _linear(g, weights, scope + "/query", x)

    def heads(value, perm):
        shape = [g.size(value, 0), g.size(value, 1), c.heads, head]
        return g.op("Transpose", g.reshape(value, *shape), perm=perm)

    key = _linear(g, weights, scope + "/key", x)
    with g.scope(*scope.split("/")):
        key = heads(key, [0, 2, 3, 1])
    value = _linear(g, weights, scope + "/value", x)
    with g.scope(*scope.split("/")):
        value = heads(value, [0, 2, 1, 3])
        query = heads(query, [0, 2, 1, 3])
        if attention == "sdpa":
            last = g.op("Cast", g.slice(g.op("Shape", query), -1, 2**63 - 1, 0), to=1)
            scale = g.op("Sqrt", g.op("Div", g.constant([1], np.float32), g.op("Sqrt", last)))
            scores = g.op("MatMul", g.op("Mul", query, scale), g.op("Mul", key, scale))
        else:
            scores = g.op("Div", g.op("MatMul", query, key), g.constant(math.sqrt(head), np.float32))
        probabilities = g.op("Softmax", g.op("Add", scores, mask), axis=-1 if g.opset >= 13 else 3)
        context = g.op("Transpose", g.op("MatMul", probabilities, value), perm=[0, 2, 1, 3])
        context = g.reshape(context, g.size(context, 0), g.size(context, 1), c.hidden)
    y = _linear(g, weights, p + "attention/output/dense", context)
    with g.scope(*p.split("/")[:-1], "attention", "output"):
        y = g.op("Add", y, x)
    x = _norm(g, c, weights, p + "attention/output/LayerNorm", y)
    y = g.gelu(p + "intermediate/intermediate_act_fn", _linear(g, weights, p + "intermediate/dense", x))
    y = _linear(g, weights, p + "output/dense", y)
    with g.scope(*p.split("/")[:-1], "output"):
        y = g.op("Add", y, x)
    return _norm(g, c, weights, p + "output/LayerNorm", y)


def _pool(g, c, x, mask):
    """Mean over the tokens that the mask keeps, then length 1, as sentence-transformers does."""
    with g.scope("pooling"):
        expanded = g.expand(g.unsqueeze(mask, -1), g.size(x, 0), g.size(x, 1), g.size(x, 2))
        expanded = g.op("Cast", expanded, to=1)
        total = g.reduce("ReduceSum", g.op("Mul", x, expanded), [1], keepdims=0)
        count = g.clip(g.reduce("ReduceSum", expanded, [1], keepdims=0), low=1e-9)
        mean = g.op("Div", total, count)
    with g.scope("normalize"):
        norm = g.clip(g.reduce("ReduceL2", mean, [1]), low=1e-12)
        return g.op("Div", mean, g.op("Expand", norm, g.op("Shape", mean)))


def reference(config, weights, input_ids, attention_mask, token_type_ids, dtype=np.float64):
    """The network in numpy; shares nothing with `build` but the weights. Returns both outputs."""
    c = config
    w = {k: v.astype(dtype) for k, v in weights.items() if v.dtype == np.float32}
    erf = np.vectorize(math.erf, otypes=[dtype])

    def norm(name, v):
        v = v - v.mean(-1, keepdims=True)
        return v / np.sqrt((v * v).mean(-1, keepdims=True) + c.epsilon) * w[name + ".weight"] + w[name + ".bias"]

    def dense(name, v):
        return v @ w[name + ".weight"].T + w[name + ".bias"]

    batch, sequence = input_ids.shape
    x = (w["embeddings.word_embeddings.weight"][input_ids]
         + w["embeddings.position_embeddings.weight"][:sequence]
         + w["embeddings.token_type_embeddings.weight"][token_type_ids])
    x = norm("embeddings.LayerNorm", x)
    hide = np.where(attention_mask[:, None, None, :] > 0, 0.0, -np.inf)
    for layer in range(c.layers):
        p = f"encoder.layer.{layer}."
        q, k, v = (dense(p + "attention.self." + n, x).reshape(batch, sequence, c.heads, -1).swapaxes(1, 2)
                   for n in ("query", "key", "value"))
        scores = q @ k.swapaxes(2, 3) / math.sqrt(c.hidden // c.heads) + hide
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        context = (scores @ v).swapaxes(1, 2).reshape(batch, sequence, c.hidden)
        x = norm(p + "attention.output.LayerNorm", dense(p + "attention.output.dense", context) + x)
        y = dense(p + "intermediate.dense", x)
        y = dense(p + "output.dense", y * 0.5 * (1 + erf(y / math.sqrt(2))))
        x = norm(p + "output.LayerNorm", y + x)
    kept = attention_mask[..., None].astype(dtype)
    mean = (x * kept).sum(1) / kept.sum(1)
    return x, mean / np.linalg.norm(mean, axis=1, keepdims=True)
