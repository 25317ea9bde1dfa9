# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What calibration has to do for MiniLM: its encoder in the integers of docs/quantisation.md, by numpy, for one recipe
# after another; the table of that page. Nothing of the compiler runs here, so that a recipe can be tried before it is
# built in, and a compiled program be compared with what it should reach. Sentences are not padded: their tokens stand
# one after another, [tokens, channels], and attention knows where each begins.

import argparse
import dataclasses
import math
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "models"), str(ROOT / "test" / "e2e")]

import integer_parameters as parameters  # noqa: E402
import integer_reference as integer  # noqa: E402
import minilm  # noqa: E402
import wordpiece  # noqa: E402

WIDE = ("projected", "attended", "output", "sum")  # 16 bits whatever the recipe
BLOCK = 128
READERS = {"x": ["attention.self.query", "attention.self.key", "attention.self.value"],
           "middle": ["intermediate.dense"], "act": ["output.dense"], "context": ["attention.output.dense"]}


@dataclasses.dataclass
class Recipe:
    name: str
    method: str = "mse"
    residual: int = 16           # bits of norm results for the residual branch
    channels: float = 0.75       # exponent of the scales of channels of norm results; 0: one scale
    blocks: float = 0.75         # of blocks of GELU results; 0: one scale for them and for the GELU's operand
    correct: bool = True         # whether biases absorb the mean error of weights
    through: bool = True         # whether the GELU's operand is judged by the GELU's result


RECIPES = [
    Recipe("8 bits, minmax", "minmax", 8, 0, 0, False, False),
    Recipe("8 bits, percentile", "percentile", 8, 0, 0, False, False),
    Recipe("8 bits, mse", "mse", 8, 0, 0, False, False),
    Recipe("+ residual of 16 bits", "mse", 16, 0, 0, False, False),
    Recipe("+ scales of channels", "mse", 16, 0.75, 0, False, False),
    Recipe("+ blocks of GELU", "mse", 16, 0.75, 0.75, False, False),
    Recipe("+ bias correction", "mse", 16, 0.75, 0.75, True, False),
    Recipe("+ range by the GELU's result"),
    Recipe("the same, minmax", "minmax"),
]


def gelu(x):
    """By a table of the normal distribution with steps of 1e-5, interpolated: errors stay below 1e-10."""
    x = np.asarray(x, np.float64)
    return x * np.interp(x, *gelu.table)


gelu.table = (np.linspace(-8, 8, 1600001), None)


