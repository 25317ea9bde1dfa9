# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels as the tile stage leaves them, with what numpy says that they compute. A case is a kernel's body over memrefs named
# %i0, %i1, ... (read), %o0, ... (written) and scalars %s0, ..., and the arrays for them. Sizes lie around tiles, vectors of
# four, and the threads of a workgroup.

import dataclasses
import math

import group_formats as formats
import numpy as np

F32_TOLERANCE, HALF_TOLERANCE = 1e-4, 2e-3
TYPES = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16", np.dtype(np.int64): "i64", np.dtype(np.int32): "i32",
         np.dtype(np.int8): "i8", np.dtype(np.int16): "i16", np.dtype(np.bool_): "i1"}


@dataclasses.dataclass
class Case:
    name: str
    body: str
    inputs: list
    outputs: list  # what is expected
    grid: tuple = (1, 1, 1)
    scratch: int = 0
    scalars: tuple = ()  # (value, least, most)
    tolerance: float = F32_TOLERANCE
    fault: str = ""

    def operands(self):
        arrays = [(f"i{n}", a) for n, a in enumerate(self.inputs)] + [(f"o{n}", a) for n, a in enumerate(self.outputs)]
        return [(name, array, "x".join([*map(str, array.shape), TYPES[array.dtype]])) for name, array in arrays]


def generic(maps, iterators, ins, outs, arguments, body, dims):
    """A linalg.generic: maps are the results of affine maps over `dims`."""
    text = ", ".join(f"affine_map<({dims}) -> ({m})>" for m in maps)
    kinds = ", ".join(f'"{"parallel" if k == "p" else "reduction"}"' for k in iterators)
    inputs = f"ins({', '.join(n for n, _ in ins)} : {', '.join(t for _, t in ins)})" if ins else ""
    return (f"linalg.generic {{indexing_maps = [{text}], iterator_types = [{kinds}]}} {inputs} "
            f"outs({', '.join(n for n, _ in outs)} : {', '.join(t for _, t in outs)}) {{\n^bb0({arguments}):\n{body}\n}}")


def rows(rng, r, c):
    return rng.normal(0, 1, (r, c)).astype(np.float32)


def tiled(r, c, tile, tensors, body, element="f32"):
    """Tiles of rows, the last one of fewer; `tensors` are operands of r x c whose tile gets the name with a t."""
    views = "\n".join(
        f"%{n}t = memref.subview %{n}[%r, 0] [%size, {c}] [1, 1] : memref<{r}x{c}x{element}> to "
        f"memref<?x{c}x{element}, strided<[{c}, 1], offset: ?>>" for n in tensors)
    return (f"scf.forall (%r) = (0) to ({r}) step ({tile}) {{\n"
            f"%size = affine.min affine_map<(d0) -> ({tile}, {r} - d0)>(%r)\n{views}\n{body}\n}}")


def elementwise(rng):
    for r, c in ((1, 1), (7, 3), (8, 4), (9, 5), (16, 64), (17, 129), (3, 1024)):
        a, b = rows(rng, r, c), rows(rng, r, c)
        view = f"memref<?x{c}xf32, strided<[{c}, 1], offset: ?>>"
        body = generic(["d0, d1"] * 3, "pp", [("%i0t", view), ("%i1t", view)], [("%o0t", view)], "%x: f32, %y: f32, %z: f32",
                       "%0 = arith.mulf %x, %y : f32\n%1 = arith.addf %0, %x : f32\nlinalg.yield %1 : f32", "d0, d1")
        yield Case(f"elementwise-{r}x{c}", tiled(r, c, 8, ["i0", "i1", "o0"], body), [a, b], [a * b + a], (math.ceil(r / 8), 1, 1))


