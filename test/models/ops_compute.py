# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases of operators that compute: elementwise, comparison, reduction, softmax, matrix product, normalisation,
# convolution, pooling. Sizes lie around the multiples of vector widths (7, 8, 15, 16, 17, 31, 33), values reach into
# the saturated ends of each function, and broadcasting, integer types and old attributes each have a case.

import numpy as np

from ops_case import RANDOM, Case

SHAPES = [(), (1,), (7,), (8,), (15, 16), (17, 31), (33, 64), (2, 3, 1, 5)]
# Each pair broadcasts in another way: equal, scalar, row, column, both, rank, inner one.
PAIRS = [((7,), (7,)), ((), (17,)), ((33, 64), (64,)), ((16, 15), (16, 1)), ((4, 1), (1, 9)), ((2, 1, 17), (3, 1)),
         ((1,), (8, 31)), ((2, 3, 1, 8), (3, 5, 1))]


def _label(*shapes):
    return "_".join("x".join(map(str, s)) or "s" for s in shapes)


def _draw(shape, low=-3.0, high=3.0, dtype=np.float32, seed=0):
    random = RANDOM(seed + 7 * sum(shape) + len(shape))
    if np.issubdtype(dtype, np.integer):
        return random.randint(int(low), int(high) + 1, shape).astype(dtype)
    if dtype == np.bool_:
        return np.asarray(random.randint(0, 2, shape), bool)
    return np.asarray(random.uniform(low, high, shape), dtype)


def cases():
    for part in (_unary, _binary, _logic, _reductions, _softmax, _products, _norms, _convolutions, _pooling):
        yield from part()


def _unary():
    ranges = {"Abs": (7, -3, 3), "Neg": (7, -3, 3), "Sqrt": (7, 0, 9), "Exp": (7, -90, 80), "Log": (7, 1e-6, 1e4),
              "Erf": (9, -5, 5), "Tanh": (7, -12, 12), "Sigmoid": (7, -100, 100), "Reciprocal": (7, 0.05, 9),
              "Cos": (7, -50, 50), "Sin": (7, -50, 50), "Floor": (7, -5, 5), "Ceil": (7, -5, 5), "Relu": (7, -3, 3),
              "Sign": (9, -3, 3), "Softplus": (7, -40, 40), "Elu": (7, -9, 3), "LeakyRelu": (7, -3, 3),
              "HardSigmoid": (7, -9, 9), "HardSwish": (14, -9, 9), "Round": (11, -5, 5), "Identity": (7, -3, 3)}
    newest = {"Sqrt": 13, "Exp": 13, "Erf": 13, "Tanh": 13, "Sigmoid": 13, "Relu": 14, "Cos": 22, "Sin": 22, "Elu": 22,
              "Round": 22, "Neg": 13, "HardSwish": 22, "Identity": 16}
    for op, (opset, low, high) in ranges.items():
        for shape in SHAPES:
            yield Case(op, opset, _label(shape), [_draw(shape, low, high)])
        if op in newest:
            yield Case(op, newest[op], "new", [_draw((5, 17), low, high)])
    halves = np.array([-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, 3.5], np.float32)
    yield Case("Round", 11, "ties", [halves])
    for shape in SHAPES[2:6]:
        yield Case("Gelu", 20, _label(shape), [_draw(shape, -8, 8)])
        yield Case("Gelu", 20, "tanh" + _label(shape), [_draw(shape, -8, 8)], attributes={"approximate": "tanh"})
    odd = np.array([0, np.nan, np.inf, -np.inf, 1, -0.0, np.nan], np.float32)
    for opset in (9, 13, 20):
        yield Case("IsNaN", opset, "special", [odd])
    yield Case("Neg", 13, "int64", [_draw((9,), -9, 9, np.int64)])
    yield Case("Abs", 13, "int64", [_draw((9,), -9, 9, np.int64)])
    yield Case("Elu", 7, "alpha", [_draw((17,), -9, 3)], attributes={"alpha": 0.3})
    yield Case("LeakyRelu", 16, "alpha", [_draw((17,))], attributes={"alpha": 0.3})
    yield Case("Gelu", 20, "wide", [np.linspace(-30, 30, 129, dtype=np.float32)])


