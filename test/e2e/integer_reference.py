# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The integer arithmetic of quantised programs, in numpy: every operation of docs/quantisation.md, bit for bit, as plain
# as can be. Kernels, the compiler's reference and compiled programs are compared with these functions; nothing here
# shares code with them. Values are int64 arrays that hold the storage type's range, so that no sum wraps unseen: where
# the specification says 32 bits, `_i32` checks it. Parameters (multipliers, gains, tables) come from
# integer_parameters.py or from the program under test.

import numpy as np

I32 = (-2**31, 2**31 - 1)
EXP2 = np.rint(np.exp2(np.arange(256) / 256) * 2**15).astype(np.int64)
MASKED = -2**15


class Overflow(ArithmeticError):
    """A value that the specification holds in 32 bits left them: the program should have been refused."""


def _i32(x):
    x = np.asarray(x, np.int64)
    if x.size and (x.min() < I32[0] or x.max() > I32[1]):
        raise Overflow(f"{x.min()} to {x.max()} is not in 32 bits")
    return x


# --- primitives -------------------------------------------------------------------------------------------------------
def multiply_high(a, b):
    """M(a, b) = (a * b + 2^30) >> 31, saturated to 32 bits; both factors in 32 bits."""
    product = _i32(a) * _i32(b)
    return np.clip((product + 2**30) >> 31, *I32)


def shift_right(x, s):
    """R(x, s): x / 2^s, halves up; 0 <= s <= 31, each element its own s."""
    s = np.asarray(s, np.int64)
    if s.size and (s.min() < 0 or s.max() > 31):
        raise ValueError(f"shift {s.min()} to {s.max()} is not in 0 to 31")
    half = np.where(s > 0, np.int64(1) << np.maximum(s - 1, 0), 0)
    return (np.asarray(x, np.int64) + half) >> s


def clamp(x, bits):
    return np.clip(x, -2**(bits - 1), 2**(bits - 1) - 1)


def requantize(acc, multiplier, shift, zero=0, bits=8):
    """Q(acc, m, s, zero). The sum with `zero` is exact, that is, saturating in 32 bits would give the same."""
    return clamp(shift_right(multiply_high(acc, multiplier), shift) + zero, bits)


# --- floats at the border ---------------------------------------------------------------------------------------------
def quantize(x, scale, zero=0, bits=8):
    """float32 -> integer: one IEEE division, halves to even, then saturation; NaN gives `zero`. scale: one, or [C]."""
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = np.rint(np.asarray(x, np.float32) / np.asarray(scale, np.float32))
    # Beyond 2^17 everything saturates, whatever `zero` is; before that the sum is exact.
    return clamp(np.nan_to_num(np.clip(ratio, -2.0**17, 2.0**17), nan=0.0).astype(np.int64) + zero, bits)


def dequantize(q, scale, zero=0):
    return (np.asarray(q, np.int64) - zero).astype(np.float32) * np.asarray(scale, np.float32)


# --- products ---------------------------------------------------------------------------------------------------------
def _product(a, b):
    """An exact integer matrix product by float64 BLAS: below 2^53 every partial sum is exact."""
    bound = a.shape[-1] * max(1, np.abs(a).max(initial=0)) * max(1, np.abs(b).max(initial=0))
    if bound >= 2**53:
        raise Overflow("a product beyond 2^53")
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)


def matmul(lhs, rhs, bias, multiplier, shift, zero=0, bits=8):
    """lhs [..., M, K] i8 or i16, rhs [K, N] i8, bias and multiplier [N] i32 -> [..., M, N]."""
    return requantize(_i32(_product(lhs, rhs) + bias), multiplier, shift, zero, bits)


def exponential(d):
    """2^(d / 256) with 15 fraction bits, for d <= 0: a table for the fraction, a shift for the rest; floor."""
    return EXP2[d & 255] >> np.minimum(31, -(d >> 8))


def attention_weights(t):
    """Scores in base 2 with 8 fraction bits [..., T] -> weights 0..255, of which the greatest is 255."""
    return np.minimum(255, (exponential(t - t.max(-1, keepdims=True)) + 64) >> 7)