def softmax(rng):
    for r, c in ((1, 1), (7, 5), (8, 64), (9, 127), (4, 128), (5, 129), (2, 1000)):
        a = rows(rng, r, c) * 4
        e = np.exp(a - a.max(1, keepdims=True))
        view = f"memref<?x{c}xf32, strided<[{c}, 1], offset: ?>>"
        part = "memref<?xf32>"
        body = f"""
%c0 = arith.constant 0 : index
%bytes = soc.scratch 0 : memref<32xi8>
%top = memref.view %bytes[%c0][%size] : memref<32xi8> to {part}
%more = soc.scratch 64 : memref<32xi8>
%sum = memref.view %more[%c0][%size] : memref<32xi8> to {part}
%low = arith.constant 0xFF800000 : f32
%zero = arith.constant 0.0 : f32
linalg.fill ins(%low : f32) outs(%top : {part})
linalg.fill ins(%zero : f32) outs(%sum : {part})
""" + "\n".join([
            generic(["d0, d1", "d0"], "pr", [("%i0t", view)], [("%top", part)], "%x: f32, %m: f32",
                    "%0 = arith.maxnumf %x, %m : f32\nlinalg.yield %0 : f32", "d0, d1"),
            generic(["d0, d1", "d0", "d0, d1"], "pp", [("%i0t", view), ("%top", part)], [("%o0t", view)], "%x: f32, %m: f32, %y: f32",
                    "%0 = arith.subf %x, %m : f32\n%1 = math.exp %0 : f32\nlinalg.yield %1 : f32", "d0, d1"),
            generic(["d0, d1", "d0"], "pr", [("%o0t", view)], [("%sum", part)], "%x: f32, %s: f32",
                    "%0 = arith.addf %x, %s : f32\nlinalg.yield %0 : f32", "d0, d1"),
            generic(["d0", "d0, d1"], "pp", [("%sum", part)], [("%o0t", view)], "%s: f32, %y: f32",
                    "%0 = arith.divf %y, %s : f32\nlinalg.yield %0 : f32", "d0, d1")])
        yield Case(f"softmax-{r}x{c}", tiled(r, c, 8, ["i0", "o0"], body), [a], [e / e.sum(1, keepdims=True)],
                   (math.ceil(r / 8), 1, 1), scratch=128)


def matmul(rng):
    for m, n, k in ((1, 1, 1), (7, 3, 5), (8, 8, 8), (9, 17, 33), (16, 64, 32), (33, 20, 64)):
        a, b, bias = rows(rng, m, k), rows(rng, k, n), rng.normal(0, 1, n).astype(np.float32)
        product = a.astype(np.float64) @ b + bias
        view, left = f"memref<?x{n}xf32, strided<[{n}, 1], offset: ?>>", f"memref<?x{k}xf32, strided<[{k}, 1], offset: ?>>"
        body = f"""
%zero = arith.constant 0.0 : f32
%left = memref.subview %i0[%r, 0] [%size, {k}] [1, 1] : memref<{m}x{k}xf32> to {left}
linalg.fill ins(%zero : f32) outs(%o0t : {view})
linalg.matmul ins(%left, %i1 : {left}, memref<{k}x{n}xf32>) outs(%o0t : {view})
""" + generic(["d1", "d0, d1"], "pp", [("%i2", f"memref<{n}xf32>")], [("%o0t", view)], "%x: f32, %y: f32",
              "%0 = arith.addf %x, %y : f32\nlinalg.yield %0 : f32", "d0, d1")
        yield Case(f"matmul-{m}x{n}x{k}", tiled(m, n, 8, ["o0"], body), [a, b, bias], [product.astype(np.float32)],
                   (math.ceil(m / 8), 1, 1))