def _binary():
    for op in ("Add", "Sub", "Mul", "Div"):
        for a, b in PAIRS:
            yield Case(op, 7, _label(a, b), [_draw(a), _draw(b, 0.5, 3, seed=1)])
            yield Case(op, 14, _label(b, a), [_draw(b), _draw(a, 0.5, 3, seed=1)])
        yield Case(op, 13, "constant", [_draw((9, 33)), _draw((33,), 0.5, 3, seed=1)], {1})
        for dtype in (np.int64, np.int32):
            values = [_draw((3, 17), -50, 50, dtype), _draw((17,), 1, 7, dtype, seed=1)]
            yield Case(op, 7, np.dtype(dtype).name, values)
        yield Case(op, 14, "negative", [_draw((17,), -50, 50, np.int64), -_draw((17,), 1, 7, np.int64, seed=1)])
    for opset in (7, 12, 15):
        for exponent in (2.0, 3.0, 0.5, -1.0, 1.7):
            yield Case("Pow", opset, f"by{exponent}", [_draw((3, 17), 0.1, 4), np.float32(exponent).reshape(())], {1})
        yield Case("Pow", opset, "tensor", [_draw((15, 16), 0.1, 4), _draw((16,), -2, 2, seed=1)])
    yield Case("Pow", 12, "odd_negative", [_draw((17,), -4, 4), np.float32(3).reshape(())], {1})
    yield Case("Pow", 12, "int_exponent", [_draw((17,), 0.1, 4), np.array(2, np.int64)], {1})
    for opset in (10, 13):
        yield Case("Mod", opset, "int", [_draw((31,), -50, 50, np.int64), -_draw((31,), 1, 7, np.int64, seed=1)])
        yield Case("Mod", opset, "fmod", [_draw((31,), -9, 9), _draw((31,), 1, 3, seed=1)], attributes={"fmod": 1})
    for op in ("Min", "Max"):
        for opset in (8, 12, 13):
            yield Case(op, opset, "two", [_draw((15, 16)), _draw((16,), seed=1)])
            yield Case(op, opset, "three", [_draw((7,)), _draw((), seed=1), _draw((2, 1), seed=2)])
            yield Case(op, opset, "one", [_draw((7,))])
        yield Case(op, 12, "int64", [_draw((7,), -9, 9, np.int64), _draw((7,), -9, 9, np.int64, seed=1)])
    for opset in (7, 9, 16):
        yield Case("PRelu", opset, "row", [_draw((4, 17)), _draw((17,), seed=1)], {1})
    x = _draw((5, 17), -4, 4)
    yield Case("Clip", 7, "both", [x], attributes={"min": -1.0, "max": 2.0})
    yield Case("Clip", 7, "none", [x])
    yield Case("Clip", 7, "low", [x], attributes={"min": 0.0})
    for opset in (11, 12, 13):
        low, high = np.array(-1, np.float32), np.array(2, np.float32)
        yield Case("Clip", opset, "both", [x, low, high], {1, 2})
        yield Case("Clip", opset, "low", [x, low], {1})
        yield Case("Clip", opset, "high", [x, None, high], {2})
        yield Case("Clip", opset, "none", [x])
    whole = [_draw((9,), -9, 9, np.int64), np.array(-2, np.int64), np.array(4, np.int64)]
    yield Case("Clip", 12, "int64", whole, {1, 2})


def _logic():
    for op, first in (("Less", 7), ("Greater", 7), ("LessOrEqual", 12), ("GreaterOrEqual", 12), ("Equal", 11)):
        for opset in sorted({first, 13 if first < 13 else first, 16 if op.endswith("OrEqual") else 13}):
            a, b = _draw((4, 17), -2, 2), _draw((17,), -2, 2, seed=1)
            b[3] = a[1, 3]
            yield Case(op, opset, "float", [a, b])
        for dtype in (np.int64, np.int32):
            values = [_draw((3, 1), -2, 2, dtype), _draw((9,), -2, 2, dtype, seed=1)]
            yield Case(op, 13 if first < 13 else first, np.dtype(dtype).name, values)
    yield Case("Equal", 7, "int64", [_draw((9,), 0, 2, np.int64), _draw((9,), 0, 2, np.int64, seed=1)])
    yield Case("Equal", 7, "bool", [_draw((9,), dtype=np.bool_), _draw((9,), dtype=np.bool_, seed=1)])
    for op in ("And", "Or", "Xor"):
        for a, b in PAIRS[:4]:
            yield Case(op, 7, _label(a, b), [_draw(a, dtype=np.bool_), _draw(b, dtype=np.bool_, seed=1)])
    for shape in SHAPES[:5]:
        yield Case("Not", 7, _label(shape), [_draw(shape, dtype=np.bool_)])
    for opset in (9, 16):
        for a, b in PAIRS:
            condition = _draw(a, dtype=np.bool_, seed=2)
            yield Case("Where", opset, _label(a, b), [condition, _draw(b), _draw(a, seed=1)])
        yield Case("Where", opset, "int64", [_draw((9,), dtype=np.bool_), _draw((9,), -9, 9, np.int64),
                                            np.array(7, np.int64)])
        lowest = np.array(np.finfo(np.float32).min, np.float32)
        yield Case("Where", opset, "lowest", [_draw((1, 1, 7, 9), dtype=np.bool_), _draw((1, 4, 7, 9)), lowest], {2})


