# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What cuda_test.py runs on a GPU: groups of operations with numpy's answer in double precision. Each case is an entry of
# one module: its inputs go through the CPU, since an application's memory is not mapped on a GPU, then one group is on
# the GPU. Sizes lie around the edges of tiles, blocks and warps.

import re

import numpy as np

TYPES = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16", np.dtype(np.int32): "i32", np.dtype(np.int8): "i8",
         np.dtype(np.int64): "i64"}
TOLERANCE = {"f32": 1e-4, "f16": 2e-3, "i32": 0, "i8": 0, "i64": 0}


def tensor(array):
    return f"tensor<{'x'.join(map(str, array.shape))}x{TYPES[array.dtype]}>"


def maps(*texts):
    return ", ".join(f"affine_map<{t}>" for t in texts)


class Case:
    """`body` computes %r from %a, %b, ... (the inputs), %e (an empty result) and %z (zero)."""

    def __init__(self, name, inputs, body, expected):
        self.name = re.sub(r"\W+", "_", name)
        self.inputs = dict(zip("abcd", inputs))
        self.expected = np.ascontiguousarray(expected)
        self.body = body

    @property
    def tolerance(self):
        return TOLERANCE[TYPES[self.expected.dtype]]

    def text(self):
        inputs = {n: tensor(a) for n, a in self.inputs.items()}
        result = tensor(self.expected)
        element = TYPES[self.expected.dtype]
        arguments = ", ".join(f'%{n}0: {t} {{nn.name = "{n}"}}' for n, t in inputs.items())
        lines = [f'func.func @{self.name}({arguments}) -> ({result} {{nn.name = "r"}}) {{']
        for n, t in inputs.items():
            rank = self.inputs[n].ndim
            loops = ", ".join(f"d{i}" for i in range(rank))
            kinds = ", ".join(['"parallel"'] * rank)
            one = TYPES[self.inputs[n].dtype]
            op = "arith.negf %x" if "f" in one else "arith.muli %x, %minus"
            constant = "" if "f" in one else f"%minus = arith.constant -1 : {one}\n      "
            lines.append(f"""  %{n}1 = soc.group on "cpu" (%{n}0) : ({t}) -> {t} {{
  ^bb0(%i: {t}):
    %e = tensor.empty() : {t}
    %n = linalg.generic {{indexing_maps = [{maps(f"({loops}) -> ({loops})", f"({loops}) -> ({loops})")}], iterator_types = [{kinds}]}}
      ins(%i : {t}) outs(%e : {t}) {{
    ^bb0(%x: {one}, %o: {one}):
      {constant}%y = {op} : {one}
      linalg.yield %y : {one}
    }} -> {t}
    soc.yield %n : {t}
  }}""")
        names = ", ".join(f"%{n}1" for n in inputs)
        blocks = ", ".join(f"%{n}: {t}" for n, t in inputs.items())
        zero = "0.0" if "f" in element else "0"
        lines.append(f"""  %r0 = soc.group on "gpu" ({names}) : ({", ".join(inputs.values())}) -> {result} {{
  ^bb0({blocks}):
    %e = tensor.empty() : {result}
    %z = arith.constant {zero} : {element}
{self.body.format(r=result, t=element, **inputs)}
    soc.yield %r : {result}
  }}
  return %r0 : {result}
}}""")
        return "\n".join(lines)


def elementwise(name, inputs, code, expected):
    """`code` computes %y from %x0, %x1, ... of one element."""
    rank = expected.ndim
    loops = ", ".join(f"d{i}" for i in range(rank))
    count = len(inputs)
    same = [f"({loops}) -> ({loops})"] * (count + 1)
    kinds = ", ".join(['"parallel"'] * rank)
    names = ", ".join(f"%{n}" for n in "abcd"[:count])
    types = ", ".join("{%s}" % n for n in "abcd"[:count])
    scalars = ", ".join(f"%x{i}: {TYPES[a.dtype]}" for i, a in enumerate(inputs))
    body = f"""    %r = linalg.generic {{{{indexing_maps = [{maps(*same)}], iterator_types = [{kinds}]}}}}
      ins({names} : {types}) outs(%e : {{r}}) {{{{
    ^bb0({scalars}, %o: {{t}}):
{code}
      linalg.yield %y : {{t}}
    }}}} -> {{r}}"""
    return Case(name, inputs, body, expected)


FILL = "    %f = linalg.fill ins(%z : {t}) outs(%e : {r}) -> {r}\n"
PRODUCT = FILL + "    %r = linalg.matmul ins(%a, %b : {a}, {b}) outs(%f : {r}) -> {r}"


