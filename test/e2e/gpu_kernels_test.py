# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels of a Vulkan GPU against numpy in double precision, on whatever device tercet-run finds (lavapipe where there is
# no other): products with and without an elementwise operation behind them, thin products, norms, softmax and
# attention, products with weights in groups, at sizes around the edges of tiles, lanes and blocks, in every profile and
# stored as f32, f16 and bf16. Each case is an entry of one module: the CPU multiplies halved inputs by -2, and the GPU
# does the rest. With --validate all of it runs under the Khronos validation layer, and a message of it is a failure.

import os
import platform
import re

import ml_dtypes
import numpy as np

import gpu_groups
import harness

BF16 = np.dtype(ml_dtypes.bfloat16)
# Relative to 1 + |expected|. A bfloat16 is rounded by 2e-3 of itself, and some results twice.
TOLERANCE = {"f32": 1e-4, "f16": 2e-3, "bf16": 6e-3}
TYPES = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16", BF16: "bf16"}
PROFILES = {"base": "vk11-base", "subgroup": "vk11-base+subgroup", "full": "vk11-base+f16+subgroup", "dot": "vk11-base+dot"}
# How elements are stored in each: what f16 is depends on +f16, bfloat16s are fields of words everywhere, and what byte
# products change is products in groups.
STORAGE = {"base": (np.float32, np.float16, BF16), "subgroup": (np.float32,), "full": (np.float32, np.float16), "dot": ()}
LAYER = "VK_LAYER_KHRONOS_validation"
MACHINE = """name: bench
engines:
  - {{name: cpu, kind: cpu, target: cpu, memories: [dram], cpu: {cpu}}}
  - name: gpu
    kind: gpu
    target: vulkan
    memories: [dram]
    properties: {{profile: {profile}, workgroup_kib: {kib}, threads: {threads}, accumulators: {accumulators}}}
    performance:
      {{launch_us: 1, synchronise_us: 1, bandwidth_gb_per_s: 10, peak_gops: {{f32: 100}}}}
memories:
  - {{name: dram}}
"""


def stored(array):
    """As files have it: NumPy has no bfloat16."""
    return array.view(np.uint16) if array.dtype == BF16 else array


def tensor(array):
    return f"tensor<{'x'.join(map(str, array.shape))}x{TYPES[array.dtype]}>"


class Case:
    """An entry: `inputs` come through the CPU, `weights` are constants; `body` computes %r from block arguments of the
    same names."""

    def __init__(self, name, inputs, weights, body, expected, storage=np.float32):
        self.name = re.sub(r"\W+", "_", name)
        self.inputs = {n: np.ascontiguousarray(a.astype(storage)) for n, a in inputs.items()}
        self.weights = {n: np.ascontiguousarray(a.astype(storage)) for n, a in weights.items()}
        doubles = {n: a.astype(np.float64) for n, a in {**self.inputs, **self.weights}.items()}
        self.exact = expected(**doubles)
        self.expected = self.exact.astype(storage)
        self.body = body

    def feeds(self):
        return {f"{n}0": stored(a / a.dtype.type(2)) for n, a in self.inputs.items()}

    def difference(self, got):
        """As harness.difference says it; of a bfloat16 from the exact result, since roundings of two would be too far."""
        kind = TYPES[self.expected.dtype]
        if kind == "bf16":
            return harness.difference(got.view(BF16).astype(np.float64), self.exact, TOLERANCE[kind])
        return harness.difference(got, self.expected, TOLERANCE[kind])

    def text(self):
        lines = [f'nn.weight @{self.name}_{n} = dense<"0x{a.tobytes().hex().upper()}"> : {tensor(a)}'
                 for n, a in self.weights.items()]
        arguments = ", ".join(f'%{n}0: {tensor(a)} {{nn.name = "{n}0"}}' for n, a in self.inputs.items())
        result = tensor(self.expected)
        lines.append(f'func.func @{self.name}({arguments}) -> ({result} {{nn.name = "y"}}) {{')
        for n, a in self.inputs.items():
            t = tensor(a)
            lines.append(f"""  %{n}1 = soc.group on "cpu" (%{n}0) : ({t}) -> {t} {{
  ^bb0(%a: {t}):
    %e = tensor.empty() : {t}
    %c = arith.constant -2.0 : {TYPES[a.dtype]}
    %f = linalg.fill ins(%c : {TYPES[a.dtype]}) outs(%e : {t}) -> {t}
    %n = linalg.mul ins(%a, %f : {t}, {t}) outs(%e : {t}) -> {t}
    soc.yield %n : {t}
  }}""")
        operands = {**self.inputs, **self.weights}
        for n, a in self.weights.items():
            lines.append(f"  %{n}1 = nn.get_weight @{self.name}_{n} : {tensor(a)}")
        types = ", ".join(map(tensor, operands.values()))
        names = ", ".join(f"%{n}1" for n in operands)
        blocks = ", ".join(f"%{n}: {tensor(a)}" for n, a in operands.items())
        element = TYPES[self.expected.dtype]
        lines.append(f"""  %y = soc.group on "gpu" ({names}) : ({types}) -> {result} {{
  ^bb0({blocks}):
    %e = tensor.empty() : {result}
    %z = arith.constant 0.0 : {element}
{self.body.format(result=result, element=element, **{n: tensor(a) for n, a in operands.items()})}
    soc.yield %r : {result}
  }}
  return %y : {result}
}}""")
        return "\n".join(lines)


