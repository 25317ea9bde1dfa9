# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Products with weights in groups for tests of GPUs, with the answers of group_formats.py: an entry each. The CPU negates
# the input; the GPU rounds its rows to groups, where the product is of integers, and multiplies. Sizes lie around the
# edges of panels, tiles and blocks.

import re

import numpy as np

import group_formats as formats
import harness

F32 = np.float32
TEXTS = formats.texts()


def typed(shape, element="f32"):
    return "tensor<" + "".join(f"{size}x" for size in shape) + element + ">"


class GroupCase:
    """`floats`: the left-hand side stays in f32. `epilogue`: tanh of the product and a bias, plus what the CPU gave."""

    def __init__(self, name, rows, blocks, floats=False, epilogue=False, encoder="gpu", random=None, feed="x", result="y"):
        elements, _, group = formats.FORMATS[name][:3]
        columns, count, _ = blocks.shape
        self.depth = count * elements
        kind = "float_" if floats else f"{encoder}_" if encoder != "gpu" else ""
        self.name = re.sub(r"\W+", "_", f"groups_{name}_{kind}{'epilogue_' if epilogue else ''}{rows}_{self.depth}_{columns}")
        self.format, self.blocks, self.floats, self.epilogue, self.encoder = name, blocks, floats, epilogue, encoder
        self.left = 16 if group == 16 else 32
        x = random.standard_normal((rows, self.depth)).astype(F32)
        x[-1, :self.left] = 0
        self.inputs = {feed: x}
        self.feed, self.result, self.tolerance = feed, result, 1e-4
        if floats:
            product = -x.astype(np.float64) @ formats.decode(name, blocks).astype(np.float64).T
        else:
            product = formats.product(name, blocks, -x, np.zeros((rows, columns))).astype(np.float64)
        if epilogue:
            self.bias = random.standard_normal(columns).astype(F32)
            self.other = random.standard_normal((rows, columns)).astype(F32)
            self.inputs["d"] = self.other
            product = np.tanh(product + self.bias) - self.other
        self.expected = product.astype(F32)

    def feeds(self):
        return self.inputs

    def difference(self, got):
        return harness.difference(got, self.expected, self.tolerance)

    def on_cpu(self, given, made, shape):
        kind = typed(shape)
        return f"""  {made} = soc.group on "cpu" ({given}) : ({kind}) -> {kind} {{
  ^bb0(%a: {kind}):
    %e = tensor.empty() : {kind}
    %n = linalg.negf ins(%a : {kind}) outs(%e : {kind}) -> {kind}
    soc.yield %n : {kind}
  }}"""

    def text(self):
        rows, columns = self.expected.shape
        x, y = typed((rows, self.depth)), typed(self.expected.shape)
        stored = typed(self.blocks.shape, "i8")
        lines = [f'nn.weight @{self.name}_w = dense<"0x{self.blocks.tobytes().hex().upper()}"> : {stored}']
        arguments = f'%x0: {x} {{nn.name = "{self.feed}"}}'
        if self.epilogue:
            lines.append(f'nn.weight @{self.name}_b = dense<"0x{self.bias.tobytes().hex().upper()}"> : {typed((columns,))}')
            arguments += f', %d0: {y} {{nn.name = "d"}}'
        lines.append(f'func.func @{self.name}({arguments}) -> ({y} {{nn.name = "{self.result}"}}) {{')
        lines.append(self.on_cpu("%x0", "%x1", (rows, self.depth)))
        left, made = "%x1", x
        format_text = TEXTS[self.format]
        if not self.floats:
            left, form = "%x2", TEXTS[f"i8g{self.left}"]
            made = typed((rows, self.depth // self.left, self.left + 8), "i8")
            lines.append(f"""  %x2 = soc.group on "{self.encoder}" (%x1) : ({x}) -> {made} {{
  ^bb0(%a: {x}):
    %e = tensor.empty() : {made}
    %q = nn.encode_groups {form} ins(%a : {x}) outs(%e : {made})
    soc.yield %q : {made}
  }}""")
            format_text += f" lhs {form}"
        lines.append(f"  %w1 = nn.get_weight @{self.name}_w : {stored}")
        names, types, blocks = [left, "%w1"], [made, stored], [f"%a: {made}", f"%w: {stored}"]
        tail = "    soc.yield %p"
        if self.epilogue:
            lines.append(f"  %b1 = nn.get_weight @{self.name}_b : {typed((columns,))}")
            lines.append(self.on_cpu("%d0", "%d1", self.expected.shape))
            names += ["%b1", "%d1"]
            types += [typed((columns,)), y]
            blocks += [f"%b: {typed((columns,))}", f"%d: {y}"]
            tail = f"""    %o = tensor.empty() : {y}
    %r = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}}
      ins(%p, %b, %d : {y}, {typed((columns,))}, {y}) outs(%o : {y}) {{
    ^bb0(%s: f32, %c: f32, %t: f32, %u: f32):
      %1 = arith.addf %s, %c : f32
      %2 = math.tanh %1 : f32
      %3 = arith.addf %2, %t : f32
      linalg.yield %3 : f32
    }} -> {y}
    soc.yield %r"""
        lines.append(f"""  %y = soc.group on "gpu" ({', '.join(names)}) : ({', '.join(types)}) -> {y} {{
  ^bb0({', '.join(blocks)}):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : {y}
    %f = linalg.fill ins(%z : f32) outs(%e : {y}) -> {y}
    %p = nn.group_matmul format {format_text} ins(%a, %w : {made}, {stored}) outs(%f : {y})
{tail} : {y}
  }}
  return %y : {y}
}}""")
        return "\n".join(lines)


class GatherCase:
    """Rows of a matrix in groups; the indices are the entry's."""

    def __init__(self, name, blocks, indices, feed="x", result="y"):
        self.name, self.format, self.blocks, self.feed, self.result = f"groups_{name}_gather", name, blocks, feed, result
        self.inputs, self.tolerance = {feed: np.array(indices, np.int64)}, 0
        self.expected = formats.decode(name, blocks)[self.inputs[feed]]

    def feeds(self):
        return self.inputs

    def difference(self, got):
        return harness.difference(got, self.expected, self.tolerance)

    def text(self):
        stored, indices = typed(self.blocks.shape, "i8"), typed(self.inputs[self.feed].shape, "i64")
        y = typed(self.expected.shape)
        return f"""nn.weight @{self.name}_w = dense<"0x{self.blocks.tobytes().hex().upper()}"> : {stored}
func.func @{self.name}(%i0: {indices} {{nn.name = "{self.feed}"}}) -> ({y} {{nn.name = "{self.result}"}}) {{
  %w1 = nn.get_weight @{self.name}_w : {stored}
  %y = soc.group on "gpu" (%w1, %i0) : ({stored}, {indices}) -> {y} {{
  ^bb0(%w: {stored}, %i: {indices}):
    %e = tensor.empty() : {y}
    %r = nn.group_gather format {TEXTS[self.format]} of {self.blocks.shape[0]} ins(%w, %i : {stored}, {indices}) outs(%e : {y})
    soc.yield %r : {y}
  }}
  return %y : {y}
}}"""


def cases(seed=11, **names):
    """Every format; the two that most models have at every edge."""
    random = np.random.default_rng(seed)

    def case(name, rows, count, columns, **options):
        # Integer scales multiply what is random: values of about one, so that sums do not cancel what f32 has.
        spread = 1 / 32 if formats.FORMATS[name][0] == 256 else 1
        blocks = formats.random_blocks(name, random, columns, count, spread)
        return GroupCase(name, rows, blocks, random=random, **options, **names)

    sizes = [(1, 1, 16), (1, 5, 64), (2, 3, 37), (7, 2, 130), (8, 7, 15), (9, 2, 128), (33, 3, 68), (33, 1, 1), (1, 17, 96)]
    for name in ("q4_0", "q8_0"):
        for rows, count, columns in sizes:
            yield case(name, rows, count, columns)
        for rows, count, columns in sizes[1::3]:
            yield case(name, rows, count, columns, floats=True)
            yield case(name, rows, count, columns, epilogue=True)
        yield case(name, 5, 4, 48, encoder="cpu")
    for name in formats.FORMATS:
        if name not in ("q4_0", "q8_0"):
            elements = formats.FORMATS[name][0]
            count = 3 if elements < 256 else 2
            yield case(name, 1, count, 37)
            yield case(name, 12, count, 40)
            yield case(name, 3, 1, 64, floats=True)
    for name in ("q4_0", "q8_0", "q4_k", "q6_k", "mxfp4"):
        blocks = formats.random_blocks(name, random, 37, 3)
        yield GatherCase(name, blocks, [[0, 36, 5], [-1, 17, 16]], **names)