def functions(rng, kind):
    """The math dialect's functions, over the ranges that models use. Inputs come negated."""
    x = rng.uniform(-8, 8, (7, 33)).astype(kind)
    positive = rng.uniform(0.01, 50, (7, 33)).astype(kind)
    erf = np.vectorize(__import__("math").erf)
    for name, argument, exact in (
            ("exp", x, np.exp), ("exp2", x, np.exp2), ("tanh", x, np.tanh), ("erf", x / 2, erf), ("sin", x, np.sin),
            ("cos", x, np.cos), ("floor", x, np.floor), ("ceil", x, np.ceil), ("absf", x, np.abs), ("log", positive, np.log),
            ("sqrt", positive, np.sqrt), ("rsqrt", positive, lambda v: 1 / np.sqrt(v))):
        argument = argument.astype(kind)
        yield elementwise(f"{name}_{TYPES[np.dtype(kind)]}", [-argument], f"      %y = math.{name} %x0 : {{t}}",
                          exact(argument.astype(np.float64)).astype(kind))


def arithmetic(rng, kind):
    short = TYPES[np.dtype(kind)]
    for shape in ((1,), (255,), (257,), (3, 130), (2, 3, 5, 64)):
        a, b, c = (rng.normal(0, 1, shape).astype(kind) for _ in range(3))
        wide = [v.astype(np.float64) for v in (a, b, c)]
        yield elementwise(f"fma_{'x'.join(map(str, shape))}_{short}", [-a, -b, -c],
                          "      %p = arith.mulf %x0, %x1 : {t}\n      %y = arith.addf %p, %x2 : {t}",
                          (wide[0] * wide[1] + wide[2]).astype(kind))
    a, b = (rng.normal(0, 1, (5, 77)).astype(kind) for _ in range(2))
    yield elementwise(f"maximum_{short}", [-a, -b], "      %y = arith.maximumf %x0, %x1 : {t}", np.maximum(a, b))
    yield elementwise(f"divide_{short}", [-a, -(b + np.sign(b))], "      %y = arith.divf %x0, %x1 : {t}",
                      (a.astype(np.float64) / (b + np.sign(b)).astype(np.float64)).astype(kind))
    yield elementwise(f"select_{short}", [-a, -b],
                      "      %c = arith.cmpf olt, %x0, %x1 : {t}\n      %y = arith.select %c, %x0, %x1 : {t}", np.minimum(a, b))