PRODUCT = """    %f = linalg.fill ins(%z : {element}) outs(%e : {result}) -> {result}
    %p = linalg.matmul ins(%x, %w : {x}, {w}) outs(%f : {result}) -> {result}
"""
TURNED = """    %f = linalg.fill ins(%z : {element}) outs(%e : {result}) -> {result}
    %p = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : {x}, {w}) outs(%f : {result}) -> {result}
"""
BATCHED = """    %f = linalg.fill ins(%z : {element}) outs(%e : {result}) -> {result}
    %r = linalg.batch_matmul ins(%x, %y0 : {x}, {y0}) outs(%f : {result}) -> {result}
"""
# A bias for each column, a residual, and a function.
EPILOGUE = """    %q = tensor.empty() : {result}
    %r = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}}
      ins(%p, %b, %d : {result}, {b}, {d}) outs(%q : {result}) {{
    ^bb0(%s: {element}, %c: {element}, %t: {element}, %o: {element}):
      %1 = arith.addf %s, %c : {element}
      %2 = math.tanh %1 : {element}
      %3 = arith.addf %2, %t : {element}
      linalg.yield %3 : {element}
    }} -> {result}
"""


# What stands between operations of a tile is in workgroup memory: sums of elements before a norm of them, and an element
# for each row.
RESIDUAL = """    %s = linalg.add ins(%x, %d : {x}, {d}) outs(%e : {result}) -> {result}
    %r = nn.rms_norm ins(%s, %w : {result}, {w}) outs(%e : {result}) epsilon 1.000000e-05"""
BELOW_GREATEST = """    %q = tensor.empty() : tensor<{rows}x{element}>
    %low = arith.constant -6.0e+04 : {element}
    %f = linalg.fill ins(%low : {element}) outs(%q : tensor<{rows}x{element}>) -> tensor<{rows}x{element}>
    %g = linalg.reduce {{ arith.maxnumf }} ins(%x : {x}) outs(%f : tensor<{rows}x{element}>) dimensions = [1]
    %r = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]}} ins(%x, %g : {x}, tensor<{rows}x{element}>) outs(%e : {result}) {{
    ^bb0(%s: {element}, %c: {element}, %o: {element}):
      %1 = arith.subf %s, %c : {element}
      linalg.yield %1 : {element}
    }} -> {result}"""


def rms(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v, scale, mask=None):
    group = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, group, 2), np.repeat(v, group, 2)
    scores = np.einsum("bshd,bthd->bhst", q, k) * scale
    return np.einsum("bhst,bthe->bshe", softmax(scores if mask is None else scores + mask), v)


