# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Formats of weights in groups in NumPy, written from the tables of the formats and not from the compiler: what blocks
# stand for, how floats become blocks, the layout in panels, and the product with a left-hand side that is quantised as
# the program runs. All floats are f32, every operation rounded, as docs/dialects/nn.md states.

import pathlib
import re

import numpy as np

F32 = np.float32
TABLE = pathlib.Path(__file__).resolve().parents[2] / "dialects/nn/GroupFormats.def"
IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], F32)
E2M1 = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], F32)  # doubled


def texts():
    """The attribute of each named format, as the compiler has it."""
    table = TABLE.read_text()
    pairs = re.findall(r'^TERCET_GROUP_FORMAT\((\w+), "(.*)"\)$', table, re.MULTILINE)
    assert len(pairs) == table.count("TERCET_GROUP_FORMAT("), "a format takes more than one line"
    return {name: "#nn.groups" + text for name, text in pairs}


# --- pieces of blocks -------------------------------------------------------------------------------------------------
def half(blocks, at):
    return blocks[:, at:at + 2].copy().view(np.float16).astype(F32)


def halves(nibbles):
    """Low nibbles of all bytes, then the high ones."""
    return np.concatenate([nibbles & 15, nibbles >> 4], axis=1)


def bits_of(blocks, at, count):
    return np.unpackbits(blocks[:, at:at + count], axis=1, bitorder="little")


def k_scales(s):
    """Six-bit scales and minima of the K formats with 8 groups, from 12 bytes."""
    s = s.astype(np.int32)
    scale, least = np.zeros((len(s), 8), np.int32), np.zeros((len(s), 8), np.int32)
    for j in range(8):
        if j < 4:
            scale[:, j], least[:, j] = s[:, j] & 63, s[:, j + 4] & 63
        else:
            scale[:, j] = (s[:, j + 4] & 15) | ((s[:, j - 4] >> 6) << 4)
            least[:, j] = (s[:, j + 4] >> 4) | ((s[:, j] >> 6) << 4)
    return scale.astype(F32), least.astype(F32)


def per_group(values, size):
    return np.repeat(values, size, axis=1)


# --- blocks to codes, scales and minima: (codes less the zero, scale, minimum or None), per element ---------------------
def q4_0(b):
    return halves(b[:, 2:]).astype(F32) - 8, half(b, 0), None


def q4_1(b):
    return halves(b[:, 4:]).astype(F32), half(b, 0), half(b, 2)


def q5_0(b):
    return (halves(b[:, 6:]) | bits_of(b, 2, 4) << 4).astype(F32) - 16, half(b, 0), None


def q5_1(b):
    return (halves(b[:, 8:]) | bits_of(b, 4, 4) << 4).astype(F32), half(b, 0), half(b, 2)


def q8_0(b):
    return b[:, 2:].view(np.int8).astype(F32), half(b, 0), None


def two_bits(b, at):
    """64 bytes: for each half of 128 elements, 32 at each shift."""
    parts = b[:, at:at + 64].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)
    return (parts & 3).reshape(-1, 256)


def q2_k(b):
    scale = half(b, 80) * (b[:, :16] & 15).astype(F32)
    least = half(b, 82) * (b[:, :16] >> 4).astype(F32)
    return two_bits(b, 16).astype(F32), per_group(scale, 16), -per_group(least, 16)


def q3_k(b):
    high = (b[:, None, :32] >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1).reshape(-1, 256)
    codes = two_bits(b, 32).astype(F32) - np.where(high, 0, 4).astype(F32)
    s = b[:, 96:108].astype(np.int32)
    low = np.concatenate([s[:, :8] & 15, s[:, :8] >> 4], axis=1)
    top = np.concatenate([s[:, 8:] >> shift & 3 for shift in (0, 2, 4, 6)], axis=1)
    return codes, per_group(half(b, 108) * ((low | top << 4) - 32).astype(F32), 16), None


def pairs_of_64(b, at):
    return np.concatenate([halves(b[:, at + 32 * i:at + 32 * i + 32]) for i in range(4)], axis=1)


def q4_k(b):
    scale, least = k_scales(b[:, 4:16])
    return pairs_of_64(b, 16).astype(F32), per_group(half(b, 0) * scale, 32), -per_group(half(b, 2) * least, 32)


def q5_k(b):
    scale, least = k_scales(b[:, 4:16])
    high = (b[:, None, 16:48] >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1).reshape(-1, 256)
    codes = (pairs_of_64(b, 48) | high << 4).astype(F32)
    return codes, per_group(half(b, 0) * scale, 32), -per_group(half(b, 2) * least, 32)


