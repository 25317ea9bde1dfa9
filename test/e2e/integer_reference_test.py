# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# integer_reference.py against the formulas written once more on Python's unbounded integers, at the edges of every
# range; and against real arithmetic in doubles, which bounds what quantisation itself loses. --verbose prints the errors.

import argparse
import math
import sys

import numpy as np

import integer_parameters as parameters
import integer_reference as integer
from integer_parameters import Unrepresentable, Values

LOW, HIGH = -2**31, 2**31 - 1


class Check:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, good, detail=""):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAIL {name}: {detail}")

    def same(self, name, got, expected):
        got, expected = np.asarray(got), np.asarray(expected)
        wrong = np.argwhere(got != expected)[:1] if got.shape == expected.shape else [()]
        self(name, not len(wrong), f"at {wrong}: {got.shape} {got}\ninstead of {expected.shape} {expected}")

    def raises(self, name, error, function, *arguments):
        try:
            function(*arguments)
        except error:
            self(name, True)
        else:
            self(name, False, f"expected {error.__name__}")


# --- the formulas on Python's integers --------------------------------------------------------------------------------
def m(a, b):
    return max(LOW, min(HIGH, (a * b + 2**30) >> 31))


def r(x, s):
    return x if s == 0 else (x >> s) + ((x >> (s - 1)) & 1)


def clamp(x, bits):
    return max(-2**(bits - 1), min(2**(bits - 1) - 1, x))


def exact_attention(q, k, v, score, score_shift, multiplier, shift, zero, mask):
    table = [round(2**(f / 256) * 2**15) for f in range(256)]
    result = []
    for i, row in enumerate(q.tolist()):
        t = [clamp(r(m(sum(a * b for a, b in zip(row, key)), score), score_shift), 16) for key in k.tolist()]
        t = [clamp(x + y, 16) for x, y in zip(t, mask[i].tolist())]
        p = [min(255, ((table[(x - max(t)) & 255] >> min(31, -((x - max(t)) >> 8))) + 64) >> 7) for x in t]
        total = sum(p)
        x = total.bit_length() - 1
        reciprocal = min(HIGH, 2**(31 + x) // total)
        columns = [sum(a * b for a, b in zip(p, column)) for column in v.T.tolist()]
        result.append([clamp(r(m(m(c, reciprocal), multiplier), min(31, shift + x)) + zero, 8) for c in columns])
    return result


def exact_norm(x, mean, epsilon, normalise, gain, gain_shift, offset, zero, bits):
    result = []
    for row in x.tolist():
        c = len(row)
        s = sum(row) if mean else 0
        d = [c * v - s for v in row] if mean else row
        n = (c if mean else 1) * sum(v * v for v in row) - s * s + epsilon
        h = max(h for h in range(0, 64, 2) if n << h < 2**62)
        root = math.isqrt(n << h)
        assert 2**30 <= root < 2**31
        reciprocal = min(HIGH, 2**61 // root)
        total = 22 + normalise - gain_shift - h // 2
        out = []
        for v, g, o in zip(d, gain.tolist(), offset.tolist()):
            assert LOW <= v << normalise <= HIGH
            z = m(m(v << normalise, reciprocal), g)
            w = r(z, min(31, total)) if total >= 0 else max(-2**30, min(2**30, z << -total))
            out.append(clamp(r(w + o, 8) + zero, bits))
        result.append(out)
    return result


# --- tests ------------------------------------------------------------------------------------------------------------
EDGES = [LOW, LOW + 1, -2**30 - 1, -2**30, -3, -2, -1, 0, 1, 2, 3, 2**30 - 1, 2**30, HIGH - 1, HIGH]


def test_primitives(check, random):
    for a in EDGES:
        check.same(f"M({a}, .)", integer.multiply_high(a, np.array(EDGES)), [m(a, b) for b in EDGES])
        for s in range(32):
            check.same(f"R({a}, {s})", integer.shift_right(a, s), r(a, s))
    check.same("halves go up", integer.shift_right(np.array([-6, -5, -3, -2, 2, 3, 5, 6]), 2), [-1, -1, -1, 0, 1, 1, 1, 2])
    check.same("saturation", integer.multiply_high(LOW, LOW), HIGH)
    acc = np.array(EDGES)
    for shift, zero, bits in [(0, 127, 8), (0, -128, 8), (31, 5, 8), (0, 0, 16), (7, 0, 16)]:
        for multiplier in (0, 1, 2**30, HIGH):
            check.same(f"Q {multiplier} {shift} {zero} {bits}", integer.requantize(acc, multiplier, shift, zero, bits),
                       [clamp(r(m(a, multiplier), shift) + zero, bits) for a in EDGES])
    check.raises("shift of 32", ValueError, integer.shift_right, 1, 32)
    check.raises("beyond 32 bits", integer.Overflow, integer.multiply_high, HIGH + 1, 1)
    values = np.concatenate([2**np.arange(62) + d for d in (-1, 0, 1)] + [random.integers(1, 2**62, 1000)])
    values = values[(values > 0) & (values < 2**62)]
    check.same("floor_log2", integer.floor_log2(values), [int(v).bit_length() - 1 for v in values])
    squares = random.integers(2**20, 2**31, 1000)**2
    values = np.concatenate([values, squares - 1, squares, squares + 1, [0]])
    values = values[values < 2**62]
    check.same("isqrt", integer.isqrt(values), [math.isqrt(int(v)) for v in values])


def test_floats(check):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 1e38, -1e38, 1e-45], np.float32)
    check.same("quantize", integer.quantize(x, 1.0, 3),
               [3, 127, -128, 3, 3, 3, 5, 5, 3, 1, 127, 127, 127, -128, 3])
    check.same("quantize i16", integer.quantize(x, 2.0**-8, 0, 16),
               [0, 32767, -32768, 0, 0, 128, 384, 640, -128, -384, 32384, 32640, 32767, -32768, 0])
    check.same("quantize by columns", integer.quantize(np.float32([[1, 1], [-3, 3]]), [0.5, 1.0], -1), [[1, 0], [-7, 2]])
    every = np.arange(-128, 128)
    check.same("there and back", integer.quantize(integer.dequantize(every, 0.037, -11), 0.037, -11), every)


