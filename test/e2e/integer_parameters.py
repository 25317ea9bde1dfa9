# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# From scales and float weights to the integers that integer_reference.py computes with: multipliers and shifts, folded
# biases, gains, tables; and from calibration data to scales. Ranges that cannot be represented raise Unrepresentable, as
# the compiler refuses them. All of it is computed in doubles, rounded to nearest with ties to even.

import collections
import math

import numpy as np

# real = scale * (q - zero); zero is 0 for 16 bits. scale is a number or, for the last dimension's columns, an array.
Values = collections.namedtuple("Values", "scale zero bits", defaults=(0, 8))


class Unrepresentable(ValueError):
    pass


def rounded(x):
    x = np.rint(np.asarray(x, np.float64))
    if not (np.abs(x) < 2.0**62).all():
        raise Unrepresentable(f"{np.abs(x).max()} is not a 62-bit integer")
    return x.astype(np.int64)


# --- multipliers ------------------------------------------------------------------------------------------------------
def fixed_point(factors, least=0):
    """Multipliers in [0, 2^31) and the one shift with factor = m / 2^(31 + shift); a shift in [least, 31]."""
    factors = np.asarray(factors, np.float64)
    mantissa, exponent = np.frexp(factors.max())
    shift = min(31, int(-exponent))
    if not mantissa > 0 or shift < least:
        raise Unrepresentable(f"a factor of {factors.max()} needs a shift of {shift}, below {least}")
    return np.minimum(2**31 - 1, rounded(np.ldexp(factors, 31 + shift))), shift


def short_fixed_point(*factors):
    """The same with 14 bits, for sums of 16-bit values: the greatest multiplier is in (2^13, 2^14]."""
    mantissa, exponent = math.frexp(max(factors))
    shift = 14 - exponent + (mantissa == 0.5)
    if not 0 <= shift <= 31:
        raise Unrepresentable(f"a factor of {max(factors)} needs a shift of {shift}, not in 0 to 31")
    return [int(rounded(math.ldexp(f, shift))) for f in factors], shift


# --- operations -------------------------------------------------------------------------------------------------------
def weights(w):
    """float [K, N] -> integers in [-127, 127] and the scale of each column, at least 2^-12 of the greatest one."""
    scale = np.abs(np.asarray(w, np.float64)).max(0) / 127
    scale = np.maximum(scale, scale.max() * 2.0**-12) if scale.any() else np.ones_like(scale)
    return rounded(w / scale), scale


def rows_scaled(w, source):
    """Columns of the left operand with scales of their own: the rows of w take what differs from the geometric mean."""
    if np.ndim(source.scale) == 0:
        return np.asarray(w, np.float64), source
    mean = float(np.float32(np.exp(np.log(source.scale).mean())))
    return w * (source.scale / mean)[:, None], source._replace(scale=mean)


def least_product_scale(w, source):
    """What a result of 16 bits may be scaled by at least; finer than the sums is not representable."""
    w, source = rows_scaled(w, source)
    return float(source.scale * weights(w)[1].max() * (1 + 2.0**-20))


def matmul(w, bias, source, result):
    """The arguments of matmul after lhs: rhs, bias, multiplier, shift, zero, bits."""
    w, source = rows_scaled(w, source)
    q, scale = weights(w)
    folded = rounded(bias / (source.scale * scale))
    if np.abs(folded).max() > 2**30:
        raise Unrepresentable(f"a bias of {np.abs(folded).max()} steps, above 2^30")
    # |q - zero| < 2^bits with a zero point, <= 2^(bits - 1) without.
    reach = np.abs(folded) + np.abs(q).sum(0) * 2**(source.bits - (source.zero == 0))
    if reach.max() >= 2**31:
        raise Unrepresentable(f"sums of up to {reach.max()} do not fit into 32 bits")
    multiplier, shift = fixed_point(source.scale * scale / result.scale)
    return q, folded - source.zero * q.sum(0), multiplier, shift, result.zero, result.bits


def attention(q, k, v, factor, result):
    """The arguments after the operands; factor is the scale of the scores, 1 / sqrt(D)."""
    if result.bits != 8:
        raise Unrepresentable("a result of attention in 16 bits")
    score, score_shift = fixed_point(q.scale * k.scale * factor * math.log2(math.e) * 256)
    multiplier, shift = fixed_point(v.scale / result.scale, least=-7)
    return score, score_shift, multiplier, shift, result.zero, result.bits


def _gain(gain):
    mantissa, exponent = math.frexp(np.abs(gain).max())
    limit = 2**31 - 1
    return np.clip(rounded(np.ldexp(np.asarray(gain, np.float64), 31 - exponent)), -limit, limit), exponent


