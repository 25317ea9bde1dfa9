# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every operation on integers, compiled for the CPU and run by the reference evaluator, against integer_reference.py: all
# bits, at the boundaries of shapes and values. Cases become functions of one argument for each operand; several are
# compiled as one program.

import numpy as np

import harness
import integer_reference as reference

TYPES = {np.dtype(np.int8): "i8", np.dtype(np.int16): "i16", np.dtype(np.int32): "i32", np.dtype(np.float32): "f32"}


def typed(array_or_shape, dtype=None):
    shape = array_or_shape.shape if dtype is None else array_or_shape
    element = TYPES[np.dtype(array_or_shape.dtype if dtype is None else dtype)]
    return "tensor<" + "".join(f"{size}x" for size in shape) + element + ">"


def storage(bits):
    return np.int8 if bits == 8 else np.int16


class Case:
    """One operation: `form` with {name} for an operand and {name:t} for its type, {e} and {e:t} for the destination."""

    def __init__(self, name, form, operands, expected):
        self.name, self.form, self.operands, self.expected = name, form, operands, expected

    def text(self, number):
        fill = {}
        for name, value in self.operands.items():
            fill[name], fill[name + "_t"] = f"%c{number}_{name}", typed(value)
        fill["e"], fill["e_t"] = f"%c{number}_e", typed(self.expected)
        return (f"  %c{number}_e = tensor.empty() : {fill['e_t']}\n  %c{number}_r = " + self.form.format(**fill) + "\n")


def integers(random, shape, bits, extremes=0.2):
    """Uniform, with some at both ends of the range."""
    low, high = -2**(bits - 1), 2**(bits - 1) - 1
    values = random.integers(low, high + 1, shape)
    ends = random.random(shape)
    values = np.where(ends < extremes / 2, low, np.where(ends > 1 - extremes / 2, high, values))
    return values.astype(storage(bits))


