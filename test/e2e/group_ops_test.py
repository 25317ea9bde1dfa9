# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Weights in groups against group_formats.py, all bits: what every format decodes to, what floats are rounded to, the
# layout in panels; then products and gathers compiled for the CPU, at several numbers of rows, whose rows must not
# depend on how many there are; then the operations themselves, run by the reference evaluator.

import numpy as np

import group_formats as formats
import harness

F32 = np.float32
TEXTS = formats.texts()


class Store:
    """A file of weights, and recipes that read from it."""

    def __init__(self, path):
        self.path, self.parts, self.size = path, [], 0

    def region(self, array, element):
        data = np.ascontiguousarray(array).tobytes()
        shape = "x".join(str(size) for size in array.shape)
        recipe = f'#nn.file<"{self.path}", offset = {self.size}, bytes = {len(data)}> : tensor<{shape}x{element}>'
        self.parts.append(data)
        self.size += len(data)
        return recipe

    def close(self):
        self.path.write_bytes(b"".join(self.parts))


def decoded(store, name, blocks):
    rows, count, _ = blocks.shape
    return (f"#nn.decode<{store.region(blocks.view(np.int8), 'i8')}, format = {TEXTS[name]}> : "
            f"tensor<{rows}x{count * formats.FORMATS[name][0]}xf32>")


def transposed(recipe, rows, columns):
    return f"#nn.transpose<{recipe}, perm = [1, 0]> : tensor<{columns}x{rows}xf32>"


def typed(shape, element="f32"):
    return "tensor<" + "".join(f"{size}x" for size in shape) + element + ">"


class Module:
    """A function whose arguments, body and results are collected one by one."""

    def __init__(self, folder, label):
        self.folder, self.label = folder, label
        self.store = Store(folder / f"{label}.bin")
        self.weights, self.arguments, self.body, self.results, self.feeds, self.expected = [], [], [], [], {}, {}

    def weight(self, recipe, attributes=""):
        self.weights.append(f"nn.weight @w{len(self.weights)} = {recipe}{attributes}\n")
        return f"@w{len(self.weights) - 1}"

    def argument(self, value, element):
        name = f"a{len(self.arguments)}"
        self.arguments.append(f'%{name}: {typed(value.shape, element)} {{nn.name = "{name}"}}')
        self.feeds[name] = value
        return f"%{name}"

    def line(self, text):
        self.body.append(f"  %v{len(self.body)} = {text}\n")
        return f"%v{len(self.body) - 1}"

    def zeros(self, shape):
        zero, empty = self.line("arith.constant 0.0 : f32"), self.line(f"tensor.empty() : {typed(shape)}")
        return self.line(f"linalg.fill ins({zero} : f32) outs({empty} : {typed(shape)}) -> {typed(shape)}")

    def result(self, name, value, expected, element="f32"):
        self.results.append((value, typed(expected.shape, element), name))
        self.expected[name] = expected

    def write(self):
        self.store.close()
        types = ", ".join(f'{kind} {{nn.name = "{name}"}}' for _, kind, name in self.results)
        text = (f"{''.join(self.weights)}func.func @main({', '.join(self.arguments)}) -> ({types}) {{\n"
                f"{''.join(self.body)}  return {', '.join(r[0] for r in self.results)} : "
                f"{', '.join(r[1] for r in self.results)}\n}}\n")
        path = self.folder / f"{self.label}.mlir"
        path.write_text(text)
        return path

    def check(self, test, how, got):
        for name, expected in self.expected.items():
            problem = harness.difference(got[name], expected, 0)
            if not problem and expected.dtype == F32 and not np.array_equal(got[name].view(np.int32),
                                                                             expected.view(np.int32)):
                problem = "the signs of zeros differ"
            test.check(f"{how} {name}", problem)

    def run_reference(self, test):
        command = [test.tool("tercet-reference"), str(self.write())]
        for name, value in self.feeds.items():
            np.save(self.folder / f"{name}.npy", value)
            command += ["--input", f"{name}={self.folder / name}.npy"]
        for name in self.expected:
            command += ["--output", f"{name}={self.folder / name}.npy"]
        try:
            harness.execute(command)
        except harness.CommandFailed as error:
            test.check(f"reference {self.label}", str(error))
            return
        self.check(test, "reference", {name: np.load(self.folder / f"{name}.npy") for name in self.expected})

    def run_compiled(self, test, how, *extra):
        source = self.write()
        try:
            test.compile(source, self.folder / f"{self.label}-{how}", None, "--name", "main", *extra)
            got = test.run(self.folder / f"{self.label}-{how}", self.feeds, list(self.expected))
        except harness.CommandFailed as error:
            test.check(f"{how} {self.label}", str(error))
            return
        self.check(test, how, got)