def moves(rng):
    a = rng.normal(0, 1, (3, 5, 8)).astype(np.float32)
    yield Case("transpose", "linalg.transpose ins(%i0 : memref<3x5x8xf32>) outs(%o0 : memref<8x3x5xf32>) permutation = [2, 0, 1]",
               [a], [np.ascontiguousarray(a.transpose(2, 0, 1))])
    b = rng.normal(0, 1, (1, 6, 40)).astype(np.float32)
    yield Case("slice", """
%s = memref.subview %i0[0, 1, 4] [1, 4, 32] [1, 1, 1] : memref<1x6x40xf32> to memref<4x32xf32, strided<[40, 1], offset: 44>>
memref.copy %s, %o0 : memref<4x32xf32, strided<[40, 1], offset: 44>> to memref<4x32xf32>""", [b], [b[0, 1:5, 4:36]])
    c = rng.normal(0, 1, 40).astype(np.float32)
    d = rng.normal(0, 1, 5).astype(np.float32)
    yield Case("convolution", "%z = arith.constant 0.0 : f32\nlinalg.fill ins(%z : f32) outs(%o0 : memref<36xf32>)\n" + generic(
        ["d0 + d1", "d1", "d0"], "pr", [("%i0", "memref<40xf32>"), ("%i1", "memref<5xf32>")], [("%o0", "memref<36xf32>")],
        "%x: f32, %w: f32, %s: f32", "%0 = arith.mulf %x, %w : f32\n%1 = arith.addf %0, %s : f32\nlinalg.yield %1 : f32", "d0, d1"),
        [c, d], [np.correlate(c, d).astype(np.float32)])
    e = np.arange(24, dtype=np.float32).reshape(4, 6)
    yield Case("positions", generic(
        ["d0, d1", "d0, d1"], "pp", [("%i0", "memref<4x6xf32>")], [("%o0", "memref<4x6xf32>")], "%x: f32, %y: f32",
        "%i = linalg.index 0 : index\n%j = linalg.index 1 : index\n%ij = arith.muli %i, %j : index\n%w = arith.index_cast %ij : index to i32\n"
        "%f = arith.sitofp %w : i32 to f32\n%0 = arith.addf %x, %f : f32\nlinalg.yield %0 : f32", "d0, d1"),
        [e], [e + np.outer(np.arange(4), np.arange(6)).astype(np.float32)])


def gather(rng):
    table = rng.normal(0, 1, (30, 12)).astype(np.float32)
    body = "%c30 = arith.constant 30 : index\n%c29 = arith.constant 29 : index\n%c0 = arith.constant 0 : index\n" + generic(
        ["d0", "d0, d1"], "pp", [("%i1", "memref<{n}xi64>")], [("%o0", "memref<{n}x12xf32>")], "%id: i64, %y: f32",
        '%row = arith.index_cast %id : i64 to index\n%j = linalg.index 1 : index\n%ok = arith.cmpi ult, %row, %c30 : index\n'
        'cf.assert %ok, "gather index out of range"\n%a = arith.minsi %row, %c29 : index\n%b = arith.maxsi %a, %c0 : index\n'
        "%0 = memref.load %i0[%b, %j] : memref<30x12xf32>\nlinalg.yield %0 : f32", "d0, d1")
    for n in (1, 13):
        ids = rng.integers(0, 30, n)
        yield Case(f"gather-{n}", body.replace("{n}", str(n)), [table, ids], [table[ids]])
    # Beyond 32 bits, where the low word alone would be an index.
    for name, wrong in (("high", (1 << 32) + 5), ("negative", -1), ("one-over", 30), ("low", -(1 << 40))):
        ids = np.array([3, wrong], np.int64)
        yield Case(f"gather-{name}", body.replace("{n}", "2"), [table, ids], [table[[3, 3]]], fault="an index in the input data is out of range")


