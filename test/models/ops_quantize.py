# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases of operators on quantised tensors. What rounds to integers must be equal to the last bit, except products: their
# sums are rounded as floats before, so a result may be one step off where it lies halfway between two.

import numpy as np

from ops_case import RANDOM, Case

SHAPES = [(7,), (15, 16), (2, 3, 33)]


def cases():
    random = RANDOM(4)
    scale = np.asarray(0.037, np.float32)
    for dtype, zero in [(np.int8, 5), (np.int8, -128), (np.uint8, 131), (np.uint8, 0), (np.int16, 0)]:
        opset = 21 if dtype == np.int16 else 13
        for shape in SHAPES:
            label = "_".join([np.dtype(dtype).name, str(zero).replace("-", "m"), "x".join(map(str, shape))])
            # Halves between two steps, and numbers far outside of the range.
            x = (random.randint(-600, 600, shape) * (scale / 2)).astype(np.float32)
            x.flat[:2] = 1e9, -1e9
            yield Case("QuantizeLinear", opset, label, [x, scale, np.asarray(zero, dtype)], {1, 2})
            q = random.randint(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)
            yield Case("DequantizeLinear", opset, label, [q, scale, np.asarray(zero, dtype)], {1, 2})
    yield Case("QuantizeLinear", 10, "no_zero", [random.uniform(-1, 9, (4, 5)).astype(np.float32), scale], {1})

    # Weights: a scale for each index of an axis, in a file and in the text.
    for rows, columns in [(3, 5), (64, 48)]:
        w = random.randint(-127, 128, (rows, columns)).astype(np.int8)
        for axis, count in [(0, rows), (1, columns), (-1, columns)]:
            scales = random.uniform(0.001, 0.1, count).astype(np.float32)
            yield Case("DequantizeLinear", 13, f"weight_{rows}x{columns}_axis{axis}".replace("-", "m"),
                       [w, scales, np.zeros(count, np.int8)], {0, 1, 2}, attributes={"axis": axis})
        yield Case("DequantizeLinear", 13, f"weight_{rows}x{columns}", [w, scale], {0, 1})
    # With zeros: moved by 128, or computed in floats.
    for dtype, zeros in [(np.uint8, [128] * 5), (np.uint8, [128, 7, 0, 255, 131]), (np.int8, [0, 1, -128, 127, 5])]:
        info, name = np.iinfo(dtype), np.dtype(dtype).name
        w = random.randint(info.min, info.max + 1, (3, 5)).astype(dtype)
        scales, label = random.uniform(0.001, 0.1, 5).astype(np.float32), f"weight_{name}_zeros_{zeros[1] % 256}"
        yield Case("DequantizeLinear", 13, label, [w, scales, np.asarray(zeros, dtype)], {0, 1, 2})
        yield Case("DequantizeLinear", 13, f"{label}_one", [w, scale, np.asarray(zeros[1], dtype)], {0, 1, 2})
    b = random.randint(-9000, 9000, 48).astype(np.int32)
    yield Case("DequantizeLinear", 13, "bias", [b, scale], {0, 1})

    # Scales for which sums never lie halfway between two results.
    for m, k, n in [(1, 7, 9), (16, 33, 17)]:
        a = random.randint(0, 256, (m, k)).astype(np.uint8)
        w = random.randint(-127, 128, (k, n)).astype(np.int8)
        yield Case("QLinearMatMul", 10, f"{m}x{k}x{n}",
                   [a, np.asarray(0.02, np.float32), np.asarray(120, np.uint8),
                    w, np.asarray(0.011, np.float32), np.asarray(0, np.int8),
                    np.asarray(0.91, np.float32), np.asarray(128, np.uint8)], {1, 2, 3, 4, 5, 6, 7})