def _epsilon(value):
    return max(1, int(rounded(min(value, 2.0**60))))


def layer_norm(gamma, beta, epsilon, source, result):
    c = len(gamma)
    integer_epsilon = _epsilon(epsilon * c * c / source.scale**2)
    normalise = 31 - (2 * c * 2**(source.bits - 1) - 1).bit_length()
    gain, gain_shift = _gain(gamma.astype(np.float64) / result.scale)
    offset = rounded(beta.astype(np.float64) / result.scale * 256)
    if np.abs(offset).max() > 2**30:
        raise Unrepresentable(f"a beta of {np.abs(offset).max()} steps / 256, above 2^30")
    return integer_epsilon, normalise, gain, gain_shift, offset, result.zero, result.bits


def rms_norm(gamma, epsilon, source, result):
    if source.zero:
        raise Unrepresentable("an operand of rms_norm with a zero point")
    c = len(gamma)
    integer_epsilon = _epsilon(epsilon * c / source.scale**2)
    gain, gain_shift = _gain(gamma.astype(np.float64) * math.sqrt(c) / result.scale)
    return integer_epsilon, 32 - source.bits, gain, gain_shift, np.zeros(c, np.int64), result.zero, result.bits


def add(a, b, result):
    (ma, mb), shift = short_fixed_point(a.scale / result.scale, b.scale / result.scale)
    return ma, mb, -a.zero * ma - b.zero * mb, shift, result.zero, result.bits


def rescale(a, result):
    (m,), shift = short_fixed_point(a.scale / result.scale)
    return m, -a.zero * m, shift, result.zero, result.bits


def rescale_columns(a, result):
    """The same where the result's columns have scales of their own; a has zero point 0."""
    columns, shift = fixed_point(a.scale / result.scale * 2.0**-(15 if a.bits == 16 else 23))
    return columns, shift, result.zero, result.bits, a.bits


def table(function, source, result):
    """A table of `function`, which takes and gives an array of doubles; scales may be arrays [B, 1], one a block."""
    y = function(source.scale * (np.arange(-128, 128, dtype=np.float64) - source.zero))
    low, high = -2**(result.bits - 1), 2**(result.bits - 1) - 1
    return np.clip(rounded(y / result.scale) + result.zero, low, high)


# --- calibration ------------------------------------------------------------------------------------------------------
def symmetric(low, high, bits):
    return Values(float(np.float32(max(-low, high, 1e-30) / (2**(bits - 1) - 1))), 0, bits)


def asymmetric(low, high, bits=8):
    """The range is widened to hold 0, which then is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max(high - low, 1e-30) / (2**bits - 1)))
    zero = int(np.clip(rounded(-low / scale) - 2**(bits - 1), -2**(bits - 1), 2**(bits - 1) - 1))
    return Values(scale, zero, bits)


def values_of(low, high, bits, is_symmetric):
    return symmetric(low, high, bits) if is_symmetric or bits == 16 else asymmetric(low, high, bits)


def percentile_range(x, percent):
    """The values between which `percent` of the elements lie, cutting as many below as above."""
    return np.percentile(x, [(100 - percent) / 2, (100 + percent) / 2])


def error_of(x, values, function=None):
    """Mean squared error of quantising x; with a function, of what it gives of it."""
    low, high = -2**(values.bits - 1), 2**(values.bits - 1) - 1
    y = (np.clip(np.rint(x / values.scale) + values.zero, low, high) - values.zero) * values.scale
    return np.mean((function(y) - function(x) if function else y - x)**2)


def least_error_range(x, bits, is_symmetric, function=None, steps=40):
    """The ends are shrunk in turns, each by the fraction that gives the least mean squared error."""
    ends = [min(float(x.min()), 0.0), max(float(x.max()), 0.0)]
    if is_symmetric:
        ends = [-max(-ends[0], ends[1]), max(-ends[0], ends[1])]
    fractions = np.linspace(1, 0.2, steps)
    full = list(ends)
    for _ in range(1 if is_symmetric else 2):
        for side in (0, 1):
            if is_symmetric:
                candidates = [[full[0] * f, full[1] * f] for f in fractions]
            else:
                candidates = [[full[i] * f if i == side else ends[i] for i in (0, 1)] for f in fractions]
            errors = [error_of(x, values_of(*c, bits, is_symmetric), function) for c in candidates]
            ends = candidates[int(np.argmin(errors))]
            if is_symmetric:
                break
    return ends