def attention(q, k, v, score_multiplier, score_shift, multiplier, shift, zero=0, bits=8, mask=None):
    """q [..., S, D], k [..., T, D], v [..., T, E], all i8 with zero point 0; mask i16, broadcast to [..., S, T]."""
    if k.shape[-2] > 2**15:
        raise ValueError("more than 32768 keys")
    s = _i32(_product(q, np.swapaxes(k, -1, -2)))
    t = clamp(shift_right(multiply_high(s, score_multiplier), score_shift), 16)
    if mask is not None:
        t = clamp(t + mask, 16)
    p = attention_weights(t)
    total = _i32(p.sum(-1, keepdims=True))
    acc = _i32(_product(p, v))
    x = floor_log2(total)
    r = np.minimum(2**31 - 1, (np.int64(1) << (31 + x)) // total)
    u = multiply_high(acc, r)
    return clamp(shift_right(multiply_high(u, multiplier), np.minimum(31, shift + x)) + zero, bits)


# --- norms ------------------------------------------------------------------------------------------------------------
def floor_log2(x):
    """For 1 <= x < 2^62. Doubles round 2^n - 1 up to 2^n from 2^53 on, hence the correction."""
    n = np.frexp(np.asarray(x, np.int64).astype(np.float64))[1].astype(np.int64) - 1
    return n - ((np.int64(1) << n) > x)


def isqrt(n):
    """floor(sqrt(n)) for 0 <= n < 2^62: a double's root is off by one at most."""
    n = np.asarray(n, np.int64)
    root = np.sqrt(n.astype(np.float64)).astype(np.int64)
    root -= root * root > n
    return root + ((root + 1) * (root + 1) <= n)


def _normalise(d, n, normalise, gain, gain_shift, offset, zero, bits):
    """The part that both norms share: d / sqrt(n) * gain + offset. n in [1, 2^62), one a row."""
    h = (61 - floor_log2(n)) & ~np.int64(1)
    r = np.minimum(2**31 - 1, (np.int64(1) << 61) // isqrt(n << h))
    z = multiply_high(multiply_high(_i32(d << normalise), r), gain)
    total = 22 + normalise - gain_shift - h // 2
    # z << -total saturates at 2^30; a shift by more than 31 has saturated whatever is not 0.
    left = np.clip(z << np.clip(-total, 0, 31), -2**30, 2**30)
    w = np.where(total >= 0, shift_right(z, np.clip(total, 0, 31)), left)
    # Saturating this sum in 32 bits gives the same: it is far beyond every range.
    return clamp(shift_right(w + offset, 8) + zero, bits)


def layer_norm(x, epsilon, normalise, gain, gain_shift, offset, zero=0, bits=8):
    """Over the last dimension; x i8 or i16 with any zero point. gain [C] (signed), offset [C] with 8 fraction bits."""
    c = x.shape[-1]
    s = x.sum(-1, keepdims=True)
    n = c * (x * x).sum(-1, keepdims=True) - s * s + epsilon
    return _normalise(_i32(c * x - s), n, normalise, gain, gain_shift, offset, zero, bits)


def rms_norm(x, epsilon, normalise, gain, gain_shift, offset, zero=0, bits=8):
    """Over the last dimension; x i8 or i16 with zero point 0. gain carries sqrt(C)."""
    n = (x * x).sum(-1, keepdims=True) + epsilon
    return _normalise(np.asarray(x, np.int64), n, normalise, gain, gain_shift, offset, zero, bits)


# --- elements ---------------------------------------------------------------------------------------------------------
def add(a, b, multiplier_a, multiplier_b, offset, shift, zero=0, bits=16):
    return clamp(shift_right(_i32(a * multiplier_a + b * multiplier_b + offset), shift) + zero, bits)


def rescale(a, multiplier, offset, shift, zero=0, bits=8):
    return clamp(shift_right(_i32(a * multiplier + offset), shift) + zero, bits)


def rescale_columns(a, columns, shift, zero=0, bits=8, source_bits=16):
    """From one scale with zero point 0 to a scale for each column; columns [C] i32."""
    return requantize(_i32(a << (15 if source_bits == 16 else 23)), columns, shift, zero, bits)


def lookup(q, table):
    """table [256], or [B, 256] with one row for each of B equal blocks of columns."""
    table = np.atleast_2d(np.asarray(table, np.int64))
    block = np.arange(q.shape[-1]) * len(table) // q.shape[-1]
    return table[block, q + 128]
