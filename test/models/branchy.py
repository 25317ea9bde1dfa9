# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Seeded convolutional networks whose graphs are no chains, for whatever decides order and memory: Inception's modules
# (four branches and a concatenation of channels), NASNet's cells (ten small branches on the last two cells, added in
# pairs and concatenated) and a U-Net (skips that live from one end of the network to the other). Normalisation is left
# out, since exporters fold it into the convolutions. Channels are few, so that the files stay small; the input has the
# usual three channels.

import dataclasses

import numpy as np

from gpt2 import _Weights
from graph import Graph


@dataclasses.dataclass
class Config:
    size: int = 64
    channels: int = 16
    blocks: int = 4
    classes: int = 10


class _Builder:
    """A graph, its weights, and the layers that the three networks share; values are [batch, channels, rows, columns]."""

    def __init__(self, config, seed, opset):
        self.c, self.g = config, Graph(opset)
        self.w = _Weights(self.g, seed)
        self.image = self.g.input("image", np.float32, ["batch", 3, config.size, config.size])

    def conv(self, scope, x, inner, outer, kernel=1, stride=1, groups=1, relu=True):
        """Zero padding that keeps rows and columns but for the stride; weights keep the variance."""
        g, name = self.g, scope.replace("/", ".")
        fan_in = inner // groups * kernel * kernel
        with g.scope(*scope.split("/")):
            weight = self.w.put(f"{name}.weight", outer, inner // groups, kernel, kernel, scale=(2 / fan_in)**0.5)
            x = g.op("Conv", x, weight, self.w.put(f"{name}.bias", outer), dilations=[1, 1], group=groups,
                     kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4, strides=[stride] * 2)
            return g.op("Relu", x) if relu else x

    def pool(self, scope, kind, x, kernel=3, stride=1):
        with self.g.scope(*scope.split("/")):
            # Padding counts neither as the largest value nor in the mean.
            return self.g.op(kind, x, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                             pads=[(kernel - 1) // 2] * 4)

    def classify(self, x, inner):
        g, c = self.g, self.c
        with g.scope("classifier"):
            x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
            x = g.op("Gemm", x, self.w.put("classifier.weight", c.classes, inner),
                     self.w.put("classifier.bias", c.classes), alpha=1.0, beta=1.0, transB=1)
        g.output("logits", x, np.float32, ["batch", c.classes])
        return g.model()


def inception(config, seed, opset=14):
    """Modules of 1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3 | pool, 1x1; every second one halves rows and columns before."""
    b, width = _Builder(config, seed, opset), config.channels
    x = b.conv("stem", b.image, 3, width, 3, 2)
    for block in range(config.blocks):
        p = f"mixed.{block}"
        if block % 2:
            x = b.pool(f"{p}/shrink", "MaxPool", x, 3, 2)
        half = width // 2
        parts = [b.conv(f"{p}/one", x, width, width),
                 b.conv(f"{p}/three", b.conv(f"{p}/three_reduce", x, width, half), half, width, 3)]
        deep = b.conv(f"{p}/five_first", b.conv(f"{p}/five_reduce", x, width, half), half, half, 3)
        parts.append(b.conv(f"{p}/five", deep, half, half, 3))
        parts.append(b.conv(f"{p}/pool_one", b.pool(f"{p}/pool", "AveragePool", x), width, half))
        with b.g.scope(p):
            x = b.g.op("Concat", *parts, axis=1)
        # 1 + 1 + 1/2 + 1/2 widths come out; the next module works on what a projection leaves.
        x = b.conv(f"{p}/project", x, 3 * width, width)
    return b.classify(x, width)


def nasnet(config, seed, opset=14):
    """Cells of five sums of two branches each, on the two cells before."""
    b, width = _Builder(config, seed, opset), config.channels

    def separable(scope, x, kernel):
        x = b.conv(f"{scope}/depth", x, width, width, kernel, groups=width, relu=False)
        return b.conv(f"{scope}/point", x, width, width)

    before = x = b.conv("stem", b.image, 3, width, 3, 2)
    for cell in range(config.blocks):
        p = f"cell.{cell}"
        mean = lambda branch, value: b.pool(f"{p}/{branch}", "AveragePool", value)
        pairs = [(separable(f"{p}/a", x, 3), x),
                 (separable(f"{p}/b", before, 3), separable(f"{p}/c", x, 5)),
                 (mean("d", x), before),
                 (mean("e", before), mean("f", before)),
                 (separable(f"{p}/g", before, 5), separable(f"{p}/h", before, 3))]
        with b.g.scope(p):
            joined = b.g.op("Concat", before, *[b.g.op("Add", *pair) for pair in pairs], axis=1)
        before, x = x, b.conv(f"{p}/adjust", joined, 6 * width, width)
    return b.classify(x, width)


def unet(config, seed, opset=14):
    """Down `blocks` levels by maxima, up by convolution and DepthToSpace; each level's end is kept for the way up."""
    b, width = _Builder(config, seed, opset), config.channels
    g = b.g
    x, inner, skips = b.image, 3, []
    for level in range(config.blocks):
        outer = width << min(level, 2)
        x = b.conv(f"down.{level}/first", x, inner, outer, 3)
        x = b.conv(f"down.{level}/second", x, outer, outer, 3)
        skips.append((x, outer))
        x, inner = b.pool(f"down.{level}", "MaxPool", x, 2, 2), outer
    x = b.conv("middle", x, inner, inner, 3)
    for level, (skip, outer) in reversed(list(enumerate(skips))):
        p = f"up.{level}"
        x = b.conv(f"{p}/grow", x, inner, 4 * outer, relu=False)
        with g.scope(p):
            x = g.op("Concat", skip, g.op("DepthToSpace", x, blocksize=2, mode="CRD"), axis=1)
        x = b.conv(f"{p}/first", x, 2 * outer, outer, 3)
        x, inner = b.conv(f"{p}/second", x, outer, outer, 3), outer
    g.output("mask", b.conv("head", x, inner, 2, relu=False), np.float32, ["batch", 2, config.size, config.size])
    return g.model()


def feeds(config, seed, batch):
    random = np.random.RandomState(seed)
    return {"image": random.standard_normal((batch, 3, config.size, config.size)).astype(np.float32)}