def test_products(check, random):
    for bits in (8, 16):
        low, high = -2**(bits - 1), 2**(bits - 1) - 1
        for k in (1, 31, 32, 33, 500):
            lhs = random.integers(low, high + 1, (3, k))
            lhs[0], lhs[1] = low, high
            rhs = random.integers(-127, 128, (k, 5))
            rhs[:, 0], rhs[:, 1] = 127, -127
            bias = random.integers(-2**20, 2**20, 5)
            multiplier = np.array([0, 1, 2**30, HIGH, 12345])
            expected = [[clamp(r(m(sum(int(a) * int(b) for a, b in zip(lhs[i], rhs[:, n])) + int(bias[n]),
                                   int(multiplier[n])), 9) - 4, 8) for n in range(5)] for i in range(3)]
            check.same(f"matmul i{bits} {k}", integer.matmul(lhs, rhs, bias, multiplier, 9, -4), expected)
    check.raises("sum beyond 32 bits", integer.Overflow, integer.matmul, np.full((1, 600), -2**15),
                 np.full((600, 1), 127), np.array([0]), np.array([1]), 0)


def test_attention(check, random):
    for s, t, d in [(1, 1, 1), (2, 3, 32), (3, 17, 64), (2, 130, 32)]:
        for spread in (1, 20, 127):
            q, k, v = (random.integers(-spread, spread + 1, (n, d)) for n in (s, t, t))
            if spread == 127:
                q[0], k[0], v[:, 0], v[:, -1] = 127, 127, 127, -128
            mask = np.where(random.random((s, t)) < 0.2, integer.MASKED, 0)
            mask[:, 0] = 0
            for shift, zero in [(-7, 0), (0, 3), (31, -5)]:
                arguments = (2**30 + 12345, 4, 2**30 + 54321, shift, zero)
                check.same(f"attention {s} {t} {d} {spread} {shift}", integer.attention(q, k, v, *arguments, mask=mask),
                           exact_attention(q, k, v, *arguments, mask))
    table = [round(2**(f / 256) * 2**15) for f in range(256)]
    check.same("exponential", integer.exponential(-np.arange(65536)),
               [table[-i & 255] >> min(31, -(-i >> 8)) for i in range(65536)])
    check("table's ends", (table[0], table[255]) == (32768, 65359), str(table[255]))
    # Equal scores weigh the same; a masked key, as long as no score exceeds the others by 2^119, nothing.
    check.same("weights", integer.attention_weights(np.array([[5, 5, 5 - 256, -32768]])), [[255, 255, 128, 0]])


def test_norms(check, random):
    for bits in (8, 16):
        low, high = -2**(bits - 1), 2**(bits - 1) - 1
        for c in (1, 2, 31, 384, 2048, 16384):
            x = random.integers(low, high + 1, (6, c))
            x[0], x[1] = low, high
            x[2] = np.where(np.arange(c) % 2, low, high)
            x[3] = 7
            x[3, 0] = 8
            x[4] = low
            x[4, -1] = high
            gamma, beta = random.standard_normal(c) * 2, random.standard_normal(c)
            for scale, epsilon, result in [(0.01, 1e-12, Values(0.03, 5)), (3.0, 1e-5, Values(1e-4, 0, 16)),
                                           (1e-9, 1e-2, Values(0.5, -128)), (0.02, 0.0, Values(1e-6, 0, 16))]:
                arguments = parameters.layer_norm(gamma, beta, epsilon, Values(scale, 0, bits), result)
                check.same(f"layer_norm i{bits} {c} {result}", integer.layer_norm(x, *arguments),
                           exact_norm(x, True, *arguments))
                arguments = parameters.rms_norm(gamma, epsilon, Values(scale, 0, bits), result)
                check.same(f"rms_norm i{bits} {c} {result}", integer.rms_norm(x, *arguments),
                           exact_norm(x, False, *arguments))


