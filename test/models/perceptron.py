# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Single layers and the feed-forward block of a transformer, at chosen sizes: what the tests and measurements of a
# machine with several engines cut into shares. Weights are seeded and keep the variance.

import numpy as np

from graph import Graph


def block(rows, columns, inner, layers=2, seed=5, opset=20):
    """x [rows, columns] through `layers` matrices with a GELU between them: columns -> inner -> columns -> ..."""
    g, random = Graph(opset), np.random.RandomState(seed)
    x = g.input("x", np.float32, [rows, columns])
    widths = [columns if i % 2 == 0 else inner for i in range(layers + 1)]
    for layer, (before, after) in enumerate(zip(widths, widths[1:])):
        weight = (random.standard_normal((after, before)) / before**0.5).astype(np.float32)
        bias = random.standard_normal(after).astype(np.float32)
        x = g.linear(f"layers.{layer}", x, weight, bias, f"layers.{layer}.bias")
        if layer + 1 < layers:
            x = g.gelu(f"layers.{layer}/act", x)
    g.output("y", x, np.float32, [rows, widths[-1]])
    return g.model()


def feeds(rows, columns, seed=1):
    return {"x": np.random.RandomState(seed).standard_normal((rows, columns)).astype(np.float32)}