class Encoder:
    def __init__(self):
        self.folder = minilm.package_folder()
        self.config = minilm.load_config(self.folder)
        self.weights = {k: np.asarray(v) for k, v in minilm.load_safetensors(self.folder / "model.safetensors").items()}
        self.tokenizer = wordpiece.Tokenizer(self.folder / "vocab.txt")
        x = gelu.table[0]
        gelu.table = (x, np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x]))

    def layer(self, number, name):
        """Weight [K, N] and bias [N] of a product, gamma and beta of a norm, in doubles."""
        name = f"encoder.layer.{number}.{name}"
        return self.weights[name + ".weight"].T.astype(np.float64), self.weights[name + ".bias"].astype(np.float64)

    def norm(self, gamma, beta, x):
        x = x - x.mean(-1, keepdims=True)
        return (x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config.epsilon) * gamma + beta).astype(np.float32)

    def embed(self, sentences):
        """The first norm's result, and where each sentence begins and ends."""
        ids = [self.tokenizer.encode(s, limit=self.config.positions) for s in sentences]
        ends = np.cumsum([len(i) for i in ids])
        w = lambda name: self.weights[f"embeddings.{name}"]
        x = (w("word_embeddings.weight")[np.concatenate(ids)] + w("token_type_embeddings.weight")[0]
             + w("position_embeddings.weight")[np.concatenate([np.arange(len(i)) for i in ids])])
        return self.norm(w("LayerNorm.weight"), w("LayerNorm.bias"), x), list(zip(ends - [len(i) for i in ids], ends))

    def heads(self, x):
        return x.reshape(len(x), self.config.heads, -1).swapaxes(0, 1)

    def over_sentences(self, spans, attend, q, k, v):
        out = np.empty_like(v)
        for a, b in spans:
            part = attend(*(self.heads(z[a:b]) for z in (q, k, v)))
            out[a:b] = part.swapaxes(0, 1).reshape(b - a, -1)
        return out

    def run(self, x, spans):
        """Every value of the float model, by name and layer."""
        scale, values = math.sqrt(self.config.hidden // self.config.heads), {}

        def attend(q, k, v):
            s = q @ k.swapaxes(1, 2) / scale
            s = np.exp(s - s.max(-1, keepdims=True))
            return s / s.sum(-1, keepdims=True) @ v

        for number in range(self.config.layers):
            def put(name, value):
                values[name, number] = value.astype(np.float32)
                return values[name, number]

            def product(name, source):
                w, bias = self.layer(number, name)
                return source @ w + bias
            put("x", x)
            q, k, v = (put(n, product(f"attention.self.{m}", x)) for n, m in zip("qkv", ("query", "key", "value")))
            context = put("context", self.over_sentences(spans, attend, q, k, v))
            attended = put("attended", put("projected", product("attention.output.dense", context)) + x)
            middle = put("middle", self.norm(*self.layer(number, "attention.output.LayerNorm"), attended))
            act = put("act", gelu(put("before", product("intermediate.dense", middle))))
            x = self.norm(*self.layer(number, "output.LayerNorm"), put("sum", put("output", product("output.dense", act))
                                                                         + middle))
        values["x", self.config.layers] = x
        return values


class Quantised:
    """The encoder in integers, with scales from `values` of the float model."""

    def __init__(self, encoder, values, recipe):
        self.encoder, self.recipe, self.values = encoder, recipe, values
        self.types = {key: self._type(*key) for key in values}
        self.wide = {key: parameters.symmetric(1.3 * x.min(), 1.3 * x.max(), 16) for key, x in values.items()
                     if key[0] in ("x", "middle")}

    def _units(self, name, number):
        """What the scales of channels are multiples of; one number where all are alike."""
        recipe, x = self.recipe, self.values[name, number]
        if name in ("x", "middle") and recipe.channels and number < self.encoder.config.layers:
            rows = np.max([np.abs(self.encoder.layer(number, reader)[0]).max(1) for reader in READERS[name]], axis=0)
            units = np.abs(x).max(0)**recipe.channels / np.maximum(rows, 1e-5)**(1 - recipe.channels)
            return units.astype(np.float64) / np.exp(np.log(units).mean())
        if name in ("before", "act") and recipe.blocks:
            ranges = np.abs(x).max(0).reshape(-1, BLOCK).max(1).astype(np.float64)
            return np.repeat((ranges / ranges.max())**(recipe.blocks if name == "act" else 1), BLOCK)
        return 1.0

    def _type(self, name, number):
        x = self.values[name, number]
        if name in WIDE:
            return parameters.symmetric(1.3 * x.min(), 1.3 * x.max(), 16)
        units, symmetric = self._units(name, number), name in "qkv"
        x = (x / units).astype(np.float32)
        if self.recipe.method == "minmax":
            ends = x.min(), x.max()
        elif self.recipe.method == "percentile":
            ends = parameters.percentile_range(x, 99.99)
        else:
            function = (lambda y: gelu(y * units)) if name == "before" and self.recipe.through else None
            # A quarter of the tokens says as much of a GELU, which takes long.
            ends = parameters.least_error_range(x[::4] if function else x, 8, symmetric, function, steps=30)
        chosen = parameters.values_of(float(ends[0]), float(ends[1]), 8, symmetric)
        return chosen._replace(scale=chosen.scale * units)

    def _product(self, number, name, source, q, result):
        w, bias = self.encoder.layer(number, name)
        source_type, result_type = self.types[source, number], self.types[result, number]
        if self.recipe.correct:
            scaled, one = parameters.rows_scaled(w, source_type)
            rounded, scale = parameters.weights(scaled)
            mean = self.values[source, number].mean(0) * one.scale / source_type.scale
            bias = bias + mean @ (scaled - rounded * scale)
        return integer.matmul(q, *parameters.matmul(w, bias, source_type, result_type))

    def _norm(self, number, name, q, source, key):
        """The norm's result as products read it, and for the residual branch."""
        gamma, beta = self.encoder.layer(number, name)
        epsilon, source = self.encoder.config.epsilon, self.types[source, number]
        if self.recipe.residual == 8:
            narrow = integer.layer_norm(q, *parameters.layer_norm(gamma, beta, epsilon, source, self.types[key]))
            return narrow, narrow
        wide = integer.layer_norm(q, *parameters.layer_norm(gamma, beta, epsilon, source, self.wide[key]))
        return self._narrow(wide, key), wide

    def _narrow(self, wide, key):
        if np.ndim(self.types[key].scale):
            return integer.rescale_columns(wide, *parameters.rescale_columns(self.wide[key], self.types[key]))
        return integer.rescale(wide, *parameters.rescale(self.wide[key], self.types[key]))

    def _residual(self, key):
        return self.types[key] if self.recipe.residual == 8 else self.wide[key]

    def _add(self, number, a, b, key, names):
        added, result = (self.types[name, number] for name in names)
        return integer.add(a, b, *parameters.add(added, self._residual(key), result))

    def run(self, x, spans):
        encoder, types = self.encoder, self.types
        kept = self._residual(("x", 0))
        residual = integer.quantize(x, kept.scale, kept.zero, kept.bits)
        narrow = residual if self.recipe.residual == 8 else self._narrow(residual, ("x", 0))
        for number in range(encoder.config.layers):
            q, k, v = (self._product(number, f"attention.self.{m}", "x", narrow, n)
                       for n, m in zip("qkv", ("query", "key", "value")))
            arguments = parameters.attention(*(types[n, number] for n in "qkv"),
                                             (encoder.config.hidden // encoder.config.heads)**-0.5,
                                             types["context", number])
            context = encoder.over_sentences(spans, lambda *z: integer.attention(*z, *arguments), q, k, v)
            projected = self._product(number, "attention.output.dense", "context", context, "projected")
            attended = self._add(number, projected, residual, ("x", number), ("projected", "attended"))
            narrow, residual = self._norm(number, "attention.output.LayerNorm", attended, "attended",
                                          ("middle", number))
            before = self._product(number, "intermediate.dense", "middle", narrow, "before")
            act = integer.lookup(before, self._table(number))
            output = self._product(number, "output.dense", "act", act, "output")
            total = self._add(number, output, residual, ("middle", number), ("output", "sum"))
            narrow, residual = self._norm(number, "output.LayerNorm", total, "sum", ("x", number + 1))
        kept = self._residual(("x", encoder.config.layers))
        return integer.dequantize(residual, kept.scale, kept.zero)

    def _table(self, number):
        source, result = (self.types[name, number] for name in ("before", "act"))
        if np.ndim(source.scale):
            source, result = (t._replace(scale=t.scale[::BLOCK, None]) for t in (source, result))
        return parameters.table(gelu, source, result)


def pooled(x, spans):
    mean = np.stack([x[a:b].astype(np.float64).mean(0) for a, b in spans])
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description="MiniLM in integers, by numpy: what each step of calibration brings.")
    parser.add_argument("--only", help="only the recipes whose name contains this")
    parser.add_argument("--demo", action="store_true", help="print the similarities of the demo's sentences too")
    arguments = parser.parse_args()
    encoder = Encoder()
    sentences = {name: (ROOT / f"test/models/sentences/{name}.txt").read_text().splitlines()
                 for name in ("calibration", "evaluation")}
    values = encoder.run(*encoder.embed(sentences["calibration"]))
    x, spans = encoder.embed(sentences["evaluation"])
    layers = encoder.config.layers
    expected = pooled(encoder.run(x, spans)["x", layers], spans)
    print(f"{'recipe':32} {'mean':>8} {'median':>8} {'least':>8} below 0.995")
    for recipe in RECIPES:
        if arguments.only and arguments.only not in recipe.name:
            continue
        quantised = Quantised(encoder, values, recipe)
        cosine = (pooled(quantised.run(x, spans), spans) * expected).sum(1)
        print(f"{recipe.name:32} {cosine.mean():8.5f} {np.median(cosine):8.5f} {cosine.min():8.5f} "
              f"{int((cosine < 0.995).sum()):5}", flush=True)
        if arguments.demo:
            demo, cuts = encoder.embed(minilm.SENTENCES)
            pairs = np.triu_indices(len(cuts), 1)
            a = pooled(quantised.run(demo, cuts), cuts)
            b = pooled(encoder.run(demo, cuts)["x", layers], cuts)
            a, b = (a @ a.T)[pairs], (b @ b.T)[pairs]
            gap = b[:, None] - b[None, :]
            turned = (gap > 0) & (a[:, None] <= a[None, :])
            print(f"  similarities: off by at most {np.abs(a - b).max():.4f}; {turned.sum()} of {(gap > 0).sum()} pairs "
                  f"turned round, the widest {np.where(turned, gap, 0).max():.4f} apart")


if __name__ == "__main__":
    main()