def recipes(test, random):
    """Decoding, rounding and panels, executed as recipes."""
    module = Module(test.work, "recipes")
    for name, (elements, *_) in formats.FORMATS.items():
        blocks = formats.random_blocks(name, random, 5, 3)
        weight = module.weight(decoded(module.store, name, blocks))
        value = formats.decode(name, blocks)
        module.result(f"decode_{name}", module.line(f"nn.get_weight {weight} : {typed(value.shape)}"), value)
        if name == "q4_0":
            # A row that ends within a block.
            weight = module.weight(decoded(module.store, name, blocks).replace("x96xf32", "x70xf32"))
            cut = np.ascontiguousarray(value[:, :70])
            module.result("decode_part", module.line(f"nn.get_weight {weight} : {typed(cut.shape)}"), cut)
    for name in formats.ENCODED:
        values = (random.standard_normal((7, 2 * formats.FORMATS[name][0])) * 3).astype(F32)
        values[1] = 0
        values[2, :5] = -7.5
        blocks = formats.encode(name, values).view(np.int8)
        recipe = f"#nn.encode<{module.store.region(values, 'f32')}, format = {TEXTS[name]}> : {typed(blocks.shape, 'i8')}"
        got = module.line(f"nn.get_weight {module.weight(recipe)} : {typed(blocks.shape, 'i8')}")
        module.result(f"encode_{name}", got, blocks, "i8")
    for name, panel in (("q4_0", 16), ("q4_0", 8), ("q8_0", 16), ("q8_0", 4)):
        blocks = formats.random_blocks(name, random, 21, 3)
        packed = formats.pack_simple(name, blocks, panel)
        recipe = (f"#nn.pack_groups<{module.store.region(blocks.view(np.int8), 'i8')}, format = {TEXTS[name]}, "
                  f"panel = {panel}> : {typed(packed.shape, 'i8')}")
        got = module.line(f"nn.get_weight {module.weight(recipe)} : {typed(packed.shape, 'i8')}")
        module.result(f"pack_{name}_{panel}", got, packed, "i8")
    # Codes, scales and zeros of their own: q4_1 has what an asymmetric file needs.
    codes = random.integers(0, 16, (6, 64)).astype(np.int8)
    scales, least = (random.standard_normal((6, 2)).astype(np.float16) for _ in range(2))
    blocks = np.concatenate([scales.reshape(-1, 1).view(np.uint8), least.reshape(-1, 1).view(np.uint8),
                             formats.nibbles(codes.reshape(-1, 32).view(np.uint8))], axis=1).reshape(6, 2, 20)
    recipe = (f"#nn.join_groups<{module.store.region(codes, 'i8')}, scales = {module.store.region(scales, 'f16')} shifts = "
              f"{module.store.region(least, 'f16')}, format = {TEXTS['q4_1']}> : {typed(blocks.shape, 'i8')}")
    got = module.line(f"nn.get_weight {module.weight(recipe)} : {typed(blocks.shape, 'i8')}")
    module.result("join_q4_1", got, blocks.view(np.int8), "i8")
    module.run_reference(test)


def columns_in_order(x, weights, start):
    """The product as kernels for floats add: one chain along K."""
    total = start.astype(F32)
    for k in range(x.shape[1]):
        total = formats.fma(x[:, k:k + 1], weights[:, k:k + 1].T, total)
    return total