def q6_k(b):
    codes = []
    for n in range(2):
        low, high = b[:, 64 * n:64 * n + 64], b[:, 128 + 32 * n:160 + 32 * n]
        codes += [low[:, :32] & 15 | (high & 3) << 4, low[:, 32:] & 15 | (high >> 2 & 3) << 4,
                  low[:, :32] >> 4 | (high >> 4 & 3) << 4, low[:, 32:] >> 4 | (high >> 6) << 4]
    scale = half(b, 208) * b[:, 192:208].view(np.int8).astype(F32)
    return np.concatenate(codes, axis=1).astype(F32) - 32, per_group(scale, 16), None


def iq4_nl(b):
    return IQ4[halves(b[:, 2:])], half(b, 0), None


def iq4_xs(b):
    codes = np.concatenate([halves(b[:, 8 + 16 * i:24 + 16 * i]) for i in range(8)], axis=1)
    high = b[:, 2].astype(np.int32) | b[:, 3].astype(np.int32) << 8
    scale = np.stack([(b[:, 4 + i // 2].astype(np.int32) >> 4 * (i % 2) & 15) | (high >> 2 * i & 3) << 4
                      for i in range(8)], axis=1)
    return IQ4[codes], per_group(half(b, 0) * (scale - 32).astype(F32), 32), None


def mxfp4(b):
    return E2M1[halves(b[:, 1:])], np.ldexp(np.float64(1), b[:, :1].astype(np.int32) - 128).astype(F32), None


def tq2_0(b):
    return two_bits(b, 0).astype(F32) - 1, half(b, 64), None


def w4g128(b):
    codes = np.concatenate([halves(b[:, 2 + 16 * i:18 + 16 * i]) for i in range(4)], axis=1)
    return codes.astype(F32) - 8, half(b, 0), None


def w2g64(b):
    return np.concatenate([b[:, 4:] >> 2 * i & 3 for i in range(4)], axis=1).astype(F32), half(b, 0), half(b, 2)


# name: (elements and bytes of a block, elements of a group, bits, zero of the unsigned codes, parts, where f16s lie)
FORMATS = {
    "q4_0": (32, 18, 32, 4, 8, q4_0, (0,)), "q4_1": (32, 20, 32, 4, 0, q4_1, (0, 2)),
    "q5_0": (32, 22, 32, 5, 16, q5_0, (0,)), "q5_1": (32, 24, 32, 5, 0, q5_1, (0, 2)),
    "q8_0": (32, 34, 32, 8, 128, q8_0, (0,)), "q2_k": (256, 84, 16, 2, 0, q2_k, (80, 82)),
    "q3_k": (256, 110, 16, 3, 4, q3_k, (108,)), "q4_k": (256, 144, 32, 4, 0, q4_k, (0, 2)),
    "q5_k": (256, 176, 32, 5, 0, q5_k, (0, 2)), "q6_k": (256, 210, 16, 6, 32, q6_k, (208,)),
    "iq4_nl": (32, 18, 32, 4, None, iq4_nl, (0,)), "iq4_xs": (256, 136, 32, 4, None, iq4_xs, (0,)),
    "mxfp4": (32, 17, 32, 4, None, mxfp4, ()), "tq2_0": (256, 66, 256, 2, 1, tq2_0, (64,)),
    "w4g128": (128, 66, 128, 4, 8, w4g128, (0,)), "w2g64": (64, 20, 64, 2, 0, w2g64, (0, 2)),
}


def random_blocks(name, random, rows, blocks, spread=1.0):
    """Blocks of any bits whose scales are finite and of a moderate size."""
    size = FORMATS[name][1]
    result = random.integers(0, 256, (rows * blocks, size), dtype=np.uint8)
    for at in FORMATS[name][6]:
        scales = (random.standard_normal(rows * blocks) * spread / 16).astype(np.float16)
        result[:, at:at + 2] = scales.reshape(-1, 1).view(np.uint8)
    if name == "mxfp4":
        result[:, 0] = random.integers(118, 132, rows * blocks)
    return result.reshape(rows, blocks, size)


def parts(name, blocks):
    """Codes less the zero, scales and minima, each [N, K] of f32; minima None without."""
    rows, count, size = blocks.shape
    elements = FORMATS[name][0]
    codes, scale, least = FORMATS[name][5](blocks.reshape(-1, size))
    whole = lambda part: np.broadcast_to(part, (rows * count, elements)).reshape(rows, count * elements)
    return whole(codes), whole(scale), None if least is None else whole(least)


def decode(name, blocks):
    codes, scale, least = parts(name, blocks)
    with np.errstate(over="ignore"):
        values = scale * codes
        return values if least is None else values + least


# --- floats to blocks --------------------------------------------------------------------------------------------------
def around_zero(values, bits):
    """Groups in rows: codes and f16 scales, the farthest element at the lowest code."""
    zero = 2 ** (bits - 1)
    extreme = np.take_along_axis(values, np.argmax(np.abs(values), axis=1)[:, None], axis=1)
    scale = extreme / F32(-zero)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale != 0, F32(1) / scale, F32(0)).astype(F32)
    codes = np.minimum(np.trunc(values * inverse + F32(zero + 0.5)), 2**bits - 1).astype(np.uint8)
    return codes, scale.astype(np.float16)


def from_minimum(values, bits):
    least, most = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    scale = (most - least) / F32(2**bits - 1)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale != 0, F32(1) / scale, F32(0)).astype(F32)
    codes = np.minimum(np.trunc((values - least) * inverse + F32(0.5)), 2**bits - 1).astype(np.uint8)
    return codes, scale.astype(np.float16), least.astype(np.float16)