def _reductions():
    for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
               "ReduceSumSquare", "ReduceLogSumExp"):
        for opset in (7, 11, 13, 18):
            by_input = opset >= (13 if op == "ReduceSum" else 18)
            shapes = [((5, 17), [1]), ((2, 7, 33), [2]), ((2, 8, 16), [1]), ((3, 15, 4), [0, 2]), ((31,), [0]),
                      ((2, 3, 9), None)]
            if opset >= 11:
                shapes.append(((2, 7, 31), [-1]))
            for shape, axes in shapes:
                for keep in (0, 1):
                    label = f"{_label(shape)}_{'all' if axes is None else '_'.join(map(str, axes))}_{keep}"
                    inputs = [_draw(shape, 0.5, 1.5)]
                    attributes = {"keepdims": keep}
                    if axes is not None and by_input:
                        inputs.append(np.array(axes, np.int64))
                    elif axes is not None:
                        attributes["axes"] = axes
                    yield Case(op, opset, label, inputs, {1} if len(inputs) > 1 else set(), 1, attributes)
    yield Case("ReduceSum", 13, "noop", [_draw((3, 5))], attributes={"noop_with_empty_axes": 1})
    for op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"):
        yield Case(op, 12, "int64", [_draw((3, 7), -4, 4, np.int64)], attributes={"axes": [1]})
    for op in ("ArgMax", "ArgMin"):
        ties = _draw((4, 17), -3, 3, np.int64).astype(np.float32)
        for opset in (7, 11, 13):
            yield Case(op, opset, "ties", [ties], attributes={"axis": 1, "keepdims": 0})
        yield Case(op, 13, "last", [ties], attributes={"axis": -1, "select_last_index": 1})
        yield Case(op, 13, "axis0", [_draw((33, 5))], attributes={"axis": 0})
    for opset in (11, 14):
        for exclusive, reverse in ((0, 0), (1, 0), (0, 1), (1, 1)):
            yield Case("CumSum", opset, f"{exclusive}{reverse}", [_draw((3, 17)), np.array(1, np.int64)], {1}, 1,
                       {"exclusive": exclusive, "reverse": reverse}, tier="B")


def _softmax():
    for op in ("Softmax", "LogSoftmax"):
        for shape in [(1, 1), (7, 8), (3, 15), (16, 17), (2, 31, 33), (1, 2, 5, 64), (1, 1000)]:
            for opset in (7, 11, 13):
                x = _draw(shape, -20, 20)
                yield Case(op, opset, _label(shape) + "_default", [x])
                if len(shape) > 2:
                    yield Case(op, opset, _label(shape) + "_1", [x], attributes={"axis": 1})
                    if opset >= 11:
                        yield Case(op, opset, _label(shape) + "_last", [x], attributes={"axis": -1})
        masked = _draw((4, 17), -3, 3)
        masked[:, 9:] = np.finfo(np.float32).min
        yield Case(op, 13, "masked", [masked])


def _products():
    sizes = [(1, 1, 1), (1, 64, 17), (7, 8, 15), (8, 16, 16), (15, 17, 31), (16, 33, 33), (17, 31, 7), (33, 64, 48),
             (31, 1, 8), (13, 129, 65)]
    for opset in (7, 13):
        for m, k, n in sizes:
            a, b = _draw((m, k), -1, 1), _draw((k, n), -1, 1, seed=1)
            yield Case("MatMul", opset, f"{m}x{k}x{n}", [a, b])
            yield Case("MatMul", opset, f"{m}x{k}x{n}_constant", [a, b], {1})
    batched = [((2, 3, 7, 8), (2, 3, 8, 9)), ((2, 5, 16), (16, 17)), ((3, 7, 8), (1, 8, 5)), ((8,), (8, 9)),
               ((7, 8), (8,)), ((17,), (17,)), ((2, 1, 5, 4), (3, 4, 6)), ((1, 4, 33, 16), (1, 4, 16, 33))]
    for a, b in batched:
        for constant in (False, True):
            label = _label(a, b) + ("_constant" if constant else "")
            yield Case("MatMul", 13, label, [_draw(a, -1, 1), _draw(b, -1, 1, seed=1)], {1} if constant else set())
    for m, k, n in sizes[1:8]:
        for ta in (0, 1):
            for tb in (0, 1):
                a = _draw((k, m) if ta else (m, k), -1, 1)
                b = _draw((n, k) if tb else (k, n), -1, 1, seed=1)
                yield Case("Gemm", 13, f"{m}x{k}x{n}_{ta}{tb}", [a, b, _draw((n,), seed=2)], {1, 2}, 1,
                           {"transA": ta, "transB": tb})
    for c in [(), (1,), (17,), (1, 17), (9, 1), (9, 17)]:
        for opset in (7, 9, 11):
            yield Case("Gemm", opset, f"c{_label(c)}", [_draw((9, 8), -1, 1), _draw((8, 17), -1, 1, seed=1),
                                                       _draw(c, seed=2)], {1}, 1, {"alpha": 0.7, "beta": 1.3})
    yield Case("Gemm", 11, "no_c", [_draw((9, 8), -1, 1), _draw((8, 17), -1, 1, seed=1)])