def elements(rng):
    """Other types than f32: fields of words, pairs of words."""
    for n in (1, 3, 4, 6, 64, 130):
        i8 = rng.integers(-128, 128, n).astype(np.int8)
        half = rng.normal(0, 3, n).astype(np.float16)
        wide = rng.integers(-(1 << 40), 1 << 40, n)
        vector = f"memref<{n}x"
        yield Case(f"i8-to-f16-{n}", generic(
            ["d0"] * 3, "p", [("%i0", vector + "i8>"), ("%i1", vector + "f16>")], [("%o0", vector + "f16>")],
            "%x: i8, %h: f16, %y: f16", "%0 = arith.sitofp %x : i8 to f32\n%1 = arith.extf %h : f16 to f32\n%2 = arith.mulf %0, %1 : f32\n"
            "%3 = arith.truncf %2 : f32 to f16\nlinalg.yield %3 : f16", "d0"),
            [i8, half], [(i8.astype(np.float32) * half.astype(np.float32)).astype(np.float16)], tolerance=HALF_TOLERANCE)
        yield Case(f"i8-wraps-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "i8>")], [("%o0", vector + "i8>")], "%x: i8, %y: i8",
            "%c = arith.constant 100 : i8\n%0 = arith.addi %x, %c : i8\n%c3 = arith.constant 3 : i8\n%1 = arith.shrui %0, %c3 : i8\n"
            "linalg.yield %1 : i8", "d0"),
            [i8], [((i8.astype(np.int64) + 100).astype(np.uint8) >> 3).astype(np.int8)])
        yield Case(f"i64-sum-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "i64>")], [("%o0", vector + "i64>")], "%x: i64, %y: i64",
            "%c = arith.constant 4294967297 : i64\n%0 = arith.addi %x, %c : i64\n%c3 = arith.constant 3 : i64\n%1 = arith.muli %0, %c3 : i64\n"
            "linalg.yield %1 : i64", "d0"), [wide], [(wide + 4294967297) * 3])
        mask = rng.integers(0, 2, n)
        yield Case(f"i64-to-f32-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "i64>")], [("%o0", vector + "f32>")], "%x: i64, %y: f32",
            "%0 = arith.sitofp %x : i64 to f32\n%o = arith.constant 1.0 : f32\n%1 = arith.subf %o, %0 : f32\nlinalg.yield %1 : f32", "d0"),
            [mask], [(1 - mask).astype(np.float32)])
        x = rng.normal(0, 1, n).astype(np.float32)
        yield Case(f"i1-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "f32>")], [("%o0", vector + "i1>")], "%x: f32, %y: i1",
            "%z = arith.constant 0.0 : f32\n%0 = arith.cmpf ogt, %x, %z : f32\nlinalg.yield %0 : i1", "d0"), [x], [x > 0])
        yield Case(f"select-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "i1>")], [("%o0", vector + "f32>")], "%c: i1, %y: f32",
            "%a = arith.constant 2.5 : f32\n%b = arith.constant -1.5 : f32\n%0 = arith.select %c, %a, %b : f32\nlinalg.yield %0 : f32", "d0"),
            [x > 0], [np.where(x > 0, np.float32(2.5), np.float32(-1.5))])
        # bfloat16 is given and taken as the bits that it has.
        bits = (x.view(np.uint32) >> 16).astype(np.uint16)
        value = (bits.astype(np.uint32) << 16).view(np.float32)
        yield Case(f"bf16-{n}", generic(
            ["d0"] * 2, "p", [("%i0", vector + "i16>")], [("%o0", vector + "i16>")], "%x: i16, %y: i16",
            "%b = arith.bitcast %x : i16 to bf16\n%0 = arith.extf %b : bf16 to f32\n%c = arith.constant 0.333333343 : f32\n"
            "%1 = arith.mulf %0, %c : f32\n%2 = arith.truncf %1 : f32 to bf16\n%3 = arith.bitcast %2 : bf16 to i16\nlinalg.yield %3 : i16",
            "d0"), [bits.view(np.int16)], [bf16_third(value)])


def unsigned(values):
    return values.view(values.dtype.name.replace("int", "uint"))