def products(random, folder, names, label):
    """Products with stored weights, each with several numbers of the same rows, and gathers that share the weights."""
    module = Module(folder, label)
    for name in names:
        elements = formats.FORMATS[name][0]
        rows, count = 37, max(2, 64 // elements)
        blocks = formats.random_blocks(name, random, rows, count)
        depth = count * elements
        recipe = decoded(module.store, name, blocks)
        turned = module.weight(transposed(recipe, rows, depth))
        x = random.standard_normal((33, depth)).astype(F32)
        x[5] = 0
        whole = formats.product(name, blocks, x, np.zeros((33, rows)))
        for m in (1, 2, 5, 17, 33):
            left = module.argument(np.ascontiguousarray(x[:m]), "f32")
            right = module.line(f"nn.get_weight {turned} : {typed((depth, rows))}")
            out = module.zeros((m, rows))
            got = module.line(f"linalg.matmul ins({left}, {right} : {typed((m, depth))}, {typed((depth, rows))}) "
                              f"outs({out} : {typed((m, rows))}) -> {typed((m, rows))}")
            module.result(f"{name}_{m}", got, np.ascontiguousarray(whole[:m]))
        exact = module.weight(transposed(recipe, rows, depth), " float_activations")
        left = module.argument(np.ascontiguousarray(x[:3]), "f32")
        right = module.line(f"nn.get_weight {exact} : {typed((depth, rows))}")
        out = module.zeros((3, rows))
        got = module.line(f"linalg.matmul ins({left}, {right} : {typed((3, depth))}, {typed((depth, rows))}) "
                          f"outs({out} : {typed((3, rows))}) -> {typed((3, rows))}")
        module.result(f"{name}_float", got, columns_in_order(x[:3], formats.decode(name, blocks), np.zeros((3, rows))))
        plain = module.weight(recipe)
        indices = np.array([[0, rows - 1, 5], [-1, 17, 16]], np.int64)
        given = module.argument(indices, "i64")
        data = module.line(f"nn.get_weight {plain} : {typed((rows, depth))}")
        shape = (2, 3, depth)
        out = module.line(f"tensor.empty() : {typed(shape)}")
        got = module.line(f"nn.gather axis 0 ins({data}, {given} : {typed((rows, depth))}, tensor<2x3xi64>) "
                          f"outs({out} : {typed(shape)})")
        module.result(f"{name}_gather", got, formats.decode(name, blocks)[indices])
    return module


def float_products(random, folder):
    """Weights in f16 and bf16, which are widened as they are multiplied."""
    module = Module(folder, "narrow")
    for element in ("f16", "bf16"):
        rows, depth = 37, 61
        weights = (random.standard_normal((rows, depth)) / 4).astype(np.float16)
        if element == "bf16":
            stored = (weights.astype(F32).view(np.uint32) >> 16).astype(np.uint16)
            values = (stored.astype(np.uint32) << 16).view(F32)
        else:
            stored, values = weights, weights.astype(F32)
        recipe = f"#nn.cast<{module.store.region(stored, element)}> : {typed((rows, depth))}"
        turned = module.weight(transposed(recipe, rows, depth))
        x = random.standard_normal((19, depth)).astype(F32)
        whole = columns_in_order(x, values, np.zeros((19, rows)))
        for m in (1, 4, 19):
            left = module.argument(np.ascontiguousarray(x[:m]), "f32")
            right = module.line(f"nn.get_weight {turned} : {typed((depth, rows))}")
            out = module.zeros((m, rows))
            got = module.line(f"linalg.matmul ins({left}, {right} : {typed((m, depth))}, {typed((depth, rows))}) "
                              f"outs({out} : {typed((m, rows))}) -> {typed((m, rows))}")
            module.result(f"{element}_{m}", got, np.ascontiguousarray(whole[:m]))
    return module


SCHEMES = {"w8": "q8_0", "w4g32": "q4_0", "w4g128": "w4g128", "w2g64": "w2g64", "mxfp4": "mxfp4"}


def quantised(random, folder, scheme):
    """A product with a weight of floats [K, N], rounded to groups by --quantize."""
    module = Module(folder, f"quantize-{scheme}")
    rows, depth = 21, 256
    weights = random.standard_normal((depth, rows)).astype(F32)
    name = module.weight(module.store.region(weights, "f32"))
    x = random.standard_normal((3, depth)).astype(F32)
    right = module.line(f"nn.get_weight {name} : {typed((depth, rows))}")
    out, left = module.zeros((3, rows)), module.argument(x, "f32")
    got = module.line(f"linalg.matmul ins({left}, {right} : {typed((3, depth))}, {typed((depth, rows))}) "
                      f"outs({out} : {typed((3, rows))}) -> {typed((3, rows))}")
    blocks = formats.encode(SCHEMES[scheme], np.ascontiguousarray(weights.T))
    module.result(f"quantize_{scheme}", got, formats.product(SCHEMES[scheme], blocks, x, np.zeros((3, rows))))
    return module


def operations(random, folder):
    """The operations as they are written, in the layout of files."""
    module = Module(folder, "operations")
    for name, (elements, size, group, *_) in formats.FORMATS.items():
        left_group = 16 if group == 16 else 32
        left_text = TEXTS[f"i8g{left_group}"]
        blocks = formats.random_blocks(name, random, 6, 1 if elements > 64 else 2)
        depth = blocks.shape[1] * elements
        x = random.standard_normal((3, depth)).astype(F32)
        x[1, :left_group] = 0
        start = random.standard_normal((3, 6)).astype(F32)
        made = formats.lhs_blocks(x, left_group)
        right = module.line(f"nn.get_weight {module.weight(module.store.region(blocks.view(np.int8), 'i8'))} : "
                            f"{typed(blocks.shape, 'i8')}")
        out = module.line(f"tensor.empty() : {typed(made.shape, 'i8')}")
        left = module.line(f"nn.encode_groups {left_text} ins({module.argument(x, 'f32')} : {typed(x.shape)}) "
                           f"outs({out} : {typed(made.shape, 'i8')})")
        module.result(f"{name}_left", left, made, "i8")
        got = module.line(f"nn.group_matmul format {TEXTS[name]} lhs {left_text} ins({left}, {right} : "
                          f"{typed(made.shape, 'i8')}, {typed(blocks.shape, 'i8')}) "
                          f"outs({module.argument(start, 'f32')} : {typed(start.shape)})")
        module.result(f"{name}_product", got, formats.product(name, blocks, x, start))
    return module


def running(random, folder):
    """Rows that are rounded as the program runs to what caches hold, and a cache of such rows that is attended to."""
    module = Module(folder, "running")
    for name in ("q8_0", "q4_0"):
        x = random.standard_normal((7, 64)).astype(F32)
        x[1] = 0
        x[2, :32] = -3.25
        x[3, 5], x[3, 9] = 6.5, -6.5  # both are farthest
        x[4] *= F32(1e-7)  # scales that f16 has few bits for
        x[5] = np.ldexp(F32(1), random.integers(-8, 1, 64)) * np.where(random.integers(0, 2, 64), F32(1), F32(-1))
        x[6, 40] = -50
        blocks = formats.encode_running(x, name).reshape(7, 2, -1).view(np.int8)
        out = module.line(f"tensor.empty() : {typed(blocks.shape, 'i8')}")
        got = module.line(f"nn.encode_groups {TEXTS[name]} ins({module.argument(x, 'f32')} : {typed(x.shape)}) "
                          f"outs({out} : {typed(blocks.shape, 'i8')})")
        module.result(f"{name}_running", got, blocks, "i8")
    return module


def refusals(test):
    """What a recipe cannot do exactly is an error when it is executed."""
    blocks, q4_1 = "tensor<1x1x18xi8>", "tensor<1x1x20xi8>"
    cases = {
        "not finite": (f"#nn.encode<dense<0x7F800000> : tensor<1x32xf32>, format = {TEXTS['q4_0']}> : {blocks}",
                       "element [0, 0] of a weight that is wanted in groups is not finite"),
        "no encoder": (f"#nn.encode<dense<1.0> : tensor<1x256xf32>, format = {TEXTS['q4_k']}> : tensor<1x1x144xi8>",
                       "floats cannot be rounded to"),
        "code": (f"#nn.join_groups<dense<16> : tensor<1x32xi8>, scales = dense<1.0> : tensor<1x1xf32> shifts = "
                 f"dense<1.0> : tensor<1x1xf32>, format = {TEXTS['q4_1']}> : {q4_1}", "does not fit 4 bits"),
        "scale": (f"#nn.join_groups<dense<1> : tensor<1x32xi8>, scales = dense<1.0001> : tensor<1x1xf32> shifts = "
                  f"dense<1.0> : tensor<1x1xf32>, format = {TEXTS['q4_1']}> : {q4_1}", "is rounded by the format"),
    }
    for name, (recipe, message) in cases.items():
        source = test.work / "refused.mlir"
        kind = recipe.rsplit(" : ", 1)[1]
        source.write_text(f'nn.weight @w = {recipe}\nfunc.func @main() -> ({kind} {{nn.name = "y"}}) {{\n'
                          f"  %0 = nn.get_weight @w : {kind}\n  return %0 : {kind}\n}}\n")
        done = harness.execute([test.tool("tercet-reference"), str(source)], expect=1)
        said = done.stdout + done.stderr
        test.check(f"refusal {name}", None if message in said else f"expected '{message}' in: {said.strip()}")


def main():
    test = harness.Test(harness.parser("weights in groups").parse_args())
    random = np.random.default_rng(17)
    if test.wanted("recipes"):
        recipes(test, random)
    if test.wanted("refusals"):
        refusals(test)
    names = list(formats.FORMATS)
    parts = [("products-blocks", names[:5]), ("products-k", names[5:10]), ("products-other", names[10:])]
    for label, part in parts:
        if test.wanted(label):
            module = products(np.random.default_rng(3), test.work, part, label)
            module.run_compiled(test, "compiled")
            # Without the instruction for sums of four products.
            if not test.arguments.target and not test.arguments.cpu and has_x86():
                module.run_compiled(test, "haswell", "--cpu", "haswell")
    if test.wanted("narrow"):
        float_products(random, test.work).run_compiled(test, "compiled")
    for scheme in SCHEMES:
        if test.wanted(f"quantize-{scheme}"):
            quantised(random, test.work, scheme).run_compiled(test, "compiled", "--quantize", scheme)
    if test.wanted("operations"):
        operations(random, test.work).run_reference(test)
    if test.wanted("running"):
        running(random, test.work).run_reference(test)
        running(random, test.work).run_compiled(test, "compiled")
    test.finish()


def has_x86():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return " avx2 " in info.read()
    except OSError:
        return False


if __name__ == "__main__":
    main()
