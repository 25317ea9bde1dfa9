# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases of ONNX Runtime's own operators that exports of language models have: products with weights in groups, rotary
# embedding, and norms of sums. Their left-hand sides stay in f32 here (accuracy_level 0 to 3), so that results are
# close; onnx_decoders_test.py has what is rounded.

import numpy as np

from ops_case import RANDOM, Case

DOMAIN = {"domain": "com.microsoft"}


def cases():
    random = RANDOM(9)
    yield from products(random)
    yield from gathers(random)
    yield from norms(random)
    yield from rotations(random)


def packed(codes, bits):
    """Codes along the last dimension, low bits first, from a whole byte on in every row."""
    per_byte = 8 // bits
    rows = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -codes.shape[-1] % per_byte)]).astype(np.uint8)
    rows = rows.reshape(*rows.shape[:-1], -1, per_byte)
    return (rows << np.arange(0, 8, bits, dtype=np.uint8)).sum(-1, dtype=np.uint8)


def quantised(random, n, k, bits, block):
    """Codes in [N, blocks, block], packed, and scales and zeros in [N, blocks]."""
    blocks = -(-k // block)
    codes = random.randint(0, 2 ** bits, (n, blocks, block))
    zeros = random.randint(0, 2 ** bits, (n, blocks))
    scales = random.uniform(0.01, 0.1, (n, blocks)).astype(np.float32)
    return packed(codes, bits), scales, zeros


def products(random):
    # Around blocks and panels; K that ends within a block; rows of a batch.
    for bits, block, n, k, shape in [(4, 32, 16, 64, (1,)), (4, 32, 33, 96, (5,)), (4, 16, 7, 48, (3,)),
                                     (4, 128, 24, 256, (2, 3)), (4, 32, 8, 40, (4,)), (8, 32, 17, 64, (3,)),
                                     (8, 64, 5, 192, (1, 4)), (2, 32, 9, 64, (3,)), (4, 32, 5, 32, (2,))]:
        b, scales, zeros = quantised(random, n, k, bits, block)
        a = random.standard_normal((*shape, k)).astype(np.float32)
        label = f"{bits}bits_{block}_{'x'.join(map(str, shape))}x{k}x{n}"
        attributes = dict(DOMAIN, K=k, N=n, bits=bits, block_size=block)
        yield Case("MatMulNBits", 21, label, [a, b, scales], {1, 2}, attributes=attributes)
        if bits == 2:
            continue
        yield Case("MatMulNBits", 21, label + "_zeros", [a, b, scales, packed(zeros, bits)], {1, 2, 3},
                   attributes=attributes)
    b, scales, zeros = quantised(random, 12, 64, 4, 32)
    a = random.standard_normal((3, 64)).astype(np.float32)
    attributes = dict(DOMAIN, K=64, N=12, bits=4, block_size=32)
    inputs = [a, b, scales, (zeros + random.uniform(0, 1, zeros.shape)).astype(np.float32)]
    yield Case("MatMulNBits", 21, "float_zeros", inputs, {1, 2, 3}, attributes=attributes)
    bias = random.standard_normal(12).astype(np.float32)
    yield Case("MatMulNBits", 21, "bias", [a, b, scales, packed(zeros, 4), None, bias], {1, 2, 3, 5},
               attributes=attributes)
    # As older exporters write them, in one dimension.
    yield Case("MatMulNBits", 21, "flat", [a, b, scales.reshape(-1), packed(zeros, 4).reshape(-1)], {1, 2, 3},
               attributes=dict(attributes, accuracy_level=1))


def gathers(random):
    for bits, block, rows, columns in [(4, 32, 7, 64), (4, 16, 5, 48), (8, 32, 6, 64), (4, 32, 5, 96), (4, 128, 9, 64)]:
        codes = random.randint(0, 2 ** bits, (rows, columns))
        zeros = random.randint(0, 2 ** bits, (rows, -(-columns // block)))
        scales = random.uniform(0.01, 0.1, zeros.shape).astype(np.float32)
        ids = random.randint(-rows, rows, (2, 3)).astype(np.int64)
        attributes = dict(DOMAIN, bits=bits, block_size=block, gather_axis=0, quantize_axis=1)
        data, label = packed(codes, bits), f"{bits}bits_{block}_{rows}x{columns}"
        yield Case("GatherBlockQuantized", 21, label, [data, ids, scales], {0, 2}, attributes=attributes)
        yield Case("GatherBlockQuantized", 21, label + "_zeros", [data, ids, scales, packed(zeros, bits)], {0, 2, 3},
                   attributes=attributes)


def norms(random):
    for shape in [(2, 3, 16), (1, 5, 33)]:
        size, label = shape[-1], "x".join(map(str, shape))
        x, skip = (random.standard_normal(shape).astype(np.float32) for _ in range(2))
        gamma, beta, bias = (random.standard_normal(size).astype(np.float32) for _ in range(3))
        simple = dict(outputs=4, left_out={1, 2}, attributes=dict(DOMAIN, epsilon=1e-5))
        yield Case("SkipSimplifiedLayerNormalization", 17, label, [x, skip, gamma], {2}, **simple)
        yield Case("SkipSimplifiedLayerNormalization", 17, label + "_bias", [x, skip, gamma, bias], {2, 3}, **simple)
        yield Case("SkipLayerNormalization", 17, label, [x, skip, gamma, beta, bias], {2, 3, 4}, **simple)
        yield Case("SkipLayerNormalization", 17, label + "_plain", [x, skip, gamma], {2},
                   attributes=dict(DOMAIN, epsilon=1e-3))
        yield Case("SimplifiedLayerNormalization", 17, label, [x, gamma], {1}, attributes=dict(axis=-1, epsilon=1e-6))


def rotations(random):
    for interleaved in (0, 1):
        for batch, tokens, heads, size, part in [(1, 5, 2, 16, 16), (2, 3, 3, 8, 8), (1, 4, 2, 16, 8)]:
            angles = np.arange(32)[:, None] / 10.0 ** np.arange(part // 2)
            cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
            ids = np.stack([random.permutation(32)[:tokens] for _ in range(batch)]).astype(np.int64)
            x = random.standard_normal((batch, tokens, heads * size)).astype(np.float32)
            label = f"{'pairs' if interleaved else 'halves'}_{batch}x{tokens}x{heads}x{size}_{part}"
            attributes = dict(DOMAIN, interleaved=interleaved)
            if part != size:
                attributes.update(num_heads=heads, rotary_embedding_dim=part)
            yield Case("RotaryEmbedding", 17, label, [x, ids, cos, sin], {2, 3}, attributes=attributes)
            first = np.array([7], np.int64)
            yield Case("RotaryEmbedding", 17, label + "_from", [x, first, cos, sin], {2, 3}, attributes=attributes)
            yield Case("RotaryEmbedding", 17, label + "_known", [x, first, cos, sin], {1, 2, 3}, attributes=attributes)
            apart = np.ascontiguousarray(x.reshape(batch, tokens, heads, size).transpose(0, 2, 1, 3))
            yield Case("RotaryEmbedding", 17, label + "_heads", [apart, ids, cos, sin], {2, 3}, attributes=attributes)