def integers(rng):
    """Arithmetic that wraps, compares and shifts as its type does, in each width; the greatest and least values included."""
    results = {
        "arith.addi": lambda a, b: a + b, "arith.subi": lambda a, b: a - b, "arith.muli": lambda a, b: a * b,
        "arith.andi": np.bitwise_and, "arith.ori": np.bitwise_or, "arith.xori": np.bitwise_xor,
        "arith.maxsi": np.maximum, "arith.minsi": np.minimum,
        "arith.maxui": lambda a, b: np.where(unsigned(a) > unsigned(b), a, b),
        "arith.minui": lambda a, b: np.where(unsigned(a) < unsigned(b), a, b),
        # By the low bits of the second operand.
        "arith.shli": lambda a, b: a << (b & 7), "arith.shrsi": lambda a, b: a >> (b & 7),
        "arith.shrui": lambda a, b: (unsigned(a) >> unsigned(b & 7)).view(a.dtype)}
    divisions = {"arith.divsi": lambda a, b: np.trunc(a.astype(np.float64) / b).astype(a.dtype),
                 "arith.remsi": lambda a, b: np.fmod(a, b)}
    for kind in (np.int8, np.int16, np.int32, np.int64):
        limits, short = np.iinfo(kind), TYPES[np.dtype(kind)]
        for n in (1, 5, 64, 131):
            a, b = (rng.integers(limits.min, limits.max, n, kind, endpoint=True) for _ in range(2))
            a[:3] = np.array([limits.min, -1, limits.max], kind)[:n]
            b[:3] = np.array([limits.max, limits.min, -1], kind)[:n]
            vector = f"memref<{n}x{short}>"
            for name, ops, second in (("bits", results, b), ("divided", divisions, np.maximum(b, 1))):
                if name == "divided" and kind is np.int64:
                    continue  # refused
                outputs = [f"%y{i}: {short}" for i in range(len(ops))]
                code = [f"%seven = arith.constant 7 : {short}", f"%low = arith.andi %b, %seven : {short}"]
                code += [f"%{i} = {op} %a, {'%low' if 'sh' in op else '%b'} : {short}" for i, op in enumerate(ops)]
                code.append(f"linalg.yield {', '.join(f'%{i}' for i in range(len(ops)))} : {', '.join([short] * len(ops))}")
                body = generic(["d0"] * (2 + len(ops)), "p", [("%i0", vector), ("%i1", vector)],
                               [(f"%o{i}", vector) for i in range(len(ops))], f"%a: {short}, %b: {short}, " + ", ".join(outputs),
                               "\n".join(code), "d0")
                with np.errstate(over="ignore"):
                    yield Case(f"{short}-{name}-{n}", body, [a, second], [np.asarray(f(a, second), kind) for f in ops.values()])


def bf16_third(value):
    third = (value * np.float32(0.333333343)).view(np.uint32)
    return ((third + 0x7FFF + ((third >> 16) & 1)) >> 16).astype(np.uint16).view(np.int16)


def functions(rng):
    x = np.concatenate([rng.normal(0, 2, 120), [0.0, 1.0, -1.0, 10.0, -10.0, 1e-4, -1e-4]]).astype(np.float32)
    positive = np.abs(x) + np.float32(1e-3)
    erf = np.array([math.erf(float(v)) for v in x], np.float32)
    unary = {"math.exp": (x, np.exp(x)), "math.tanh": (x, np.tanh(x)), "math.erf": (x, erf), "math.sqrt": (positive, np.sqrt(positive)),
             "math.rsqrt": (positive, 1 / np.sqrt(positive)), "math.log": (positive, np.log(positive)), "math.sin": (x, np.sin(x)),
             "math.cos": (x, np.cos(x)), "math.absf": (x, np.abs(x)), "math.floor": (x, np.floor(x)), "math.ceil": (x, np.ceil(x)),
             "math.roundeven": (x, np.round(x)), "arith.negf": (x, -x), "math.log1p": (positive, np.log1p(positive)),
             "math.expm1": (x, np.expm1(x)), "math.atan": (x, np.arctan(x))}
    for op, (given, expected) in unary.items():
        yield Case(op, generic(["d0"] * 2, "p", [("%i0", f"memref<{len(x)}xf32>")], [("%o0", f"memref<{len(x)}xf32>")], "%x: f32, %y: f32",
                               f"%0 = {op} %x : f32\nlinalg.yield %0 : f32", "d0"), [given], [expected.astype(np.float32)])
    y = rng.normal(0, 2, len(x)).astype(np.float32)
    binary = {"arith.maximumf": np.maximum(x, y), "arith.minimumf": np.minimum(x, y), "arith.divf": x / (np.abs(y) + 1)}
    for op, expected in binary.items():
        second = np.abs(y) + 1 if op == "arith.divf" else y
        vector = f"memref<{len(x)}xf32>"
        yield Case(op, generic(["d0"] * 3, "p", [("%i0", vector), ("%i1", vector)], [("%o0", vector)], "%x: f32, %w: f32, %y: f32",
                               f"%0 = {op} %x, %w : f32\nlinalg.yield %0 : f32", "d0"), [x, second.astype(np.float32)], [expected.astype(np.float32)])