def signed_bytes(values):
    scale = np.abs(values).max(axis=1, keepdims=True) / F32(127)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale != 0, F32(1) / scale, F32(0)).astype(F32)
    scaled = values * inverse
    codes = np.trunc(scaled + np.copysign(F32(0.5), scaled))
    return codes.astype(np.int8), scale.astype(np.float16)


def nibbles(codes):
    return codes[:, :16] | codes[:, 16:] << 4


def encode(name, values):
    """[N, K] of floats to blocks; K is a multiple of the block's elements."""
    elements, size, group = FORMATS[name][:3]
    groups = np.ascontiguousarray(values, F32).reshape(-1, group)
    as_bytes = lambda scale: np.ascontiguousarray(scale).view(np.uint8)
    if name == "q8_0":
        codes, scale = signed_bytes(groups)
        blocks = [as_bytes(scale), codes.view(np.uint8)]
    elif name in ("q4_0", "w4g128"):
        codes, scale = around_zero(groups, 4)
        blocks = [as_bytes(scale)] + [nibbles(codes[:, i:i + 32]) for i in range(0, group, 32)]
    elif name == "q5_0":
        codes, scale = around_zero(groups, 5)
        blocks = [as_bytes(scale), np.packbits(codes >> 4, axis=1, bitorder="little"), nibbles(codes & 15)]
    elif name in ("q4_1", "q5_1"):
        codes, scale, least = from_minimum(groups, 4 + (name == "q5_1"))
        high = [np.packbits(codes >> 4, axis=1, bitorder="little")] if name == "q5_1" else []
        blocks = [as_bytes(scale), as_bytes(least)] + high + [nibbles(codes & 15)]
    elif name == "w2g64":
        codes, scale, least = from_minimum(groups, 2)
        packed = codes[:, :16] | codes[:, 16:32] << 2 | codes[:, 32:48] << 4 | codes[:, 48:] << 6
        blocks = [as_bytes(scale), as_bytes(least), packed]
    elif name == "mxfp4":
        greatest = np.abs(groups).max(axis=1, keepdims=True)
        exponent = np.where(greatest > 0, np.frexp(greatest)[1] - 1 - 2 + 127, 0).clip(0, 254)
        scale = np.ldexp(np.float64(1), exponent - 128).astype(F32)
        error = np.abs(E2M1.reshape(1, 1, 16) * scale[:, :, None] - groups[:, :, None])
        blocks = [exponent.astype(np.uint8), nibbles(np.argmin(error, axis=2).astype(np.uint8))]
    else:
        raise ValueError(f"no encoder of {name}")
    return np.concatenate(blocks, axis=1).reshape(values.shape[0], -1, size)


