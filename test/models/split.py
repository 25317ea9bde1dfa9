# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small models whose groups are cut into shares by the tests: one for each kind of operation, at sizes around where a
# cut may lie. Each has a name, a model, and its feeds; weights and feeds are seeded.

import numpy as np

from graph import Graph


def models():
    """Yields (name, model, feeds)."""
    for rows in (1, 2, 13, 128):
        yield _matmul(rows, 96, 80)
    # Columns are the rows of a product with one row: not a multiple of any panel.
    yield _matmul(1, 64, 333)
    for rows in (5, 64):
        yield _attention(3, rows, 16)
    yield _unary("softmax", lambda g, x: g.op("Softmax", x, axis=-1), (13, 40))
    yield _unary("layer_norm", lambda g, x: g.layer_norm("norm", x, g.weight("w", _array(2, 40)),
                                                          g.weight("b", _array(3, 40)), 1e-5), (13, 40))
    yield _unary("elementwise", lambda g, x: g.op("Mul", g.op("Tanh", x), g.op("Sigmoid", x)), (7, 33))
    yield _unary("vector", lambda g, x: g.op("Exp", x), (1, 1, 67))
    yield _unary("reduce", lambda g, x: g.reduce("ReduceMean", x, [1]), (9, 30, 5))
    yield _unary("transpose", lambda g, x: g.op("Transpose", g.op("Relu", x), perm=[0, 2, 1]), (3, 11, 7))
    yield _unary("concat", lambda g, x: g.op("Concat", g.op("Relu", x), g.op("Neg", x), axis=0), (5, 12))
    yield _conv("conv", 3, 10, 3)
    yield _conv("conv_point", 4, 9, 1)
    yield _conv("conv_depth", 6, 6, 3, groups=6)
    yield _unary("max_pool", lambda g, x: g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), (1, 5, 8, 8))


def _array(seed, *shape):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def _finish(g, name, value, shape, feeds):
    g.output("y", value, np.float32, list(shape))
    return name, g.model(), feeds


def _unary(name, op, shape):
    g = Graph(18)
    value = op(g, g.input("x", np.float32, list(shape)))
    # The result's sizes are for shape inference to find.
    return _finish(g, name, value, [None] * len(shape), {"x": _array(1, *shape)})


def _matmul(rows, inner, columns):
    g = Graph(20)
    x = g.linear("dense", g.input("x", np.float32, [rows, inner]), _array(4, columns, inner) / inner**0.5,
                 _array(5, columns), "dense.bias")
    return _finish(g, f"matmul_{rows}x{inner}x{columns}", g.gelu("act", x), (rows, columns), {"x": _array(1, rows, inner)})


def _attention(heads, rows, width):
    g, shape = Graph(18), (1, heads, rows, width)
    query, key, value = (g.input(n, np.float32, list(shape)) for n in "qkv")
    scores = g.op("MatMul", query, g.op("Transpose", key, perm=[0, 1, 3, 2]))
    scores = g.op("Mul", scores, g.constant(width**-0.5, np.float32))
    out = g.op("MatMul", g.op("Softmax", scores, axis=-1), value)
    return _finish(g, f"attention_{rows}", out, shape, {n: _array(6 + i, *shape) for i, n in enumerate("qkv")})


def _conv(name, inner, outer, kernel, groups=1):
    g, size = Graph(18), 12
    x = g.input("x", np.float32, [1, inner, size, size])
    weight = g.weight("w", _array(7, outer, inner // groups, kernel, kernel) / (inner * kernel)**0.5)
    x = g.op("Conv", x, weight, g.weight("b", _array(8, outer)), kernel_shape=[kernel] * 2, group=groups,
             pads=[kernel // 2] * 4, strides=[1, 1], dilations=[1, 1])
    return _finish(g, name, g.op("Relu", x), (1, outer, size, size), {"x": _array(1, 1, inner, size, size)})
