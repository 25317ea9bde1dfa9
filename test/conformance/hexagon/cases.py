# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels to run, with what they have to give: each at the boundaries of tiles,
# registers and panels.

import numpy as np

import arithmetic
from machine import Case, memref

I8, I16, I32 = np.int8, np.int16, np.int32


def whole(rng, shape, kind):
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max + 1, shape, dtype=kind)


def matmul(rng, m, n, k, lhs=I8, out=I8, variant="streamed", tile=None, shift=None, work=None):
    a = whole(rng, (m, k), lhs)
    w = rng.integers(-127, 128, (k, n), dtype=I8)
    if lhs == I16 and k > 256:  # sums must stay below 2^31
        w = (w // 8).astype(I8)
    bias = rng.integers(-(1 << 20), 1 << 20, n, dtype=I32)
    multiplier = rng.integers(1 << 30, (1 << 31) - 1, n, dtype=np.int64).astype(I32)
    reach = int(np.abs(a.astype(np.int64) @ w + bias).max())
    if shift is None:  # some results beyond the limits, most within
        shift = max(0, reach.bit_length() - (7 if out == I8 else 15) - 2)
    zero = int(rng.integers(-20, 20)) if out == I8 else 0
    expected = arithmetic.matmul(a, w, bias, multiplier, shift, zero, out)
    packed = arithmetic.pack_dot(w).view(I8)
    inputs = [a, packed, bias, multiplier]

    def op(operands, types):
        return (f"nn.quantized_matmul ins({', '.join(operands[:4])} : {', '.join(types[:4])}) "
                f"outs({operands[4]} : {types[4]}) shift {shift} zero {zero}")

    types = [memref(x) for x in inputs + [expected]]
    body = "  " + op([f"%a{i}" for i in range(5)], types)
    if tile:
        body = tiled(op, types, (m, n, k), tile)
    name = f"matmul_{m}x{n}x{k}_{np.dtype(lhs).name}_{np.dtype(out).name}_{variant}_{shift}" + (f"_tile{tile[0]}x{tile[1]}" if tile else "")
    return Case(name, inputs, [expected], body, variant=variant,
                alignments={1: 128} if variant == "resident" else {}, work=work or ("MAC", m * n * k, None))


def tiled(op, types, sizes, tile):
    """A grid of tiles; the last ones are smaller if they do not divide."""
    m, n, k = sizes
    tm, tn = tile
    lines = [f"  scf.forall (%i, %j) = (0, 0) to ({m}, {n}) step ({tm}, {tn}) {{"]

    def size(dim, variable, total, step, name):
        if total % step == 0:
            return str(step), str(step)
        lines.append(f"    %{name} = affine.min affine_map<(d0) -> ({total} - d0, {step})>(%{variable})")
        return f"%{name}", "?"

    sm, dm = size(0, "i", m, tm, "m")
    sn, dn = size(1, "j", n, tn, "n")
    lhs_kind, out_kind = types[0].split("x")[-1][:-1], types[4].split("x")[-1][:-1]
    k4 = -(-k // 4)
    lines.append("    %p = affine.apply affine_map<(d0) -> (d0 floordiv 32)>(%j)")
    if dn == "?":
        lines.append("    %np = affine.apply affine_map<(d0) -> (d0 ceildiv 32)>(%n)")
        sp, dp = "%np", "?"
    else:
        sp = dp = str(-(-tn // 32))
    views = [f"memref<{dm}x{k}x{lhs_kind}, strided<[{k}, 1], offset: ?>>",
             f"memref<{dp}x{k4}x32x4xi8, strided<[{k4 * 128}, 128, 4, 1], offset: ?>>",
             f"memref<{dn}xi32, strided<[1], offset: ?>>", f"memref<{dn}xi32, strided<[1], offset: ?>>",
             f"memref<{dm}x{dn}x{out_kind}, strided<[{n}, 1], offset: ?>>"]
    lines += [f"    %v0 = memref.subview %a0[%i, 0] [{sm}, {k}] [1, 1] : {types[0]} to {views[0]}",
              f"    %v1 = memref.subview %a1[%p, 0, 0, 0] [{sp}, {k4}, 32, 4] [1, 1, 1, 1] : {types[1]} to {views[1]}",
              f"    %v2 = memref.subview %a2[%j] [{sn}] [1] : {types[2]} to {views[2]}",
              f"    %v3 = memref.subview %a3[%j] [{sn}] [1] : {types[3]} to {views[3]}",
              f"    %v4 = memref.subview %a4[%i, %j] [{sm}, {sn}] [1, 1] : {types[4]} to {views[4]}",
              "    " + op([f"%v{i}" for i in range(5)], views), "  }"]
    return "\n".join(lines)


def matmuls(rng):
    # The bars: products of whole tiles.
    for m, n, k in ((64, 128, 1024), (128, 384, 1536), (64, 256, 4096)):
        yield matmul(rng, m, n, k, work=("MAC", m * n * k, 190))
    yield matmul(rng, 64, 128, 1024, variant="resident", work=("MAC", 64 * 128 * 1024, 190))
    for m in (1, 3, 4, 5):
        for n in (1, 31, 32, 33, 64, 127, 128, 129):
            yield matmul(rng, m, n, 36)
    for k in (1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129, 511, 513, 1023):
        yield matmul(rng, 5, 40, k)
        yield matmul(rng, 5, 72, k, variant="resident")
    for shift in (0, 1, 15, 16, 31):
        yield matmul(rng, 4, 96, 64, shift=shift)
    for lhs, out in ((I16, I8), (I16, I16), (I8, I16)):
        for m, n, k in ((1, 1, 1), (5, 33, 63), (4, 128, 64), (6, 160, 200), (3, 97, 640)):
            yield matmul(rng, m, n, k, lhs, out)
    yield matmul(rng, 70, 300, 130, tile=(32, 128))
    yield matmul(rng, 64, 256, 96, tile=(16, 64), lhs=I16, out=I16)
    yield matmul(rng, 33, 65, 1100, tile=(8, 32), variant="resident")


def dense(kind, shape):
    return "memref<" + "".join(f"{s}x" for s in shape) + f"{kind}>"


SHAPES = ((1,), (127,), (128,), (129,), (3, 5), (2, 200), (4, 3, 64), (260,))


def elementwise(rng):
    kinds = {I8: "i8", I16: "i16"}
    number = 0
    for a in (I8, I16):
        for b in (I8, I16):
            for out in (I8, I16):
                for shape in SHAPES if (a, b, out) in ((I8, I8, I8), (I16, I8, I16)) else SHAPES[3:5]:
                    x, y = whole(rng, shape, a), whole(rng, shape, b)
                    ma, mb = int(rng.integers(1 << 13, (1 << 14) + 1)), int(rng.integers(0, (1 << 14) + 1))
                    offset = int(rng.integers(-(1 << 21), 1 << 21))
                    shift = int(rng.choice([0, 5, 14, 15, 16, 20, 31]))
                    zero = int(rng.integers(-128, 128)) if out == I8 else 0
                    yield unary(f"add_{number}", [x, y], arithmetic.add(x, y, ma, mb, offset, shift, zero, out),
                                f"nn.quantized_add ins(%a0, %a1 : {memref(x)}, {memref(y)}) outs(%a2 : {dense(kinds[out], shape)}) "
                                f"multipliers [{ma}, {mb}] offset {offset} shift {shift} zero {zero}")
                    number += 1
    for a in (I8, I16):
        for out in (I8, I16):
            for shape in SHAPES[:6]:
                x = whole(rng, shape, a)
                m = int(rng.integers((1 << 13) + 1, (1 << 14) + 1))
                offset = int(rng.integers(-(1 << 21), 1 << 21))
                shift = int(rng.choice([0, 7, 14, 15, 16, 24, 31]))
                zero = int(rng.integers(-128, 128)) if out == I8 else 0
                yield unary(f"rescale_{number}", [x], arithmetic.rescale(x, m, offset, shift, zero, out),
                            f"nn.rescale ins(%a0 : {memref(x)}) outs(%a1 : {dense(kinds[out], shape)}) "
                            f"multiplier {m} offset {offset} shift {shift} zero {zero}")
                number += 1
    for out in (I8, I16):
        for shape in SHAPES:
            x, table = whole(rng, shape, I8), whole(rng, (256,), out)
            yield unary(f"lookup_{number}", [x, table], arithmetic.lookup(x, table),
                        f"nn.lookup ins(%a0, %a1 : {memref(x)}, {memref(table)}) outs(%a2 : {dense(kinds[out], shape)})")
            number += 1
    # A multiplier for each column, a table for each block of them.
    for a in (I8, I16):
        for out in (I8, I16):
            for shape in SHAPES:
                x = whole(rng, shape, a)
                columns = rng.integers(1, 1 << 31, shape[-1], dtype=np.int64).astype(I32)
                shift = int(rng.choice([0, 7, 14, 15, 16, 22, 31]))
                zero = int(rng.integers(-128, 128)) if out == I8 else 0
                expected = arithmetic.rescale_columns(x, columns, shift, zero, out)
                yield unary(f"rescale_columns_{number}", [x, columns], expected,
                            f"nn.rescale ins(%a0 : {memref(x)}) columns(%a1 : {memref(columns)}) outs(%a2 : {memref(expected)}) "
                            f"multiplier 0 offset 0 shift {shift} zero {zero}")
                number += 1
    for out in (I8, I16):
        for shape, blocks in (((2, 3, 256), 2), ((3, 1536), 4), ((5, 70), 1), ((2, 128), 1)):
            x, table = whole(rng, shape, I8), whole(rng, (blocks, 256), out)
            expected = arithmetic.lookup(x, table)
            yield unary(f"lookup_blocks_{number}", [x, table], expected,
                        f"nn.lookup ins(%a0, %a1 : {memref(x)}, {memref(table)}) outs(%a2 : {memref(expected)})")
            number += 1
    # What they cost on rows that are long enough.
    shape = (64, 384)
    x, y, table = whole(rng, shape, I8), whole(rng, shape, I8), whole(rng, (256,), I8)
    count = ("element", x.size, None)
    yield unary("add_rows", [x, y], arithmetic.add(x, y, 16384, 9000, -77, 15, 3, I8),
                f"nn.quantized_add ins(%a0, %a1 : {memref(x)}, {memref(y)}) outs(%a2 : {memref(x)}) "
                "multipliers [16384, 9000] offset -77 shift 15 zero 3", count)
    yield unary("lookup_rows", [x, table], arithmetic.lookup(x, table),
                f"nn.lookup ins(%a0, %a1 : {memref(x)}, {memref(table)}) outs(%a2 : {memref(x)})", count)


def unary(name, inputs, expected, body, work=None):
    return Case(name, inputs, [expected], "  " + body, work=work or ("element", expected.size, None))


def moves(rng):
    number = 0
    for kind in (I8, I16, I32):
        for shape in ((1,), (130,), (3, 5), (4, 128), (2, 3, 77)):
            x = whole(rng, shape, kind)
            yield unary(f"copy_{number}", [x], x, f"memref.copy %a0, %a1 : {memref(x)} to {memref(x)}")
            number += 1
    x = whole(rng, (6, 200), I8)
    part = "memref<4x65xi8, strided<[200, 1], offset: 410>>"
    yield unary("copy_part", [x], np.ascontiguousarray(x[2:6, 10:75]),
                f"%v = memref.subview %a0[2, 10] [4, 65] [1, 1] : {memref(x)} to {part}\n"
                f"  memref.copy %v, %a1 : {part} to memref<4x65xi8>")
    for kind in (I8, I16):
        for shape, perm in (((5, 7), (1, 0)), ((33, 130), (1, 0)), ((2, 3, 4, 32), (0, 2, 1, 3)), ((2, 6, 3, 8), (0, 2, 3, 1)),
                            ((128, 128), (1, 0))):
            x = whole(rng, shape, kind)
            y = np.ascontiguousarray(x.transpose(perm))
            yield unary(f"transpose_{number}", [x], y,
                        f"linalg.transpose ins(%a0 : {memref(x)}) outs(%a1 : {memref(y)}) permutation = {list(perm)}")
            number += 1
    for kind, value in ((I8, -3), (I16, 1000), (I32, 123456789)):
        y = np.full((3, 50), value, kind)
        yield unary(f"fill_{number}", [], y,
                    f"%c = arith.constant {value} : {memref(y).split('x')[-1][:-1]}\n"
                    f"  linalg.fill ins(%c : {memref(y).split('x')[-1][:-1]}) outs(%a0 : {memref(y)})")
        number += 1


def norms(rng):
    number = 0
    for kind in (I8, I16):
        for out in (I8, I16):
            for shape in ((1, 1), (2, 3), (3, 127), (2, 128), (2, 129), (2, 3, 70), (4, 384)):
                for mean in (True, False):
                    x = whole(rng, shape, kind)
                    if number % 3 == 1:  # rows that hardly vary
                        x = (x // (64 if kind == I8 else 16000)).astype(kind)
                    if number % 5 == 2:
                        x[..., :] = 7
                    yield norm(rng, f"norm_{number}", x, out, mean)
                    number += 1
    yield norm(rng, "layer_norm_rows", whole(rng, (32, 768), I16), I8, True)
    yield norm(rng, "rms_norm_rows", whole(rng, (32, 768), I8), I8, False)
    yield norm(rng, "layer_norm_widest", whole(rng, (1, 16384), I16), I16, True)
    # The greatest squares that there are.
    yield norm(rng, "rms_norm_widest", np.full((1, 16384), -32768, I16), I8, False)


def norm(rng, name, x, out, mean):
    c = x.shape[-1]
    gain_shift = int(rng.integers(0, 25))
    gain = rng.integers(-(1 << 31) + 1, 1 << 31, c, dtype=np.int64).astype(I32)
    reach = 1 << int(rng.choice([15, 15, 30]))
    offset = rng.integers(-reach, reach, c, dtype=I32)
    epsilon, zero = int(rng.choice([1, 1000, 1 << 40])), int(rng.integers(-100, 100)) if out == I8 else 0
    result = np.zeros(x.shape, out)
    inputs = [x, gain, offset] if mean else [x, gain]
    expected = arithmetic.norm(x, gain, offset if mean else 0, epsilon, gain_shift, zero, out, mean)
    what = "layer" if mean else "rms"
    names = ", ".join(f"%a{i}" for i in range(len(inputs)))
    return unary(name, inputs, expected,
                 f"nn.quantized_{what}_norm ins({names} : {', '.join(memref(i) for i in inputs)}) "
                 f"outs(%a{len(inputs)} : {memref(result)}) epsilon {epsilon} gain_shift {gain_shift} zero {zero}")


def attentions(rng):
    number = 0
    for b, s, h, d, t, g, e, masked in (
            (1, 1, 1, 1, 1, 1, 1, None), (1, 4, 2, 8, 6, 2, 8, (1, 1, 1, 6)), (2, 3, 4, 16, 33, 2, 32, None),
            (1, 5, 4, 32, 127, 1, 33, (1, 4, 5, 127)), (1, 2, 2, 33, 128, 2, 64, (1, 1, 2, 128)),
            (1, 6, 2, 64, 129, 1, 65, (1, 2, 1, 129)), (2, 7, 3, 5, 130, 3, 128, (2, 1, 1, 130)),
            (1, 8, 1, 128, 200, 1, 31, None), (1, 32, 2, 32, 256, 2, 32, (1, 1, 1, 256))):
        yield attention(rng, f"attention_{number}", (b, s, h, d, t, g, e), masked, number)
        number += 1


def attention(rng, name, sizes, masked, number):
    b, s, h, d, t, g, e = sizes
    q, k, v = whole(rng, (b, s, h, d), I8), whole(rng, (b, t, g, d), I8), whole(rng, (b, t, g, e), I8)
    mask = None
    if masked:
        mask = rng.integers(-2000, 2000, masked).astype(I16)
        mask[rng.random(masked) < 0.2] = -32768
    # From scores that hardly differ to scores of which one is all.
    score_multiplier, score_shift = int(rng.integers(1 << 30, 1 << 31)), (4, 8, 12, 0)[number % 4]
    multiplier, shift = int(rng.integers(1 << 30, 1 << 31)), (0, -1, -7, 2)[number % 4]
    zero = int(rng.integers(-50, 50))
    expected = arithmetic.attention(q, k, v, mask, score_multiplier, score_shift, multiplier, shift, zero)
    inputs = [q, k, v] + ([mask] if masked else [])
    body = (f"nn.quantized_attention ins(%a0, %a1, %a2 : {memref(q)}, {memref(k)}, {memref(v)}) " +
            (f"mask(%a3 : {memref(mask)}) " if masked else "") +
            f"outs(%a{len(inputs)} : {memref(expected)}) score_multiplier {score_multiplier} score_shift {score_shift} "
            f"multiplier {multiplier} shift {shift} zero {zero}")
    return unary(name, inputs, expected, body, work=("MAC", b * h * s * t * (d + e), None))


def chains(rng):
    """What fusion and views make: several operations in a tile, memory of the worker's own, other shapes of it."""
    m, n, k, tm = 50, 160, 72, 16
    a, w, residual = whole(rng, (2, 25, k), I8), rng.integers(-127, 128, (k, n), dtype=I8), whole(rng, (m, n), I8)
    bias, multiplier = rng.integers(-(1 << 14), 1 << 14, n, dtype=I32), rng.integers(1 << 30, (1 << 31) - 1, n, dtype=np.int64).astype(I32)
    table = whole(rng, (256,), I8)
    gain, offset = rng.integers(-(1 << 30), 1 << 30, n, dtype=I32), rng.integers(-3000, 3000, n, dtype=I32)
    product = arithmetic.matmul(a.reshape(m, k), w, bias, multiplier, 10, 5, I8)
    total = arithmetic.add(arithmetic.lookup(product, table), residual, 12000, 16000, 300, 14, -7, I8)
    result = arithmetic.norm(total, gain, offset, 1000, 20, 4, I8, True)
    packed = arithmetic.pack_dot(w).view(I8)
    inputs = [a, packed, bias, multiplier, table, residual, gain, offset]
    rows = f"memref<?x{n}xi8, strided<[{n}, 1], offset: ?>>"
    body = f"""  %flat = memref.collapse_shape %a0 [[0, 1], [2]] : {memref(a)} into memref<{m}x{k}xi8>
  scf.forall (%i) = (0) to ({m}) step ({tm}) {{
    %size = affine.min affine_map<(d0) -> ({m} - d0, {tm})>(%i)
    %s0 = soc.scratch 0 : memref<{tm}x{n}xi8>
    %bytes = soc.scratch {tm * n} : memref<{tm * n}xi8>
    %zero = arith.constant 0 : index
    %s1 = memref.view %bytes[%zero][%size] : memref<{tm * n}xi8> to memref<?x{n}xi8>
    %part = memref.subview %flat[%i, 0] [%size, {k}] [1, 1] : memref<{m}x{k}xi8> to memref<?x{k}xi8, strided<[{k}, 1], offset: ?>>
    %more = soc.scratch {2 * tm * n} : memref<{tm * k}xi8>
    %x = memref.view %more[%zero][%size] : memref<{tm * k}xi8> to memref<?x{k}xi8>
    memref.copy %part, %x : memref<?x{k}xi8, strided<[{k}, 1], offset: ?>> to memref<?x{k}xi8>
    %p = memref.subview %s0[0, 0] [%size, {n}] [1, 1] : memref<{tm}x{n}xi8> to memref<?x{n}xi8, strided<[{n}, 1]>>
    %r = memref.subview %a5[%i, 0] [%size, {n}] [1, 1] : {memref(residual)} to {rows}
    %y = memref.subview %a8[%i, 0] [%size, {n}] [1, 1] : {memref(result)} to {rows}
    nn.quantized_matmul ins(%x, %a1, %a2, %a3 : memref<?x{k}xi8>, {memref(packed)}, {memref(bias)}, {memref(multiplier)}) outs(%p : memref<?x{n}xi8, strided<[{n}, 1]>>) shift 10 zero 5
    nn.lookup ins(%p, %a4 : memref<?x{n}xi8, strided<[{n}, 1]>>, {memref(table)}) outs(%s1 : memref<?x{n}xi8>)
    nn.quantized_add ins(%s1, %r : memref<?x{n}xi8>, {rows}) outs(%p : memref<?x{n}xi8, strided<[{n}, 1]>>) multipliers [12000, 16000] offset 300 shift 14 zero -7
    nn.quantized_layer_norm ins(%p, %a6, %a7 : memref<?x{n}xi8, strided<[{n}, 1]>>, {memref(gain)}, {memref(offset)}) outs(%y : {rows}) epsilon 1000 gain_shift 20 zero 4
  }}"""
    yield Case("feed_forward", inputs, [result], body, work=("MAC", m * n * k, None))
    # Heads of one tensor, a tile of queries each, as an attention after a fused product has them.
    s, h, d = 11, 3, 24
    qkv = whole(rng, (1, s, 3 * h, d), I8)
    q, key, value = (np.ascontiguousarray(qkv[:, :, i * h:(i + 1) * h]) for i in range(3))
    expected = arithmetic.attention(q, key, value, None, 1 << 30, 7, 1500000000, -2, 9)
    view = f"memref<1x{{}}x1x{d}xi8, strided<[{s * 3 * h * d}, {3 * h * d}, {d}, 1], offset: ?>>"
    out = f"memref<1x?x1x{d}xi8, strided<[{s * h * d}, {h * d}, {d}, 1], offset: ?>>"
    body = f"""  scf.forall (%head, %i) = (0, 0) to ({h}, {s}) step (1, 4) {{
    %size = affine.min affine_map<(d0) -> ({s} - d0, 4)>(%i)
    %kh = affine.apply affine_map<(d0) -> (d0 + {h})>(%head)
    %vh = affine.apply affine_map<(d0) -> (d0 + {2 * h})>(%head)
    %q = memref.subview %a0[0, %i, %head, 0] [1, %size, 1, {d}] [1, 1, 1, 1] : {memref(qkv)} to {view.format("?")}
    %k = memref.subview %a0[0, 0, %kh, 0] [1, {s}, 1, {d}] [1, 1, 1, 1] : {memref(qkv)} to {view.format(s)}
    %v = memref.subview %a0[0, 0, %vh, 0] [1, {s}, 1, {d}] [1, 1, 1, 1] : {memref(qkv)} to {view.format(s)}
    %y = memref.subview %a1[0, %i, %head, 0] [1, %size, 1, {d}] [1, 1, 1, 1] : {memref(expected)} to {out}
    nn.quantized_attention ins(%q, %k, %v : {view.format("?")}, {view.format(s)}, {view.format(s)}) outs(%y : {out}) score_multiplier {1 << 30} score_shift 7 multiplier 1500000000 shift -2 zero 9
  }}"""
    yield Case("heads", [qkv], [expected], body, work=("MAC", 2 * s * s * h * d, None))