def cases(rng, storage=np.float32):
    def normal(*shape):
        return rng.normal(0, 1, shape)

    kind = TYPES[np.dtype(storage)]
    # Rows, terms, columns: tiles of rows and columns, blocks of four terms, one of each.
    for m, k, n in ((64, 64, 64), (65, 37, 68), (31, 128, 33), (8, 20, 130), (129, 48, 1), (100, 96, 4), (33, 1, 36)):
        weight = normal(k, n) / np.sqrt(k)
        yield Case(f"product_{m}_{k}_{n}_{kind}", {"x": normal(m, k)}, {"w": weight},
                   PRODUCT.replace("%p", "%r"), lambda x, w: -x @ w, storage)
        yield Case(f"turned_{m}_{k}_{n}_{kind}", {"x": normal(m, k)}, {"w": weight.T},
                   TURNED.replace("%p", "%r"), lambda x, w: -x @ w.T, storage)
        yield Case(f"epilogue_{m}_{k}_{n}_{kind}", {"x": normal(m, k), "d": normal(m, n)}, {"w": weight, "b": normal(n)},
                   PRODUCT + EPILOGUE, lambda x, d, w, b: np.tanh(-x @ w + b) - d, storage)
    # Few rows.
    for m, k, n in ((1, 256, 96), (1, 513, 130), (3, 100, 64), (7, 384, 33), (1, 64, 1), (2, 1000, 512)):
        weight = normal(k, n) / np.sqrt(k)
        yield Case(f"thin_{m}_{k}_{n}_{kind}", {"x": normal(m, k)}, {"w": weight, "b": normal(n), "d": normal(m, n)},
                   PRODUCT + EPILOGUE, lambda x, w, b, d: np.tanh(-x @ w + b) + d, storage)
        yield Case(f"thin_turned_{m}_{k}_{n}_{kind}", {"x": normal(m, k)}, {"w": weight.T},
                   TURNED.replace("%p", "%r"), lambda x, w: -x @ w.T, storage)
    for batch, m, k, n in ((3, 40, 24, 36), (2, 5, 17, 3)):
        yield Case(f"batched_{batch}_{m}_{k}_{n}_{kind}", {"x": normal(batch, m, k), "y0": normal(batch, k, n) / np.sqrt(k)}, {},
                   BATCHED, lambda x, y0: x @ y0, storage)
    for rows, columns in ((5, 384), (64, 33), (1, 4000), (17, 128), (3, 1)):
        yield Case(f"softmax_{rows}_{columns}_{kind}", {"x": 3 * normal(rows, columns)}, {},
                   "    %r = linalg.softmax dimension(1) ins(%x : {x}) outs(%e : {result}) -> {result}",
                   lambda x: softmax(-x), storage)
        yield Case(f"rms_{rows}_{columns}_{kind}", {"x": normal(rows, columns)}, {"w": normal(columns)},
                   "    %r = nn.rms_norm ins(%x, %w : {x}, {w}) outs(%e : {result}) epsilon 1.000000e-05",
                   lambda x, w: rms(-x, w), storage)
        yield Case(f"residual_{rows}_{columns}_{kind}", {"x": normal(rows, columns), "d": normal(rows, columns)}, {"w": normal(columns)},
                   RESIDUAL, lambda x, d, w: rms(-x - d, w), storage)
        yield Case(f"greatest_{rows}_{columns}_{kind}", {"x": normal(rows, columns)}, {}, BELOW_GREATEST.replace("{rows}", str(rows)),
                   lambda x: -x - (-x).max(-1, keepdims=True), storage)
        yield Case(f"layer_{rows}_{columns}_{kind}", {"x": 1 + normal(rows, columns)}, {"w": normal(columns), "b": normal(columns)},
                   "    %r = nn.layer_norm ins(%x, %w : {x}, {w}) bias(%b : {b}) outs(%e : {result}) epsilon 1.000000e-05",
                   lambda x, w, b: (x.mean(-1, keepdims=True) - x) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w + b, storage)
    # Batches, queries, keys, heads, groups, sizes of a head.
    for b, s, t, h, g, d, e in ((1, 33, 65, 2, 1, 32, 64), (2, 16, 32, 3, 3, 64, 64), (1, 1, 40, 4, 2, 16, 8), (1, 70, 7, 1, 1, 4, 4),
                                (1, 20, 100, 2, 2, 40, 128)):
        feeds = {"q": normal(b, s, h, d), "k": normal(b, t, g, d), "v": normal(b, t, g, e)}
        scale = round(1 / np.sqrt(d), 6)
        ins = "ins(%q, %k, %v : {q}, {k}, {v})"
        tail = f"outs(%e : {{result}}) scale {scale:e}"
        yield Case(f"attention_{b}_{s}_{t}_{h}_{g}_{d}_{e}_{kind}", feeds, {}, f"    %r = nn.attention {ins} {tail}",
                   lambda q, k, v, scale=scale: -attention(q, k, v, scale), storage)
        # The first row sees one key alone, the others all.
        mask = np.zeros((1, 1, s, t))
        mask[:, :, 0, 1:] = -np.inf
        yield Case(f"masked_{b}_{s}_{t}_{h}_{g}_{d}_{e}_{kind}", feeds, {"m": mask},
                   f"    %r = nn.attention {ins} mask(%m : {{m}}) {tail}",
                   lambda q, k, v, m, scale=scale: -attention(q, k, v, scale, m), storage)