def integers(rng):
    a, b = (rng.integers(-(1 << 20), 1 << 20, (9, 65)).astype(np.int32) for _ in range(2))
    yield elementwise("integers", [-a, -b], "      %p = arith.muli %x0, %x1 : i32\n      %s = arith.constant 3 : i32\n"
                      "      %y = arith.shrsi %p, %s : i32", (a * b) >> 3)
    c, d = (rng.integers(-127, 128, (9, 65)).astype(np.int8) for _ in range(2))
    yield elementwise("bytes", [-c, -d], """      %u = arith.extsi %x0 : i8 to i32
      %v = arith.extsi %x1 : i8 to i32
      %y = arith.muli %u, %v : i32""", c.astype(np.int32) * d.astype(np.int32))
    yield elementwise("to_float", [-a], "      %y = arith.sitofp %x0 : i32 to f32", a.astype(np.float32))
    e = rng.integers(-(1 << 50), 1 << 50, (70,)).astype(np.int64)
    yield elementwise("wide", [-e], "      %s = arith.constant 5 : i64\n      %y = arith.divsi %x0, %s : i64",
                      (np.sign(e) * (np.abs(e) // 5)).astype(np.int64))


def products(rng, kind):
    short = TYPES[np.dtype(kind)]
    for m, k, n in ((1, 1, 1), (1, 64, 64), (15, 16, 17), (32, 32, 32), (33, 65, 31), (64, 64, 64), (63, 128, 65), (1, 513, 130),
                    (128, 96, 129)):
        a, b = rng.normal(0, 1, (m, k)).astype(kind), (rng.normal(0, 1, (k, n)) / np.sqrt(k)).astype(kind)
        exact = a.astype(np.float64) @ b.astype(np.float64)
        yield Case(f"product_{m}_{k}_{n}_{short}", [-a, -b], PRODUCT, exact.astype(kind))
    for batch, m, k, n in ((2, 17, 33, 5), (3, 32, 16, 64)):
        a, b = rng.normal(0, 1, (batch, m, k)).astype(kind), (rng.normal(0, 1, (batch, k, n)) / np.sqrt(k)).astype(kind)
        yield Case(f"batched_{batch}_{m}_{k}_{n}_{short}", [-a, -b],
                   FILL + "    %r = linalg.batch_matmul ins(%a, %b : {a}, {b}) outs(%f : {r}) -> {r}",
                   (a.astype(np.float64) @ b.astype(np.float64)).astype(kind))


def large(rng):
    """Tiles for whose stages a block asks for more shared memory than there is of static."""
    m, k, n = 512, 64, 1024
    a, b = rng.normal(0, 1, (m, k)).astype(np.float16), (rng.normal(0, 1, (k, n)) / np.sqrt(k)).astype(np.float16)
    yield Case(f"large_{m}_{k}_{n}_f16", [-a, -b], PRODUCT, (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float16))


def turned(rng, kind):
    """Right-hand sides that lie with their terms side by side, and what follows from the sums: bias, residual, GELU. Sizes
    around those of tiles, of stages and of what a warp of tensor cores multiplies at once."""
    short = TYPES[np.dtype(kind)]
    erf = np.vectorize(__import__("math").erf)
    for m, k, n in ((16, 16, 16), (64, 40, 72), (130, 72, 136), (33, 64, 31), (128, 128, 256)):
        a, b = rng.normal(0, 1, (m, k)).astype(kind), (rng.normal(0, 1, (n, k)) / np.sqrt(k)).astype(kind)
        bias, rest = rng.normal(0, 1, n).astype(kind), rng.normal(0, 1, (m, n)).astype(kind)
        x = a.astype(np.float64) @ b.astype(np.float64).T
        same, column = "(m, n) -> (m, n)", "(m, n) -> (n)"
        body = FILL + f"""    %p = linalg.matmul indexing_maps = [{maps("(m, n, k) -> (m, k)", "(m, n, k) -> (n, k)", "(m, n, k) -> (m, n)")}]
      ins(%a, %b : {{a}}, {{b}}) outs(%f : {{r}}) -> {{r}}
    %s = linalg.generic {{{{indexing_maps = [{maps(same, column, same, same)}], iterator_types = ["parallel", "parallel"]}}}}
      ins(%p, %c, %d : {{r}}, {{c}}, {{d}}) outs(%e : {{r}}) {{{{
    ^bb0(%x0: {{t}}, %x1: {{t}}, %x2: {{t}}, %o: {{t}}):
      %x = arith.addf %x0, %x1 : {{t}}
      %y = arith.addf %x, %x2 : {{t}}
      linalg.yield %y : {{t}}
    }}}} -> {{r}}
    %r = nn.activation gelu_erf ins(%s : {{r}}) outs(%e : {{r}})"""
        x = x + bias.astype(np.float64) + rest.astype(np.float64)
        yield Case(f"turned_{m}_{k}_{n}_{short}", [-a, -b, -bias, -rest], body, (x * 0.5 * (1 + erf(x / np.sqrt(2)))).astype(kind))


def rows(rng, kind):
    short = TYPES[np.dtype(kind)]
    for count, columns in ((1, 1), (3, 31), (5, 384), (64, 33), (2, 1000)):
        a = rng.normal(0, 1, (count, columns)).astype(kind)
        s, b = (rng.normal(1, 0.2, columns).astype(kind) for _ in range(2))
        x, scale, bias = (v.astype(np.float64) for v in (a, s, b))
        e = np.exp(x - x.max(-1, keepdims=True))
        yield Case(f"softmax_{count}_{columns}_{short}", [-a],
                   "    %r = linalg.softmax dimension(1) ins(%a : {a}) outs(%e : {r}) -> {r}",
                   (e / e.sum(-1, keepdims=True)).astype(kind))
        yield Case(f"rms_{count}_{columns}_{short}", [-a, -s],
                   "    %r = nn.rms_norm ins(%a, %b : {a}, {b}) outs(%e : {r}) epsilon 1.000000e-05",
                   (x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale).astype(kind))
        yield Case(f"layer_{count}_{columns}_{short}", [-a, -s, -b],
                   "    %r = nn.layer_norm ins(%a, %b : {a}, {b}) bias(%c : {c}) outs(%e : {r}) epsilon 1.000000e-05",
                   ((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + bias).astype(kind))
        yield Case(f"gelu_{count}_{columns}_{short}", [-a],
                   "    %r = nn.activation gelu_erf ins(%a : {a}) outs(%e : {r})",
                   (x * 0.5 * (1 + np.vectorize(__import__("math").erf)(x / np.sqrt(2)))).astype(kind))
        yield Case(f"silu_{count}_{columns}_{short}", [-a], "    %r = nn.activation silu ins(%a : {a}) outs(%e : {r})",
                   (x / (1 + np.exp(-x))).astype(kind))


def moves(rng, kind):
    short = TYPES[np.dtype(kind)]
    a, b = rng.normal(0, 1, (33, 65)).astype(kind), rng.normal(0, 1, (33, 31)).astype(kind)
    yield Case(f"transpose_{short}", [-a], "    %r = linalg.transpose ins(%a : {a}) outs(%e : {r}) permutation = [1, 0]", a.T)
    yield Case(f"sum_{short}", [-a], FILL + "    %r = linalg.reduce {{ arith.addf }} ins(%a : {a}) outs(%f : {r}) dimensions = [0]",
               a.astype(np.float64).sum(0).astype(kind))
    yield Case(f"broadcast_{short}", [-a[:, 0].copy()], "    %r = linalg.broadcast ins(%a : {a}) outs(%e : {r}) dimensions = [1]",
               np.repeat(a[:, :1], 7, 1))


def cases():
    rng = np.random.default_rng(20)
    for kind in (np.float32, np.float16):
        yield from arithmetic(rng, kind)
        yield from products(rng, kind)
        yield from turned(rng, kind)
        yield from rows(rng, kind)
        yield from moves(rng, kind)
    yield from large(rng)
    yield from functions(rng, np.float32)
    yield from integers(rng)