def packed(rhs):
    k, n = rhs.shape
    padded = np.zeros((-(-k // 4) * 4, -(-n // 32) * 32), np.int64)
    padded[:k, :n] = rhs
    fours = padded.reshape(padded.shape[0] // 4, 4, padded.shape[1] // 32, 32).transpose(2, 0, 3, 1)
    return np.ascontiguousarray((fours + 128).astype(np.uint8).view(np.int8))


# --- cases ------------------------------------------------------------------------------------------------------------
def matmuls(random):
    for m, k, n, lhs_bits, bits, shift, zero, layout in (
            (1, 1, 1, 8, 8, 0, 0, ""), (3, 4, 31, 8, 8, 3, -128, ""), (5, 9, 32, 8, 16, 0, 0, ""),
            (7, 130, 33, 16, 8, 7, 127, ""), (2, 65, 70, 16, 16, 1, 0, ""), (33, 257, 129, 8, 8, 31, 5, ""),
            (1, 1, 1, 8, 8, 2, 3, "packed"), (3, 9, 33, 8, 8, 5, -7, "packed"), (17, 64, 96, 16, 16, 4, 0, "packed")):
        lhs, rhs = integers(random, (m, k), lhs_bits), np.maximum(integers(random, (k, n), 8), -127)
        reach = 2**31 - 1 - 2**(lhs_bits - 1) * 127 * k
        bias = random.integers(-reach, reach + 1, n).astype(np.int32)
        multiplier = random.integers(0, 2**31, n).astype(np.int32)
        multiplier[0] = 2**31 - 1
        multiplier[-1] = 0 if n > 1 else 2**30
        expected = reference.matmul(lhs.astype(np.int64), rhs.astype(np.int64), bias, multiplier, shift, zero, bits)
        operands = {"a": lhs, "b": packed(rhs) if layout else rhs, "s": bias, "m": multiplier}
        yield Case(f"matmul {m}x{k}x{n} {lhs_bits}->{bits} {layout}",
                   "nn.quantized_matmul ins({a}, {b}, {s}, {m} : {a_t}, {b_t}, {s_t}, {m_t}) outs({e} : {e_t}) "
                   f"shift {shift} zero {zero}", operands, expected.astype(storage(bits)))


def attentions(random):
    for b, s, h, g, t, d, e, mask, score_multiplier, score_shift, shift, zero in (
            (1, 1, 1, 1, 1, 1, 1, None, 2**31 - 1, 0, 0, 0), (1, 4, 2, 2, 6, 8, 8, (1, 1, 1, 6), 1476395008, 4, 0, 3),
            (2, 5, 4, 2, 33, 32, 16, (2, 1, 5, 33), 1300000000, 2, -7, -128), (1, 3, 6, 3, 129, 32, 33, None, 2**30, 5, 31, 127),
            (1, 33, 2, 1, 300, 16, 8, (1, 2, 1, 300), 2**30, 0, -3, 1)):
        q, k, v = (integers(random, (b, n, heads, width), 8) for n, heads, width in ((s, h, d), (t, g, d), (t, g, e)))
        multiplier = int(random.integers(2**30, 2**31))
        operands = {"q": q, "k": k, "v": v}
        form = "nn.quantized_attention ins({q}, {k}, {v} : {q_t}, {k_t}, {v_t}) "
        full = None
        if mask:
            # Masked for good, nearly so, and not.
            operands["m"] = random.choice([-32768, -700, 0, 32767], mask, p=[.4, .2, .39, .01]).astype(np.int16)
            full = operands["m"].astype(np.int64)
            form += "mask({m} : {m_t}) "
        wide = [np.repeat(x.transpose(0, 2, 1, 3).astype(np.int64), h // x.shape[2], 1) for x in (q, k, v)]
        expected = reference.attention(*wide, score_multiplier, score_shift, multiplier, shift, zero, 8, full)
        yield Case(f"attention {b} {s} {h}/{g} {t} {d} {e} {'mask' if mask else ''}",
                   form + f"outs({{e}} : {{e_t}}) score_multiplier {score_multiplier} score_shift {score_shift} "
                   f"multiplier {multiplier} shift {shift} zero {zero}", operands,
                   np.ascontiguousarray(expected.transpose(0, 2, 1, 3)).astype(np.int8))


def all_powers(random):
    """Each fraction of an exponent occurs: one query, a score from 0 down for each key."""
    t = 4096
    k = np.zeros((1, t, 1, 2), np.int8)
    mask = -np.arange(t).astype(np.int16).reshape(1, 1, 1, t)
    v = integers(random, (1, t, 1, 4), 8)
    q = np.zeros((1, 1, 1, 2), np.int8)
    expected = reference.attention(q[:, 0].astype(np.int64)[:, None], k[:, :, 0].astype(np.int64)[:, None],
                                   v[:, :, 0].astype(np.int64)[:, None], 0, 0, 2**31 - 1, -3, 0, 8, mask.astype(np.int64))
    yield Case("attention powers", "nn.quantized_attention ins({q}, {k}, {v} : {q_t}, {k_t}, {v_t}) mask({m} : {m_t}) "
               "outs({e} : {e_t}) score_multiplier 0 score_shift 0 multiplier 2147483647 shift -3 zero 0",
               {"q": q, "k": k, "v": v, "m": mask}, np.ascontiguousarray(expected.transpose(0, 2, 1, 3)).astype(np.int8))


def headroom(magnitude):
    return 31 - (magnitude - 1).bit_length()


def norms(random):
    for rows, c, in_bits, bits, epsilon, gain_shift, zero, spread in (
            (1, 1, 8, 8, 1, 5, 0, 1), (3, 2, 8, 8, 1, 0, -128, 1), (5, 33, 16, 8, 12345, 3, 7, 1), (4, 384, 16, 16, 2**60, 30, 0, 1),
            (2, 1000, 8, 16, 1, -20, 0, 1), (9, 129, 16, 8, 1, 6, -1, 0.001), (2, 16384, 16, 8, 999, 4, 127, 1),
            (3, 64, 16, 8, 1, -31, 0, 0.0003), (3, 64, 8, 8, 7, 31, 0, 1)):
        x = (integers(random, (rows, c), in_bits) * spread).astype(storage(in_bits))
        x[0] = x[0][0]  # A row without variance.
        gain = random.integers(-2**31 + 1, 2**31, c).astype(np.int32)
        offset = random.integers(-2**20, 2**20, c).astype(np.int32)
        offset[:2] = (2**30, -2**30)[:c]
        wide = x.astype(np.int64)
        common = f"outs({{e}} : {{e_t}}) epsilon {epsilon} gain_shift {gain_shift} zero {zero}"
        a = headroom(2 * c * 2**(in_bits - 1))
        expected = reference.layer_norm(wide, epsilon, a, gain.astype(np.int64), gain_shift, offset, zero, bits)
        yield Case(f"layer_norm {rows}x{c} {in_bits}->{bits} {spread}",
                   "nn.quantized_layer_norm ins({x}, {g}, {o} : {x_t}, {g_t}, {o_t}) " + common,
                   {"x": x, "g": gain, "o": offset}, expected.astype(storage(bits)))
        a = headroom(2**(in_bits - 1))
        expected = reference.rms_norm(wide, epsilon, a, gain.astype(np.int64), gain_shift, 0, zero, bits)
        yield Case(f"rms_norm {rows}x{c} {in_bits}->{bits} {spread}",
                   "nn.quantized_rms_norm ins({x}, {g} : {x_t}, {g_t}) " + common, {"x": x, "g": gain},
                   expected.astype(storage(bits)))


def elements(random):
    for shape, a_bits, b_bits, bits, ma, mb, offset, shift, zero in (
            ((1,), 8, 8, 8, 16384, 16384, 0, 15, 0), ((3, 33), 8, 16, 16, 16384, 9000, -120, 10, 0),
            ((2, 3, 130), 16, 16, 8, 1, 8193, 2**30, 31, -128), ((4, 64), 16, 16, 16, 16384, 16384, -2**30, 0, 0)):
        a, b = integers(random, shape, a_bits), integers(random, shape, b_bits)
        expected = reference.add(a.astype(np.int64), b.astype(np.int64), ma, mb, offset, shift, zero, bits)
        yield Case(f"add {shape} {a_bits} {b_bits} {bits}",
                   "nn.quantized_add ins({a}, {b} : {a_t}, {b_t}) outs({e} : {e_t}) "
                   f"multipliers [{ma}, {mb}] offset {offset} shift {shift} zero {zero}", {"a": a, "b": b},
                   expected.astype(storage(bits)))
    for shape, in_bits, bits, m, offset, shift, zero in (
            ((1,), 8, 8, 16384, 0, 14, 0), ((3, 33), 16, 8, 9000, 0, 20, 3), ((2, 130), 8, 16, 16384, -5000, 0, 0),
            ((5, 7), 16, 8, 8193, 2**30, 31, 127)):
        x = integers(random, shape, in_bits)
        yield Case(f"rescale {shape} {in_bits} {bits}", "nn.rescale ins({x} : {x_t}) outs({e} : {e_t}) "
                   f"multiplier {m} offset {offset} shift {shift} zero {zero}", {"x": x},
                   reference.rescale(x.astype(np.int64), m, offset, shift, zero, bits).astype(storage(bits)))
    for shape, in_bits, bits, shift, zero in (((1,), 8, 8, 0, 0), ((3, 33), 16, 8, 7, -128), ((2, 3, 65), 8, 16, 1, 0)):
        x, columns = integers(random, shape, in_bits), random.integers(0, 2**31, shape[-1]).astype(np.int32)
        expected = reference.rescale_columns(x.astype(np.int64), columns.astype(np.int64), shift, zero, bits, in_bits)
        yield Case(f"rescale columns {shape} {in_bits} {bits}",
                   "nn.rescale ins({x} : {x_t}) columns({c} : {c_t}) outs({e} : {e_t}) "
                   f"multiplier 0 offset 0 shift {shift} zero {zero}", {"x": x, "c": columns}, expected.astype(storage(bits)))
    x = np.arange(-128, 128).astype(np.int8).reshape(2, 128)
    for bits in (8, 16):
        table = integers(random, (256,), bits)
        yield Case(f"lookup {bits}", "nn.lookup ins({x}, {t} : {x_t}, {t_t}) outs({e} : {e_t})", {"x": x, "t": table},
                   reference.lookup(x.astype(np.int64), table).astype(storage(bits)))
    for channels, blocks in ((512, 4), (384, 1), (768, 2)):
        x, table = integers(random, (5, channels), 8), integers(random, (blocks, 256), 8)
        yield Case(f"lookup {channels} in {blocks}", "nn.lookup ins({x}, {t} : {x_t}, {t_t}) outs({e} : {e_t})",
                   {"x": x, "t": table}, reference.lookup(x.astype(np.int64), table).astype(np.int8))


def borders(random):
    """Ties, saturation, infinities and what is no number."""
    special = [0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-40, 0.025, -0.025, 0.075, 0.125, -0.125, 6.35, 6.375, 6.4, -6.4]
    x = np.concatenate([special, random.normal(0, 4, 240), np.arange(-140, 140) * 0.05 + 0.025]).astype(np.float32)
    for bits, scale, zero in ((8, 0.05, 3), (8, 0.0009765625, -128), (16, 0.0001, 0), (8, 0.1, 127)):
        kind = f"!quant.uniform<i{bits}:f32, {scale}" + (f":{zero}>" if zero else ">")
        q = reference.quantize(x, scale, zero, bits)
        yield Case(f"quantize {bits} {scale} {zero}", f"nn.quantize as {kind} ins({{x}} : {{x_t}}) outs({{e}} : {{e_t}})",
                   {"x": x}, q.astype(storage(bits)))
        back = integers(random, (3, 37), bits)
        yield Case(f"dequantize {bits} {scale} {zero}", f"nn.dequantize from {kind} ins({{x}} : {{x_t}}) outs({{e}} : {{e_t}})",
                   {"x": back}, reference.dequantize(back, scale, zero))
    scales, zero = [0.5, 0.05, 0.75], -3
    kind = "!quant.uniform<i8:f32:1, {{" + ", ".join(f"{s}:{zero}" for s in scales) + "}}>"
    x = random.normal(0, 20, (50, 3)).astype(np.float32)
    expected = np.stack([reference.quantize(x[:, i], s, zero) for i, s in enumerate(scales)], 1)
    yield Case("quantize columns", f"nn.quantize as {kind} ins({{x}} : {{x_t}}) outs({{e}} : {{e_t}})", {"x": x},
               expected.astype(np.int8))
    back = integers(random, (50, 3), 8)
    expected = np.stack([reference.dequantize(back[:, i], s, zero) for i, s in enumerate(scales)], 1)
    yield Case("dequantize columns", f"nn.dequantize from {kind} ins({{x}} : {{x_t}}) outs({{e}} : {{e_t}})", {"x": back}, expected)


# --- running ----------------------------------------------------------------------------------------------------------
def module(cases):
    arguments, body, results = [], "", []
    for number, case in enumerate(cases):
        for name, value in case.operands.items():
            arguments.append(f'%c{number}_{name}: {typed(value)} {{nn.name = "c{number}_{name}"}}')
        body += case.text(number)
        results.append((f"%c{number}_r", typed(case.expected), f'{typed(case.expected)} {{nn.name = "r{number}"}}'))
    return (f"func.func @main({', '.join(arguments)}) -> ({', '.join(r[2] for r in results)}) {{\n{body}"
            f"  return {', '.join(r[0] for r in results)} : {', '.join(r[1] for r in results)}\n}}\n")


def run_reference(test, source, feeds, outputs):
    folder = test.work / "reference"
    folder.mkdir(exist_ok=True)
    command = [test.tool("tercet-reference"), str(source)]
    for name, value in feeds.items():
        np.save(folder / f"{name}.npy", value)
        command += ["--input", f"{name}={folder / name}.npy"]
    for name in outputs:
        command += ["--output", f"{name}={folder / name}.npy"]
    harness.execute(command)
    return {name: np.load(folder / f"{name}.npy") for name in outputs}


def run_group(test, label, cases):
    source = test.work / f"{label}.mlir"
    source.write_text(module(cases))
    feeds = {f"c{number}_{name}": value for number, case in enumerate(cases) for name, value in case.operands.items()}
    outputs = [f"r{number}" for number in range(len(cases))]

    def compiled():
        test.compile(source, test.work / label, None, "--name", "main")
        return test.run(test.work / label, feeds, outputs)

    for how, run in (("compiled", compiled), ("reference", lambda: run_reference(test, source, feeds, outputs))):
        try:
            got = run()
        except harness.CommandFailed as error:
            test.check(f"{label} {how}", str(error))
            continue
        for number, case in enumerate(cases):
            test.check(f"{how} {case.name}", harness.difference(got[f"r{number}"], case.expected, 0))


def main():
    test = harness.Test(harness.parser("operations on integers").parse_args())
    for make in (matmuls, attentions, all_powers, norms, elements, borders):
        cases = [case for case in make(np.random.default_rng(5)) if test.wanted(case.name)]
        if cases:
            run_group(test, make.__name__, cases)
    test.finish()


if __name__ == "__main__":
    main()