class Gpu:
    def __init__(self, test):
        self.test = test
        self.messages = None

    def validate(self):
        """Has the programs run under the validation layer from here on, hazards between commands included."""
        self.messages = self.test.work / "validation.txt"
        settings = self.test.work / "vk_layer_settings.txt"
        settings.write_text(f"""khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.log_filename = {self.messages}
khronos_validation.report_flags = error,warn,info
khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
""")
        os.environ.update(VK_INSTANCE_LAYERS=LAYER, VK_LAYER_SETTINGS_PATH=str(settings))

    def check_messages(self, name):
        """The layer says that it is there, and nothing else."""
        said = self.messages.read_text() if self.messages.exists() else ""
        self.messages.unlink(missing_ok=True)
        if "Khronos Validation Layer Active" not in said:
            said = f"{LAYER} is not in use"
        elif not re.search(r"Validation (Error|Warning|Performance)", said):
            said = ""
        self.test.check(f"{name}: validation", said[:2000])

    def run(self, profile, some, kib=16, threads=128, accumulators=32, cpu="host", label=""):
        some = [case for case in some if self.test.wanted(f"{profile}{label} {case.name}")]
        folder = self.test.work / f"{profile}{label}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "board.yaml").write_text(
            MACHINE.format(cpu=cpu, profile=PROFILES[profile], kib=kib, threads=threads, accumulators=accumulators))
        # Opening a program makes the pipelines of all of its kernels.
        for first in range(0, len(some), 12):
            self.run_together(folder, f"{profile}{label}", some[first:first + 12])

    def run_together(self, folder, label, some):
        (folder / "kernels.mlir").write_text("\n".join(case.text() for case in some))
        self.test.compile(folder / "kernels.mlir", folder / "out", None, "--soc", str(folder / "board.yaml"),
                          "--start-from", "partition")
        for case in some:
            name = f"{label} {case.name}"
            try:
                got = self.test.run(folder / "out", case.feeds(), ["y"], "--entry", case.name)["y"]
                self.test.check(name, case.difference(got))
                if self.messages:
                    self.check_messages(name)
            except harness.CommandFailed as failure:
                self.test.check(name, str(failure))


def main():
    parser = harness.parser(__doc__ or "kernels of a GPU")
    parser.add_argument("--every", type=int, default=1, help="only every Nth case")
    parser.add_argument("--validate", action="store_true", help=f"run under {LAYER}")
    test = harness.Test(parser.parse_args())
    gpu = Gpu(test)
    every = test.arguments.every
    if test.arguments.validate:
        gpu.validate()
    for profile in PROFILES:
        for storage in STORAGE[profile]:
            some = list(cases(np.random.default_rng(7), storage))
            gpu.run(profile, some[::every])
        if profile != "subgroup":
            gpu.run(profile, list(gpu_groups.cases())[::every], label="-groups")
    # Panels of eight columns, whatever the host has.
    if platform.machine() in ("x86_64", "AMD64"):
        described = "{triple: x86_64-linux-gnu, cpu: x86-64-v3, cores: 2}"
        gpu.run("base", list(gpu_groups.cases(seed=5))[::2 * every], cpu=described, label="-groups-in-eights")
    test.finish()


if __name__ == "__main__":
    main()