def test_elements(check, random):
    edges = [-2**15, -2**15 + 1, -1, 0, 1, 2**15 - 1]
    a, b = (np.array(v) for v in zip(*[(x, y) for x in edges for y in edges]))
    for ma, mb, offset, shift, zero, bits in [(2**14, 2**14, 0, 0, 0, 16), (2**14, 2**14, 0, 15, 0, 16),
                                              (8193, 1, 128 * 8194, 14, -7, 8), (2**14, 0, -5, 31, 9, 8)]:
        check.same(f"add {ma} {mb} {shift}", integer.add(a, b, ma, mb, offset, shift, zero, bits),
                   [clamp(r(int(x) * ma + int(y) * mb + offset, shift) + zero, bits) for x, y in zip(a, b)])
        check.same(f"rescale {ma} {shift}", integer.rescale(a, ma, offset, shift, zero, bits),
                   [clamp(r(int(x) * ma + offset, shift) + zero, bits) for x in a])
    columns = np.array([0, 1, 2**30, HIGH, 77, 2**31 - 2**7])
    for bits, left in ((16, 15), (8, 23)):
        q = np.array([[v >> (16 - bits) for v in edges]])
        check.same(f"rescale_columns i{bits}", integer.rescale_columns(q, columns, 13, 2, 8, bits),
                   [[clamp(r(m(int(x) << left, int(f)), 13) + 2, 8) for x, f in zip(q[0], columns)]])
    table = np.stack([np.arange(256) - 128, 127 - np.arange(256)])
    q = random.integers(-128, 128, (4, 6))
    check.same("lookup", integer.lookup(q, table[1]), -1 - q)
    check.same("lookup by blocks", integer.lookup(q, table), np.hstack([q[:, :3], -1 - q[:, 3:]]))


def test_parameters(check, random):
    for factor in (1 - 2**-53, 0.5, 0.5 - 2**-54, 1 / 3, 1e-3, 2**-31, 1e-12):
        (multiplier,), shift = parameters.fixed_point([factor])
        check(f"fixed_point {factor}", 0 <= shift <= 31 and (multiplier >= 2**30 or shift == 31)
              and abs(multiplier / 2**(31 + shift) - factor) <= max(factor * 2**-31, 2**-63), f"{multiplier} {shift}")
    check.raises("a factor of 1", Unrepresentable, parameters.fixed_point, [1.0])
    check.raises("a factor of 0", Unrepresentable, parameters.fixed_point, [0.0])
    for factors in ([1.0, 1.0], [0.5, 1e-6], [3.0, 0.7], [2.0**14, 1.0], [1e-5, 1e-5]):
        multipliers, shift = parameters.short_fixed_point(*factors)
        check(f"short_fixed_point {factors}", 2**13 <= max(multipliers) <= 2**14
              and all(abs(f - x / 2**shift) <= 2.0**-(shift + 1) for f, x in zip(factors, multipliers)), f"{multipliers}")
    check.raises("a sum scaled up by 2^15", Unrepresentable, parameters.short_fixed_point, 2.0**15)
    w = random.standard_normal((40, 4))
    w[:, 2] = 0
    w[:, 3] *= 1e-9
    q, scale = parameters.weights(w)
    check("columns of nearly nothing", not q[:, 2:].any() and (scale[2:] == scale.max() / 4096).all(), f"{scale}")
    check("weights", np.abs(q * scale - w).max() <= scale.max() / 2 and np.abs(q).max() == 127)
    q, scale = parameters.weights(np.zeros((3, 2)))
    check("weights of 0", not q.any() and (scale == 1).all())
    fine = Values(1e-7, 0, 16)
    lhs = Values(0.05, 0, 8)
    check.raises("a result finer than the sums", Unrepresentable, parameters.matmul, w, np.zeros(4), lhs, fine)
    parameters.matmul(w, np.zeros(4), lhs, Values(parameters.least_product_scale(w, lhs), 0, 16))
    check.raises("a large bias", Unrepresentable, parameters.matmul, w, np.full(4, 1e9), lhs, Values(1e8))
    check.raises("a long i16 sum", Unrepresentable, parameters.matmul, np.ones((600, 1)), np.zeros(1),
                 Values(0.1, 0, 16), Values(10.0))
    for low, high in [(-1, 1), (0, 5), (2, 5), (-5, -2), (-1e-3, 30), (0, 0)]:
        values = parameters.asymmetric(low, high)
        check.same(f"0 in {low} to {high}", integer.quantize(0, values.scale, values.zero), values.zero)
        ends = (np.array([-128, 127]) - values.zero) * values.scale
        check(f"{low} to {high}", ends[0] <= min(low, 0) + 0.51 * values.scale
              and ends[1] >= max(high, 0) - 0.51 * values.scale, f"{ends}")
    x = np.concatenate([random.standard_normal(100000), [60.0]])
    ends = parameters.least_error_range(x, 8, False)
    errors = [parameters.error_of(x, parameters.asymmetric(*e)) for e in (ends, (x.min(), x.max()))]
    check("least error", errors[0] <= errors[1], f"{errors}")


