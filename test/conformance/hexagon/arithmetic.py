# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The integer arithmetic of quantised programs in numpy, from its definition in
# docs/quantisation.md and from nothing else. All values are int64 inside.

import math

import numpy as np


def multiply_high(a, b):
    """M of 32-bit values."""
    return np.minimum((np.asarray(a, np.int64) * np.asarray(b, np.int64) + (1 << 30)) >> 31, (1 << 31) - 1)


def round_shift(x, s):
    """R."""
    x = np.asarray(x, np.int64)
    return x if s == 0 else (x + (1 << (s - 1))) >> s


def clamp(x, kind):
    limits = np.iinfo(kind)
    return np.clip(x, limits.min, limits.max).astype(kind)


def requantise(acc, multiplier, shift, zero, kind):
    """Q."""
    assert np.all(np.abs(acc) < 1 << 31)
    return clamp(round_shift(multiply_high(acc, multiplier), shift) + zero, kind)


def matmul(lhs, rhs, bias, multiplier, shift, zero, kind):
    acc = lhs.astype(np.int64) @ rhs.astype(np.int64) + bias
    return requantise(acc, multiplier, shift, zero, kind)


def pack_dot(rhs):
    """[K, N] of i8 to [ceil(N / 32), ceil(K / 4), 32, 4] of unsigned bytes."""
    k, n = rhs.shape
    padded = np.zeros((-(-k // 4) * 4, -(-n // 32) * 32), np.int8)
    padded[:k, :n] = rhs
    parts = padded.reshape(padded.shape[0] // 4, 4, padded.shape[1] // 32, 32)
    return np.ascontiguousarray((parts.transpose(2, 0, 3, 1).view(np.uint8) ^ 0x80))


def add(a, b, ma, mb, offset, shift, zero, kind):
    return clamp(round_shift(a.astype(np.int64) * ma + b.astype(np.int64) * mb + offset, shift) + zero, kind)


def rescale(x, multiplier, offset, shift, zero, kind):
    return clamp(round_shift(x.astype(np.int64) * multiplier + offset, shift) + zero, kind)


def rescale_columns(x, columns, shift, zero, kind):
    a = 23 if x.dtype == np.int8 else 15
    return clamp(round_shift(multiply_high(x.astype(np.int64) << a, columns), shift) + zero, kind)


def lookup(x, table):
    """table is [256], or [B, 256] for B blocks of channels."""
    if table.ndim == 1:
        return table[x.astype(np.int64) + 128]
    block = np.arange(x.shape[-1]) // (x.shape[-1] // table.shape[0])
    return table[block, x.astype(np.int64) + 128]


def round_wide(z, t):
    """R8."""
    if t >= 0:
        return round_shift(z, min(t, 31))
    return np.array([max(-(1 << 30), min(1 << 30, int(v) << -t)) for v in z], np.int64)


def norm(x, gain, offset, epsilon, gain_shift, zero, kind, mean):
    """quantized_layer_norm (with offset and mean) or quantized_rms_norm."""
    bits = x.dtype.itemsize * 8
    c = x.shape[-1]
    rows = x.reshape(-1, c).astype(np.int64)
    reach = (2 * c if mean else 1) * (1 << (bits - 1))
    a = 0
    while reach << (a + 1) <= 1 << 31:
        a += 1
    out = np.zeros(rows.shape, kind)
    for i, row in enumerate(rows):
        total, squares = int(row.sum()), int((row * row).sum())
        if mean:
            d, n = c * row - total, c * squares - total * total + epsilon
        else:
            d, n = row, squares + epsilon
        h = 0
        while n << (h + 2) < 1 << 62:
            h += 2
        sd = math.isqrt(n << h)
        r = min((1 << 31) - 1, (1 << 61) // sd)
        z = multiply_high(multiply_high(d << a, r), gain)
        w = np.clip(round_wide(z, 22 + a - gain_shift - h // 2) + offset, -(1 << 31), (1 << 31) - 1)
        out[i] = clamp(round_shift(w, 8) + zero, kind)
    return out.reshape(x.shape)


def exp2_table():
    return np.array([int(np.rint(2.0 ** (f / 256) * 32768)) for f in range(256)], np.int64)


def attention(q, k, v, mask, score_multiplier, score_shift, multiplier, shift, zero):
    """q [B,S,H,D], k [B,T,G,D], v [B,T,G,E], mask broadcasting to [B,H,S,T]."""
    batch, queries, heads, _ = q.shape
    keys, groups, width = v.shape[1:]
    table = exp2_table()
    out = np.zeros((batch, queries, heads, width), np.int8)
    if mask is not None:
        mask = np.broadcast_to(mask, (batch, heads, queries, keys))
    for b in range(batch):
        for head in range(heads):
            group = head // (heads // groups)
            scores = q[b, :, head].astype(np.int64) @ k[b, :, group].astype(np.int64).T
            t = np.clip(round_shift(multiply_high(scores, score_multiplier), score_shift), -32768, 32767)
            if mask is not None:
                t = np.clip(t + mask[b, head], -32768, 32767)
            d = t - t.max(axis=1, keepdims=True)
            e = table[d & 255] >> np.minimum(31, -(d >> 8))
            p = np.minimum(255, (e + 64) >> 7)
            sums = p.sum(axis=1)
            acc = p @ v[b, :, group].astype(np.int64)
            for s in range(queries):
                x = int(sums[s]).bit_length() - 1
                r = min((1 << 31) - 1, (1 << (31 + x)) // int(sums[s]))
                u = multiply_high(acc[s], r)
                out[b, s, head] = clamp(
                    round_shift(multiply_high(u, multiplier), min(31, shift + x)) + zero, np.int8)
    return out