def scalars(rng):
    """A loop over as many rows as a scalar says, around operations."""
    a = rows(rng, 40, 12)
    body = """
%zero = arith.constant 0.0 : f32
%c0 = arith.constant 0 : index
%c8 = arith.constant 8 : index
linalg.fill ins(%zero : f32) outs(%o0 : memref<12xf32>)
scf.for %r = %c0 to %s0 step %c8 {
%left = affine.apply affine_map<(d0)[s0] -> (s0 - d0)>(%r)[%s0]
%size = arith.minsi %left, %c8 : index
%t = memref.subview %i0[%r, 0] [%size, 12] [1, 1] : memref<40x12xf32> to memref<?x12xf32, strided<[12, 1], offset: ?>>
""" + generic(["d0, d1", "d1"], "rp", [("%t", "memref<?x12xf32, strided<[12, 1], offset: ?>>")], [("%o0", "memref<12xf32>")],
              "%x: f32, %s: f32", "%0 = arith.addf %x, %s : f32\nlinalg.yield %0 : f32", "d0, d1") + "\n}"
    for count in (0, 1, 7, 8, 9, 40):
        yield Case(f"rows-{count}", body, [a], [a[:count].sum(0, dtype=np.float64).astype(np.float32)], scalars=((count, 0, 40),))


def groups(rng):
    """Products with weights in groups, in panels as wide as the vectors of CPUs with 128, 256 and 512 bits."""
    texts = formats.texts()
    for panel in (4, 8, 16):
        for name, r, depth, columns in (("q4_0", 1, 96, 37), ("q4_0", 12, 64, 37), ("q8_0", 3, 64, 41), ("q8_0", 9, 160, 4)):
            blocks = formats.random_blocks(name, rng, columns, depth // 32)
            packed = formats.pack_simple(name, blocks, panel)
            x, weight = rows(rng, r, depth), "x".join(map(str, packed.shape)) + "xi8"
            floats = x.astype(np.float64) @ formats.decode(name, blocks).astype(np.float64).T
            rounded = formats.product(name, blocks, x, np.zeros((r, columns)))
            left = np.ascontiguousarray(formats.lhs_blocks(x, 32)).reshape(r, depth // 32, 40)
            for label, lhs, operand, kind, expected in (
                    ("floats", "", x, f"{r}x{depth}xf32", floats),
                    ("rounded", f" lhs {texts['i8g32']}", left, f"{r}x{depth // 32}x40xi8", rounded)):
                body = f"""
%zero = arith.constant 0.0 : f32
linalg.fill ins(%zero : f32) outs(%o0 : memref<{r}x{columns}xf32>)
nn.group_matmul format {texts[name]} panel {panel}{lhs} ins(%i0, %i1 : memref<{kind}>, memref<{weight}>) outs(%o0 : memref<{r}x{columns}xf32>)
"""
                yield Case(f"groups-{name}-{label}-{r}x{depth}x{columns}-panel{panel}", body, [operand, packed],
                           [expected.astype(np.float32)])


FAMILIES = (elementwise, softmax, matmul, moves, gather, elements, integers, functions, scalars, groups)


def cases():
    for family in FAMILIES:
        yield from family(np.random.default_rng(sum(map(ord, family.__name__))))