# --- against real arithmetic: the error in steps of the result --------------------------------------------------------
def test_errors(check, random, verbose):
    def bound(name, got, expected, most, bits=8):
        # Where real arithmetic saturates, so does the integer.
        error = np.abs(got - np.clip(expected, -2**(bits - 1), 2**(bits - 1) - 1)).max()
        if verbose:
            print(f"{name:42} {error:.4f} steps at most")
        check(name, error <= most, f"{error} steps, above {most}")

    # Two roundings: the first by up to half of 2^-shift of a step.
    for bits, most in ((8, 0.51), (16, 0.6)):
        result = Values(0.06 if bits == 8 else 0.0006, 0, bits)
        for source in (Values(0.03, 9), Values(0.0004, 0, 16)):
            low, high = (-128, 128) if source.bits == 8 else (-9000, 9000)
            q = random.integers(low, high, (64, 384))
            w, bias = random.standard_normal((384, 96)) * 0.05, random.standard_normal(96)
            arguments = parameters.matmul(w, bias, source, result)
            columns = parameters.weights(w)[1]
            real = ((q - source.zero) * source.scale) @ (arguments[0] * columns) + bias
            bound(f"matmul i{source.bits} -> i{bits}", integer.matmul(q, *arguments), real / result.scale, most, bits)
            gamma, beta = 1 + 0.1 * random.standard_normal(384), random.standard_normal(384)
            x = q * source.scale
            real = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * gamma + beta
            got = integer.layer_norm(q, *parameters.layer_norm(gamma, beta, 1e-12, source, result))
            bound(f"layer_norm i{source.bits} -> i{bits}", got, real / result.scale, most, bits)
            real = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * gamma
            got = integer.rms_norm(q, *parameters.rms_norm(gamma, 1e-6, source._replace(zero=0), result))
            bound(f"rms_norm i{source.bits} -> i{bits}", got, real / result.scale, most, bits)
    a, b, result = Values(0.02, -3), Values(0.0001, 0, 16), Values(0.0002, 0, 16)
    x, y = random.integers(-128, 128, 9999), random.integers(-2**15, 2**15, 9999)
    real = ((x - a.zero) * a.scale + y * b.scale) / result.scale
    bound("add i8 + i16 -> i16", integer.add(x, y, *parameters.add(a, b, result)), real, 2.0, 16)
    # Weights of keys have 8 bits: rows of many small ones lose most.
    for t, most in ((16, 1), (64, 1.5), (197, 2.5), (512, 4)):
        q, k, v = (random.standard_normal((4, t, 32)) for _ in range(3))
        values = [Values(np.abs(x).max() / 127) for x in (q, k, v)]
        q, k, v = (integer.quantize(x, z.scale) for x, z in zip((q, k, v), values))
        real = (q * values[0].scale) @ np.swapaxes(k * values[1].scale, 1, 2) / math.sqrt(32)
        real = np.exp(real - real.max(-1, keepdims=True))
        real = real / real.sum(-1, keepdims=True) @ (v * values[2].scale)
        result = Values(np.abs(real).max() / 127)
        got = integer.attention(q, k, v, *parameters.attention(*values, 1 / math.sqrt(32), result))
        bound(f"attention over {t} keys", got, real / result.scale, most)


def main():
    parser = argparse.ArgumentParser(description="Checks the numpy reference of integer programs.")
    parser.add_argument("--verbose", action="store_true", help="print the largest error of each operation")
    arguments = parser.parse_args()
    check, random = Check(), np.random.default_rng(1)
    test_primitives(check, random)
    test_floats(check)
    test_products(check, random)
    test_attention(check, random)
    test_norms(check, random)
    test_elements(check, random)
    test_parameters(check, random)
    test_errors(check, random, arguments.verbose)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(check.failed != 0)


if __name__ == "__main__":
    main()