ENCODED = ("q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "w4g128", "w2g64", "mxfp4")


# --- products -----------------------------------------------------------------------------------------------------------
def quantise_rows(x, group):
    """A left-hand side: signed codes [M, K], scales [M, K / group], and minus the sums of the codes."""
    groups = x.astype(F32).reshape(x.shape[0], -1, group)
    greatest = np.abs(groups).max(axis=2)
    scale = greatest / F32(127)
    with np.errstate(divide="ignore"):
        inverse = np.where(greatest != 0, F32(127) / greatest, F32(0)).astype(F32)
    codes = np.rint(groups * inverse[:, :, None]).astype(np.int8)
    return codes.reshape(x.shape), scale, -codes.astype(np.int32).sum(axis=2, dtype=np.int32)


def lhs_blocks(x, group):
    codes, scale, sums = quantise_rows(x, group)
    rows = x.shape[0]
    return np.concatenate([codes.reshape(rows, -1, group).view(np.uint8), scale[:, :, None].view(np.uint8),
                           np.ascontiguousarray(sums)[:, :, None].view(np.uint8)], axis=2).view(np.int8)


def fma(a, b, c):
    """One rounding; the product is exact in f64, and that the sum is rounded twice does not show in 29 bits more."""
    return (a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)).astype(F32)


def product(name, blocks, x, start):
    """start + x times the transpose of what the blocks stand for, group after group, as the kernels add."""
    codes, scale, least = parts(name, blocks)
    group = 16 if FORMATS[name][2] == 16 else 32
    left, left_scale, left_sums = quantise_rows(x, group)
    total = start.astype(F32)
    for g in range(x.shape[1] // group):
        part = slice(g * group, (g + 1) * group)
        dots = left[:, part].astype(np.int64) @ codes[:, part].astype(np.int64).T
        first = slice(g * group, g * group + 1)
        total = fma(dots.astype(F32), left_scale[:, g:g + 1] * scale[:, first].T, total)
        if least is not None:
            total = fma(left_scale[:, g:g + 1] * (-left_sums[:, g:g + 1]).astype(F32), least[:, first].T, total)
    return total


# --- layout in panels -----------------------------------------------------------------------------------------------------
def pack_simple(name, blocks, panel):
    """#nn.pack_groups of formats with one f16 scale in a block and 4 or 8 bits, written out for these alone."""
    rows, count, _ = blocks.shape
    bits, zero = FORMATS[name][3], FORMATS[name][4]
    codes, _, _ = parts(name, blocks)
    padded = -(-rows // panel) * panel
    unsigned = np.zeros((padded, count, 32), np.uint8)
    unsigned[:rows] = (codes + zero).astype(np.uint8).reshape(rows, count, 32)
    scales = np.zeros((padded, count, 2), np.uint8)
    scales[:rows] = blocks[:, :, :2]
    if bits == 4:
        unsigned = unsigned[:, :, :16] | unsigned[:, :, 16:] << 4
    by_four = unsigned.reshape(padded // panel, panel, count, -1, 4).transpose(0, 2, 3, 1, 4)
    by_row = scales.reshape(padded // panel, panel, count, 2).transpose(0, 2, 1, 3)
    result = np.concatenate([by_row.reshape(*by_row.shape[:2], -1), by_four.reshape(*by_row.shape[:2], -1)], axis=2)
    return np.ascontiguousarray(result).view(np.int8)


# --- rows that the program itself rounds, as caches have them ---------------------------------------------------------
def encode_running(rows, name):
    """Rows [N, K] as [N, K / 32 * bytes] of "q8_0" or "q4_0", by the rule of nn.encode_groups, which is not ggml's."""
    groups = np.asarray(rows, F32).reshape(-1, 32)
    most, least = groups.max(axis=1, keepdims=True), groups.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "q8_0":
            far = np.abs(groups).max(axis=1, keepdims=True)
            codes = np.where(far == 0, 0, np.rint(groups * (F32(127) / far))).astype(np.int8).view(np.uint8)
            scale = far / F32(127)
        else:
            far = np.where(most >= -least, most, least)
            codes = np.minimum(np.where(far == 0, 0, np.rint(groups * (F32(-8) / far))), 7).astype(np.int32) + 8
            codes = (codes[:, :16] | codes[:, 16:] << 4).astype(np.uint8)
            scale = far / F32(-8)
    blocks = np.concatenate([scale.astype(np.float16).view(np.uint8), codes], axis=1)
    return blocks.reshape(len(rows), -1)


def decode_running(rows, name):
    """What such rows stand for, in f32."""
    blocks = np.ascontiguousarray(rows).view(np.uint8).reshape(-1, {"q8_0": 34, "q4_0": 18}[name])
    codes = blocks[:, 2:].view(np.int8).astype(F32) if name == "q8_0" else halves(blocks[:, 2:]).astype(F32) - 8
    return (half(blocks, 0) * codes).reshape(len(rows), -1)
