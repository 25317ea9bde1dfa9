# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Models that were quantised before Tercet sees them, by onnxruntime's own tool from networks with seeded weights: with
# QuantizeLinear and DequantizeLinear around operators (QDQ), or with operators on integers (QLinearMatMul). What
# onnxruntime makes of them is the reference.

import dataclasses
import logging
import pathlib
import tempfile

import numpy as np
import onnx

import perceptron
from graph import Graph


@dataclasses.dataclass
class Variant:
    name: str
    build: str = "feed_forward"
    activations: str = "QInt8"
    weights: str = "QInt8"
    per_channel: bool = True
    operators: tuple = ("MatMul", "Gemm")   # empty: all that the tool knows
    qdq: bool = True
    # Products and tables that have to be in integers.
    integer: int = 2


VARIANTS = [
    Variant("channels"),
    Variant("tensors", activations="QUInt8", per_channel=False),
    # The sum of an activation and a bias with a scale of its own has no form in integers.
    Variant("everything", operators=(), integer=3),
    # Bytes without a sign are moved by 128 where that is their zero, as the tool has it for the second weight only.
    Variant("unsigned", activations="QUInt8", weights="QUInt8", per_channel=False, integer=1),
    Variant("operators", activations="QUInt8", per_channel=False, operators=("MatMul",), qdq=False),
    Variant("residual", build="residual", operators=(), integer=5),
]


def residual(rows, columns, inner, seed=7):
    """x + gemm(tanh(gemm(x))), with biases inside of the products, twice over: what has integers from end to end."""
    g, random = Graph(17), np.random.RandomState(seed)
    x = g.input("x", np.float32, [rows, columns])

    def gemm(name, value, before, after):
        weight = (random.standard_normal((after, before)) / before**0.5).astype(np.float32)
        weights = [g.weight(f"{name}.weight", weight),
                   g.weight(f"{name}.bias", random.standard_normal(after).astype(np.float32))]
        with g.scope(name):
            return g.op("Gemm", value, *weights, transB=1)
    hidden = gemm("first", x, columns, inner)
    hidden = g.op("Tanh", hidden)
    y = g.op("Add", gemm("second", hidden, inner, columns), x)
    y = gemm("third", y, columns, inner)
    g.output("y", y, np.float32, [rows, inner])
    return g.model()


def build(variant, rows, columns, inner):
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = iter([perceptron.feeds(rows, columns, seed) for seed in range(100, 108)])

        def get_next(self):
            return next(self.left, None)

    model = residual(rows, columns, inner) if variant.build == "residual" else perceptron.block(rows, columns, inner)
    kind = lambda name: getattr(quantization.QuantType, name)
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source, target = (str(pathlib.Path(folder) / name) for name in ("float.onnx", "quantised.onnx"))
        onnx.save(model, source)
        quantization.quantize_static(
            source, target, Samples(), per_channel=variant.per_channel, activation_type=kind(variant.activations),
            weight_type=kind(variant.weights), op_types_to_quantize=list(variant.operators) or None,
            quant_format=quantization.QuantFormat.QDQ if variant.qdq else quantization.QuantFormat.QOperator)
        return onnx.load(target)


def last_step(model):
    """The scale of the integers that the model's last QuantizeLinear or QLinearMatMul gives."""
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    last = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "QLinearMatMul")][-1]
    return float(constants[last.input[1 if last.op_type == "QuantizeLinear" else 6]])
