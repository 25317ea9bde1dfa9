# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Programs with state and scalars: a cache that is appended to at a position, attention over what it holds and rotary
# embedding at a position, compared with NumPy at the boundaries of cache, rows, heads, window and blocks of keys; what was
# there before stays; a row has the same bits however many are computed at once; values of a scalar outside of its range
# are refused. Caches of f16, f32, and in groups of 8 and 4 bits. With --gpu the same on a GPU, over Vulkan (lavapipe where
# there is no other) or CUDA (or its stand-in, --library): all but copies is computed there, in memory of its driver.

import itertools
import json
import os

import numpy as np

import group_formats
import harness

CONTEXT = 24
MACHINE = """name: board
engines:
  - {name: cpu, kind: cpu, target: cpu, memories: [dram], cpu: host, performance: {peak_gops: {f32: 0.01}}}
  - name: gpu
    kind: gpu
    target: TARGET
    memories: [dram]
    properties: {PROPERTIES}
    performance: {launch_us: 1, synchronise_us: 1, bandwidth_gb_per_s: 100, peak_gops: {f32: 1000}}
memories:
  - {name: dram}
"""
FORMATS = {"int8": "q8_0", "int4": "q4_0"}
BYTES = {"int8": 34, "int4": 18}


class Shape:
    """A case: what its program is made of. `size` is that of a head, `context` the rows of the cache."""

    def __init__(self, rows, heads, key_heads, element="f16", window=0, bias=False, context=CONTEXT, size=None):
        self.rows, self.heads, self.key_heads, self.element = rows, heads, key_heads, element
        self.window, self.bias, self.context = window, bias, context
        self.format = FORMATS.get(element)
        self.size = size or (64 if self.format else 8)
        self.stored = self.size // 32 * BYTES[element] if self.format else self.size
        self.kind = {"f16": np.float16, "f32": np.float32}.get(element, np.int8)
        self.name = f"rows{rows}-heads{heads}x{key_heads}-{element}-window{window}{'-bias' if bias else ''}"
        self.name += "" if context == CONTEXT else f"-context{context}"

    def program(self):
        """Text of a module with an entry that appends rows to a cache and attends to it."""
        n, context = self.rows, self.context
        x = f"tensor<1x{n}x{self.heads}x{self.size}xf32>"
        c = f"tensor<1x{context}x{self.key_heads}x{self.stored}x{'i8' if self.format else self.element}>"
        r, t = f"tensor<1x{n}x{self.key_heads}x{self.size}xf32>", f"tensor<1x{context}x{self.size}xf32>"
        m = f"tensor<1x{self.heads}x1x{context}xf32>"
        mask = f"mask(%m : {m}) " if self.bias else ""
        near = f" window {self.window}" if self.window else ""
        form = f"format {group_formats.texts()[self.format]} " if self.format else ""
        return f"""
func.func @step(%q: {x} {{nn.name = "q"}}, %k: {r} {{nn.name = "k"}}, %v: {r} {{nn.name = "v"}},
    %cos: {t} {{nn.name = "cos"}}, %sin: {t} {{nn.name = "sin"}}, %m: {m} {{nn.name = "m"}},
    %p: index {{nn.name = "position", nn.range = #nn.range<0, {context - n}>}},
    %keys: {c} {{nn.name = "keys", nn.state}}, %values: {c} {{nn.name = "values", nn.state}})
    -> ({x} {{nn.name = "y"}}, {c} {{nn.name = "keys", nn.tied = 7 : i64}}, {c} {{nn.name = "values", nn.tied = 8 : i64}}) {{
  %ex = tensor.empty() : {x}
  %er = tensor.empty() : {r}
  %qr = nn.rope ins(%q, %cos, %sin : {x}, {t}, {t}) at %p outs(%ex : {x})
  %kr = nn.rope ins(%k, %cos, %sin : {r}, {t}, {t}) at %p outs(%er : {r})
  %k1 = nn.cache_update {form}ins(%kr : {r}) at %p outs(%keys : {c})
  %v1 = nn.cache_update {form}ins(%v : {r}) at %p outs(%values : {c})
  %y = nn.cached_attention {form}ins(%qr, %k1, %v1 : {x}, {c}, {c}) {mask}at %p outs(%ex : {x}) scale 3.500000e-01{near}
  return %y, %k1, %v1 : {x}, {c}, {c}
}}
"""

    def stored_rows(self, rows):
        """Rows [N, heads, size] as the cache has them."""
        if not self.format:
            return rows.astype(self.kind)
        flat = group_formats.encode_running(rows.reshape(-1, self.size), self.format)
        return flat.view(np.int8).reshape(*rows.shape[:2], self.stored)

    def floats(self, cache):
        """What a cache [N, heads, stored] stands for."""
        if not self.format:
            return cache.astype(np.float64)
        flat = group_formats.decode_running(cache.reshape(-1, self.stored), self.format)
        return flat.reshape(*cache.shape[:2], self.size).astype(np.float64)

    def feeds(self, random):
        def draw(*shape):
            return random.standard_normal(shape).astype(np.float32)

        n, context, size = self.rows, self.context, self.size
        return {"q": draw(1, n, self.heads, size), "k": draw(1, n, self.key_heads, size),
                "v": draw(1, n, self.key_heads, size), "cos": draw(1, context, size), "sin": draw(1, context, size),
                "m": draw(1, self.heads, 1, context)}

    def rotated(self, x, cos, sin):
        """x in [rows, heads, size], tables in [rows, size]."""
        half = self.size // 2
        turned = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
        return x * cos[:, None] + turned * sin[:, None]

    def caches(self, feeds, position):
        """Keys and values as they are after the run, from empty ones."""
        here = slice(position, position + self.rows)
        keys = np.zeros((self.context, self.key_heads, self.stored), self.kind)
        values = keys.copy()
        keys[here] = self.stored_rows(self.rotated(feeds["k"][0], feeds["cos"][0][here], feeds["sin"][0][here]))
        values[here] = self.stored_rows(feeds["v"][0])
        return keys, values

    def attended(self, feeds, position, keys, values):
        """The output over these caches."""
        here = slice(position, position + self.rows)
        queries = self.rotated(feeds["q"][0], feeds["cos"][0][here], feeds["sin"][0][here]).astype(np.float64)
        keys, values = self.floats(keys), self.floats(values)
        share = self.heads // self.key_heads
        y = np.zeros_like(queries)
        for row, head in itertools.product(range(self.rows), range(self.heads)):
            first = max(0, position + row + 1 - self.window) if self.window else 0
            seen = slice(first, position + row + 1)
            scores = keys[seen, head // share] @ queries[row, head] * 0.35
            if self.bias:
                scores += feeds["m"][0, head, 0, seen]
            weights = np.exp(scores - scores.max())
            y[row, head] = weights @ values[seen, head // share] / weights.sum()
        return y[None].astype(np.float32)


class StateTest(harness.Test):
    def case(self, *arguments, **options):
        shape = Shape(*arguments, **options)
        if not self.wanted(shape.name):
            return
        output = self.build(shape)
        harness.execute([self.tool("tercet-check"), str(output)])
        random = np.random.default_rng(shape.rows * 100 + shape.heads)
        for position in sorted({0, 1, 7, 15, shape.context - shape.rows}):
            if position > shape.context - shape.rows:
                continue
            feeds = shape.feeds(random)
            got = self.run(output, feeds, ["y", "keys", "values"], "--entry", "step", "--scalar", f"position={position}")
            keys, values = shape.caches(feeds, position)
            name = f"{shape.name} at {position}"
            if shape.format:
                self.check(f"{name}: values", None if np.array_equal(got["values"][0], values) else "other bytes")
                # The last bit of a turned key may decide how it is rounded.
                apart = np.abs(shape.floats(got["keys"][0]) - shape.floats(keys))
                step = np.abs(shape.floats(keys)).max() / (127 if shape.element == "int8" else 8)
                self.check(f"{name}: keys", None if apart.max() <= 1.01 * step else f"{apart.max()} off")
            else:
                for what, value in (("keys", keys), ("values", values)):
                    tolerance = 2e-3 if shape.element == "f16" else 1e-5
                    self.check(f"{name}: {what}", harness.difference(got[what], value[None], tolerance))
            y = shape.attended(feeds, position, got["keys"][0], got["values"][0])
            self.check(f"{name}: y", harness.difference(got["y"], y, 1e-5))
        if shape.rows == 1 and not shape.bias:
            self.refusals(shape.name, output, feeds)

    def build(self, shape):
        text, output = self.work / f"{shape.name}.mlir", self.work / shape.name
        text.write_text(shape.program())
        extra = ["--workers", "2"]
        if self.arguments.gpu:
            board = self.work / "board.yaml"
            board.write_text(MACHINE.replace("TARGET", self.arguments.gpu).replace("PROPERTIES", self.properties()))
            extra += ["--soc", str(board)]
        self.compile(text, output, None, "--name", "step", *extra)
        if self.arguments.gpu:
            commands = json.loads((output / "step.report.json").read_text())["entries"][0]["commands"]
            engines = {command["engine"] for command in commands if "kernel" in command}
            wanted = {"cpu", "gpu"} if shape.format else {"gpu"}
            self.check(f"{shape.name}: engines", None if engines == wanted else f"kernels on {sorted(engines)}")
        return output

    def properties(self):
        if self.arguments.gpu == "cuda":
            return "architecture: sm_87, threads: 256, shared_kib: 48"
        return f"profile: {self.arguments.profile}, workgroup_kib: 32, threads: 128, accumulators: 32"

    def bits(self, heads, key_heads, element, **options):
        """Of a prompt's first rows the bits are the same, whatever comes after them in the same run."""
        name = f"bits-heads{heads}x{key_heads}-{element}" + "".join(f"-{k}{v}" for k, v in options.items())
        if not self.wanted(name):
            return
        context = 80
        whole = Shape(context, heads, key_heads, element, context=context, **options)
        feeds = whole.feeds(np.random.default_rng(5))
        rows = {}
        for count in (1, 2, 3, 5, 34, context):
            shape = Shape(count, heads, key_heads, element, context=context, **options)
            own = {key: value[:, :count] if key in "qkv" else value for key, value in feeds.items()}
            rows[count] = self.run(self.build(shape), own, ["y"], "--entry", "step", "--scalar", "position=0")["y"]
        other = [n for n, y in rows.items() if not np.array_equal(y.view(np.uint32), rows[context][:, :n].view(np.uint32))]
        self.check(name, f"other bits with {other} rows than with {context}" if other else None)

    def evaluated(self, element):
        """The same by the reference evaluator, from a cache of bytes that are no numbers: nothing of it is read."""
        shape = Shape(5, 4, 2, element, window=4)
        name = f"evaluated-{element}"
        if not self.wanted(name) or self.arguments.target:
            return
        text = self.work / f"{name}.mlir"
        text.write_text(shape.program())
        feeds = shape.feeds(np.random.default_rng(3))
        kept = np.full((1, shape.context, shape.key_heads, shape.stored), 0x7E, np.int8)
        given = {**feeds, "position": np.array(0, np.int64), "keys": kept, "values": kept}
        command = [self.tool("tercet-reference"), str(text), "--entry", "step"]
        for key, value in given.items():
            np.save(self.work / f"{key}.npy", value)
            command += ["--input", f"{key}={self.work / key}.npy"]
        for key in ("y", "keys", "values"):
            command += ["--output", f"{key}={self.work / key}-out.npy"]
        harness.execute(command)
        got = {key: np.load(self.work / f"{key}-out.npy") for key in ("y", "keys", "values")}
        keys, values = shape.caches(feeds, 0)
        for key, value in (("keys", keys), ("values", values)):
            value[shape.rows:] = 0x7E
            self.check(f"{name}: {key}", None if np.array_equal(got[key][0], value) else "other bytes")
        self.check(f"{name}: y", harness.difference(got["y"], shape.attended(feeds, 0, keys, values), 1e-5))

    def refusals(self, name, output, feeds):
        """A position at which rows would not fit is a status that names the scalar and its range."""
        command = [self.tool("tercet-run"), str(output), "--entry", "step"]
        for key, value in feeds.items():
            np.save(self.work / f"{key}.npy", value)
            command += ["--input", f"{key}={self.work / key}.npy"]
        last = feeds["cos"].shape[1] - 1
        for value in (-1, last + 1):
            done = harness.execute(command + ["--scalar", f"position={value}"], expect=1)
            wanted = f"scalar 'position' must be in [0, {last}], got {value}"
            self.check(f"{name}: position {value}", None if wanted in done.stderr else done.stderr)


def on_gpu(test):
    """Rows below, at and above what runs at once, heads in groups, windows, ALiBi; one query over many blocks of keys."""
    for rows in (1, 2, 5):
        test.case(rows, 4, 4)
    test.case(1, 6, 2, element="f32")
    test.case(5, 4, 2, window=3)
    test.case(1, 6, 3, bias=True, window=4)
    test.case(5, 6, 3, bias=True)
    test.case(1, 8, 2, context=300, size=64)
    test.case(1, 4, 2, window=70, context=300, size=32)
    test.case(33, 8, 2, context=80, size=20)
    # What has no kernel there stays on the CPU, and the rest is where it was.
    test.case(5, 4, 2, element="int8", context=80)


def main():
    parser = harness.parser(__doc__)
    parser.add_argument("--gpu", choices=["vulkan", "cuda"], help="on a GPU")
    parser.add_argument("--profile", default="vk11-base", help="what kernels for Vulkan use")
    parser.add_argument("--library", help="CUDA's library: the stand-in, or libcuda.so.1")
    test = StateTest(parser.parse_args())
    if test.arguments.gpu:
        if test.arguments.library:
            os.environ["TERCET_LIBCUDA"] = test.arguments.library
        on_gpu(test)
        test.finish()
    for rows, (heads, key_heads) in itertools.product((1, 2, 5, CONTEXT), ((4, 4), (6, 2), (3, 1))):
        test.case(rows, heads, key_heads)
    for rows in (1, 5):
        test.case(rows, 4, 2, element="f32")
        for window in (1, 3, CONTEXT):
            test.case(rows, 4, 2, window=window)
        test.case(rows, 6, 3, bias=True)
        test.case(rows, 6, 3, bias=True, window=4)
    # Several blocks of keys, and of rows; heads that no vector divides.
    for rows in (1, 5, 33, 80):
        test.case(rows, 8, 2, context=80, size=20)
        test.case(rows, 4, 2, window=33, context=80)
        for element in FORMATS:
            test.case(rows, 4, 2, element=element, context=80)
    test.case(70, 71, 1, context=80)  # more query heads than rows are taken at once
    test.case(5, 6, 3, bias=True, context=80)
    for element in FORMATS:
        test.case(5, 4, 4, element=element, bias=True, window=40, context=80)
        test.case(2, 3, 1, element=element, size=32)
    for element in ("f32", "f16", *FORMATS):
        test.bits(6, 2, element)
    test.bits(4, 4, "int8", window=9)
    for element in FORMATS:
        test.evaluated(element)
    test.finish()


if __name__ == "__main__":
    main()