def _norms():
    for shape in [(1, 1, 8), (2, 7, 33), (1, 16, 64), (3, 15), (1, 5, 384)]:
        scale, bias = _draw(shape[-1:], 0.5, 1.5), _draw(shape[-1:], seed=1)
        yield Case("LayerNormalization", 17, _label(shape), [_draw(shape), scale, bias], {1, 2}, 1, {"epsilon": 1e-12}
                   if shape[-1] > 1 else {})
        yield Case("LayerNormalization", 17, _label(shape) + "_no_bias", [_draw(shape), scale], {1})
    inner = (4, 5)
    yield Case("LayerNormalization", 17, "axis1", [_draw((3, *inner)), _draw(inner, 0.5, 1.5), _draw(inner, seed=1)],
               {1, 2}, 1, {"axis": 1})
    for opset in (7, 9, 14, 15):
        for shape in [(1, 3, 4, 5), (2, 17, 3), (2, 8)]:
            c = shape[1:2]
            inputs = [_draw(shape), _draw(c, 0.5, 1.5), _draw(c, seed=1), _draw(c, seed=2), _draw(c, 0.5, 2, seed=3)]
            yield Case("BatchNormalization", opset, _label(shape), inputs, {1, 2, 3, 4}, 1, {"epsilon": 1e-3})
    for opset in (7, 22):
        yield Case("InstanceNormalization", opset, "2x3x17",
                   [_draw((2, 3, 17)), _draw((3,), 0.5, 1.5), _draw((3,), seed=1)], {1, 2}, tier="B")
    for axis in (1, -1):
        yield Case("LpNormalization", 7, f"axis{axis}", [_draw((4, 17))], attributes={"axis": axis, "p": 2}, tier="B")


def _convolutions():
    def conv(label, x, weight, opset=11, bias=True, tier="A", **attributes):
        inputs = [_draw(x, -1, 1), _draw(weight, -1, 1, seed=1)] + ([_draw(weight[:1], seed=2)] if bias else [])
        return Case("Conv", opset, label, inputs, set(range(1, len(inputs))), 1, attributes, tier)

    for opset in (7, 11, 22):
        yield conv("patchify", (1, 3, 32, 48), (17, 3, 16, 16), opset, strides=[16, 16], kernel_shape=[16, 16],
                   pads=[0] * 4, dilations=[1, 1], group=1)
    yield conv("patchify_odd", (2, 3, 30, 45), (33, 3, 7, 15), strides=[7, 15])
    yield conv("patchify_no_bias", (1, 3, 14, 14), (16, 3, 7, 7), bias=False, strides=[7, 7])
    yield conv("patchify_cut", (1, 3, 33, 47), (8, 3, 16, 16), strides=[16, 16])
    yield conv("one_by_one", (1, 17, 5, 7), (9, 17, 1, 1))
    yield conv("same", (1, 8, 9, 11), (15, 8, 3, 3), pads=[1, 1, 1, 1])
    yield conv("uneven_pads", (1, 3, 9, 8), (5, 3, 3, 3), pads=[0, 1, 2, 1], strides=[2, 2])
    yield conv("dilated", (1, 3, 15, 16), (5, 3, 3, 3), dilations=[2, 3])
    yield conv("grouped", (1, 8, 7, 7), (12, 2, 3, 3), group=4)
    yield conv("depthwise", (1, 17, 9, 9), (17, 1, 3, 3), group=17, pads=[1] * 4)
    yield conv("one_d", (2, 7, 33), (16, 7, 3), pads=[1, 1])
    yield conv("one_d_stride", (1, 16, 31), (8, 16, 3), pads=[1, 1], strides=[2])
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        yield conv(auto.lower(), (1, 3, 8, 9), (4, 3, 4, 3), auto_pad=auto, strides=[2, 2])


def _pooling():
    x = _draw((1, 5, 9, 11))
    yield Case("GlobalAveragePool", 7, "2d", [x], tier="B")
    yield Case("GlobalMaxPool", 7, "2d", [x], tier="B")
    for opset in (7, 11, 22):
        yield Case("MaxPool", opset, "pads", [x], tier="B",
                   attributes={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})
        for include in (0, 1):
            yield Case("AveragePool", opset, f"pads{include}", [x], tier="B",
                       attributes={"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1],
                                   "count_include_pad": include})
    yield Case("MaxPool", 11, "ceil", [x], tier="B",
               attributes={"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1})
