# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels of the CUDA target for cuda_device.py to measure: products of halves of several shapes, also in other tiles than
# the one that the cost model takes, products of one row with halves and with weights in groups, and MiniLM. Compiles them,
# and writes a folder that runs on any x86-64 machine with Python 3 and NVIDIA's driver: DIR/run.sh, which ends with 77
# where there is no GPU. Runs it here unless told not to.
#
#   .venv/bin/python test/bench/cuda.py --tools build/bin --bundle DIR [--json FILE] [--prepare]

import argparse
import gzip
import json
import pathlib
import re
import shutil
import stat
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "e2e"), str(ROOT / "test" / "models")]

import command_table  # noqa: E402

Q4_0 = "#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>"
SUBMIT = 5
STRINGS = 1
IMAGE_MAGIC = b"TCKI"

# Figures of an H200 as NVIDIA's data sheet has them (4.8 TB/s, 132 processors, half of 990 TFLOP/s of dense f16 for
# mma.sync, a quarter of that for plain f16): they choose tiles, nothing else.
MACHINE = """name: cuda-bench
engines:
  - {{name: cpu, kind: cpu, target: cpu, memories: [dram], cpu: {{triple: x86_64-linux-gnu, cpu: x86-64-v3, cores: 4}}}}
  - name: gpu
    kind: gpu
    target: cuda
    memories: [dram]
    properties: {{architecture: {architecture}, processors: 132, threads: {threads}, shared_kib: {shared}}}
    performance:
      {{launch_us: 4, synchronise_us: 20, bandwidth_gb_per_s: 4000, peak_gops: {{f32: 60000, f16: 120000, i32: 30000}}}}
memories:
  - {{name: dram, bandwidth_gb_per_s: 4000}}
"""

# Threads of a block and KiB of shared memory: what a Jetson has too, and what later devices add.
MACHINES = {"t256s160": (256, 160), "t128s48": (128, 48), "t256s96": (256, 96), "t128s96": (128, 96)}
CUBES = (1024, 2048, 4096, 8192)
# Tokens, depth, columns: projections and feed-forward layers of language models of 1 to 8 thousand million parameters.
PREFILL = ((128, 4096, 4096), (512, 4096, 4096), (512, 4096, 14336), (2048, 4096, 14336), (2048, 14336, 4096),
           (512, 2048, 8192))
THIN = ((4096, 4096), (4096, 14336), (14336, 4096), (4096, 32000))
# Tiles tried for one shape, beside the one that is chosen.
TRIED_SHAPE = (4096, 4096, 4096)
TRIED_TILES = ((256, 128), (128, 256), (128, 128), (64, 256), (256, 64), (64, 128), (128, 64), (64, 64))


def product_text(name, m, k, n, transposed):
    right = f"tensor<{n}x{k}xf16>" if transposed else f"tensor<{k}x{n}xf16>"
    maps = "indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, " \
           "affine_map<(m, n, k) -> (m, n)>] " if transposed else ""
    return f"""func.func @{name}(%a: tensor<{m}x{k}xf16> {{nn.name = "a"}}, %b: {right} {{nn.name = "b"}}) -> (tensor<{m}x{n}xf16> {{nn.name = "r"}}) {{
  %r0 = soc.group on "gpu" (%a, %b) : (tensor<{m}x{k}xf16>, {right}) -> tensor<{m}x{n}xf16> {{
  ^bb0(%x: tensor<{m}x{k}xf16>, %w: {right}):
    %z = arith.constant 0.0 : f16
    %e = tensor.empty() : tensor<{m}x{n}xf16>
    %f = linalg.fill ins(%z : f16) outs(%e : tensor<{m}x{n}xf16>) -> tensor<{m}x{n}xf16>
    %r = linalg.matmul {maps}ins(%x, %w : tensor<{m}x{k}xf16>, {right}) outs(%f : tensor<{m}x{n}xf16>) -> tensor<{m}x{n}xf16>
    soc.yield %r : tensor<{m}x{n}xf16>
  }}
  return %r0 : tensor<{m}x{n}xf16>
}}
"""


def groups_text(name, m, k, n):
    """Weights of q4_0: blocks of 32, each a half and 16 bytes."""
    left, right, result = f"tensor<{m}x{k}xf32>", f"tensor<{n}x{k // 32}x18xi8>", f"tensor<{m}x{n}xf32>"
    return f"""{Q4_0}
nn.weight @{name}_w = dense<1> : {right}
func.func @{name}(%a: {left} {{nn.name = "a"}}) -> ({result} {{nn.name = "r"}}) {{
  %b = nn.get_weight @{name}_w : {right}
  %r0 = soc.group on "gpu" (%a, %b) : ({left}, {right}) -> {result} {{
  ^bb0(%x: {left}, %w: {right}):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : {result}
    %f = linalg.fill ins(%z : f32) outs(%e : {result}) -> {result}
    %r = nn.group_matmul format #q4_0 ins(%x, %w : {left}, {right}) outs(%f : {result})
    soc.yield %r : {result}
  }}
  return %r0 : {result}
}}
"""


class Image:
    """What runtime/include/tercet/cuda_image.h describes, found in an object file."""

    def __init__(self, data):
        at = data.find(IMAGE_MAGIC)
        if at < 0:
            raise SystemExit("cuda.py: no image of a CUDA engine in the object")
        self.data = data[at:]
        header = struct.unpack_from("<10I", self.data)
        self.data = self.data[:header[2]]
        count, kernels, codes = header[3], header[4], header[6]
        self.kernels = []
        for i in range(count):
            fields = struct.unpack_from("<8I", self.data, kernels + 32 * i)
            name = self.data[fields[0]:self.data.index(b"\0", fields[0])].decode()
            self.kernels.append({"name": name, "block": list(fields[1:4]), "shared": fields[4]})
        _, _, offset, size = struct.unpack_from("<4I", self.data, codes)
        self.ptx = self.data[offset:offset + size - 1]


class Preparation:
    def __init__(self, tools, folder, architecture):
        self.tools, self.folder, self.architecture = tools, folder, architecture
        self.cases = []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def compiler(self, *arguments, check=True):
        done = subprocess.run([str(self.tools / "tercet-compile"), *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if check and done.returncode:
            raise SystemExit(f"cuda.py: tercet-compile failed: {done.stderr}")
        return done

    def machine(self, name):
        threads, shared = MACHINES[name]
        path = self.folder / f"{name}.yaml"
        path.write_text(MACHINE.format(architecture=self.architecture, threads=threads, shared=shared))
        return path

    def compile(self, module, text, machine, tiles=None, check=True):
        """A module of entries for the GPU, with these tiles in all of its kernels; its table, and its image."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        source = work / f"{module}.mlir"
        source.write_text(text)
        start = "partition"
        if tiles:
            placed = self.compiler(source, "-o", work / module, "--soc", self.machine(machine), "--start-from", start,
                                   "--stop-after", start, "--name", module).stdout
            pinned = re.sub(r"(<\"tensor-product\"[^>]*?tiles = )\[[^\]]*\]", rf"\1[{tiles[0]}, {tiles[1]}]", placed)
            if pinned == placed and f"tiles = [{tiles[0]}, {tiles[1]}]" not in placed:
                raise SystemExit(f"cuda.py: no variant of {module} to change")
            source.write_text(pinned)
            start = "schedule"
        done = self.compiler(source, "-o", work / module, "--soc", self.machine(machine), "--start-from", start, "--name",
                             module, "--quiet", check=check)
        if done.returncode:
            return None, done.stderr.strip().splitlines()[0]
        path = work / module / f"{module}.o"
        image = Image(path.read_bytes())
        (self.folder / f"{module}.ptx").write_bytes(image.ptx)
        return command_table.CommandTable.of_file(path), image

    def entries(self, module, table, image):
        """Of each entry by name: launches and memories, of what the GPU runs."""
        strings = next(payload for record, payload in table.others if int(record["kind"]) == STRINGS)

        def text(offset):
            return strings[offset:strings.index(b"\0", offset)].decode()

        gpu = next(i for i, engine in enumerate(table.engines) if text(engine["name"]) == "gpu")
        rank = {}
        for number, kernel in enumerate(table.kernels):
            if kernel["engine"] == gpu:
                rank[number] = len(rank)
        found = {}
        for entry in table.entries:
            memories, launches = {}, []
            first = int(entry["first_command"])
            for command in table.commands[first:first + int(entry["command_count"])]:
                if command["engine"] != gpu or command["opcode"] != SUBMIT:
                    continue
                kernel = image.kernels[rank[int(command["target"])]]
                operands = []
                for operand in table.operands_of(command):
                    key = (int(operand["buffer"]), int(operand["offset"]))
                    number = memories.setdefault(key, (len(memories), int(operand["bytes"])))[0]
                    operands.append([number, 0])
                launches.append({"module": f"{module}.ptx", "kernel": kernel["name"], "block": kernel["block"],
                                 "shared": kernel["shared"], "grid": [int(g) for g in command["grid"]],
                                 "operands": operands})
            found[text(entry["name"])] = (launches, [{"bytes": b, "fill": "halves"} for _, b in memories.values()])
        return found

    def add(self, module, table, image, described):
        for name, (launches, operands) in self.entries(module, table, image).items():
            case = described[name]
            case.update(launches=launches, operands=operands)
            fills = case.pop("fills", None)
            if fills is None:  # what is largest are the weights
                weights = max(range(len(operands)), key=lambda i: operands[i]["bytes"])
                fills = ["bytes" if i == weights else "zero" for i in range(len(operands))]
            elif len(launches) != 1 or len(operands) != len(fills):
                raise SystemExit(f"cuda.py: {case['name']}: expected one kernel of {len(fills)} operands")
            for operand, fill in zip(operands, fills):
                operand["fill"] = fill
            self.cases.append(case)

    def products(self, machine, shapes, tiles=None, turned=()):
        """Of `turned` the right-hand side has its terms side by side."""
        module = f"products_{machine}" + (f"_{tiles[0]}x{tiles[1]}" if tiles else "")
        texts, described = [], {}
        for m, k, n, transposed in [(*s, False) for s in shapes] + [(*s, True) for s in turned]:
            name = f"p{m}_{k}_{n}" + ("t" if transposed else "")
            texts.append(product_text(name, m, k, n, transposed))
            label = f"gemm/{m}x{n}x{k}" + (" B^T" if transposed else "") + f" {machine}"
            described[name] = {"name": label, "measure": "operations", "operations": 2 * m * n * k,
                               "tiles": "x".join(map(str, tiles)) if tiles else "", "fills": ["halves", "halves", "zero"],
                               "check": {"m": m, "n": n, "k": k, "transposed": transposed, "operands": [0, 1, 2]}}
        table, image = self.compile(module, "\n".join(texts), machine, tiles)
        self.add(module, table, image, described)

    def thin(self, machine):
        texts, described = [], {}
        for k, n in THIN:
            for transposed in (False, True):
                name = f"v{k}_{n}" + ("t" if transposed else "")
                texts.append(product_text(name, 1, k, n, transposed))
                described[name] = {"name": f"gemv/{n}x{k} f16" + (" B^T" if transposed else ""), "measure": "bytes",
                                   "bytes": 2 * (n * k + n + k), "fills": ["halves", "halves", "zero"],
                                   "check": {"m": 1, "n": n, "k": k, "transposed": transposed, "operands": [0, 1, 2]}}
        table, image = self.compile("thin", "\n".join(texts), machine)
        self.add("thin", table, image, described)

    def groups(self, machine):
        """Only once the engine takes them: until then it says why not."""
        for m, k, n in [(1, k, n) for k, n in THIN] + [(512, 4096, 4096)]:
            name = f"g{m}_{k}_{n}"
            table, image = self.compile(name, groups_text(name, m, k, n), machine, check=False)
            if table is None:
                print(f"cuda.py: {name} is left out: {image}")
                continue
            size = n * (k // 32) * 18
            case = {}
            if m == 1:
                case.update(name=f"gemv/{n}x{k} q4_0", measure="bytes", bytes=size + 4 * (n + k))
            else:
                case.update(name=f"gemm/{m}x{n}x{k} q4_0", measure="operations", operations=2 * m * n * k)
            self.add(name, table, image, {name: case})

    def minilm(self, model):
        """With its encoder on the GPU, whose memory is the CPU's: on a GPU with memory of its own each weight comes over
        its bus in each run."""
        import numpy as np
        import minilm
        import small
        shutil.copy(self.tools / "tercet-compare-arrays", self.folder / "compare")
        sequence, data = 128, "minilm"
        self.compiler(model, "-o", self.folder / "work" / data, "--soc", self.machine("t256s96"), "--dim", "batch=1", "--dim",
                      f"sequence={sequence}", "--name", data, "--emit", "exe", "--pin", "/encoder*=gpu", "--quiet")
        shutil.copy(self.folder / "work" / data / data, self.folder)
        feeds = minilm.encode(minilm.SENTENCES[:1], minilm.package_folder(), sequence)
        expected = small.expected(model, feeds)
        weights = self.used_weights(model, (self.folder / "work" / data / f"{data}.weights").read_bytes(), feeds["input_ids"])
        (self.folder / f"{data}.weights.gz").write_bytes(gzip.compress(weights, 3))
        for name, value in feeds.items():
            np.save(self.folder / f"{data}.{name}.npy", value)
        for name, value in expected.items():
            np.save(self.folder / f"{data}.{name}.expected.npy", value)
        self.cases.append({"name": f"minilm/s{sequence} encoder on the GPU", "program": data, "data": data, "repeat": 50,
                           "inputs": list(feeds), "outputs": list(expected), "tolerance": 1e-3})

    @staticmethod
    def used_weights(model, weights, tokens):
        """The file with zeros in the rows of the table of tokens that no token of the input names: half of it, which need not
        be copied to another machine. The runtime compares the digest that the file says it has, not the bytes."""
        import numpy as np
        import onnx
        tables = [onnx.numpy_helper.to_array(t) for t in onnx.load(str(model)).graph.initializer if len(t.dims) == 2]
        table = max(tables, key=lambda t: t.shape[0])
        at = weights.find(table.tobytes())
        if at < 0:
            return weights
        kept = np.zeros_like(table)
        kept[np.unique(tokens)] = table[np.unique(tokens)]
        return weights[:at] + kept.tobytes() + weights[at + kept.nbytes:]

    def finish(self):
        (self.folder / "cases.json").write_text(json.dumps(self.cases, indent=1) + "\n")
        for name in ("cuda_device.py", "cuda_probes.py"):
            shutil.copy(ROOT / "test" / "bench" / name, self.folder)
        shutil.rmtree(self.folder / "work")
        script = self.folder / "run.sh"
        script.write_text('#!/bin/sh\n# Measures, and ends with 77 where there is no GPU. Options as of cuda_device.py.\n'
                          'exec python3 "$(dirname "$0")/cuda_device.py" "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        print(f"cuda.py: {len(self.cases)} cases in {self.folder}")


def main():
    parser = argparse.ArgumentParser(description="Prepare and measure kernels for NVIDIA's GPUs.")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/bin", help="folder of tercet-compile")
    parser.add_argument("--bundle", type=pathlib.Path, required=True, help="folder that is written, and can be copied")
    parser.add_argument("--architecture", default="sm_87", help="that the code is for (default sm_87, for all later ones)")
    parser.add_argument("--model", type=pathlib.Path, help="MiniLM's ONNX file; without it the model is left out")
    parser.add_argument("--prepare", action="store_true", help="write the folder and measure nothing")
    parser.add_argument("--small", action="store_true", help="a few small cases, to try the bench itself")
    parser.add_argument("--library", default="libcuda.so.1")
    parser.add_argument("--json", type=pathlib.Path, help="write the results here too")
    arguments = parser.parse_args()
    preparation = Preparation(arguments.tools.resolve(), arguments.bundle.resolve(), arguments.architecture)
    if arguments.small:
        preparation.products("t128s48", [(128, 96, 128)], turned=[(96, 64, 128)])
        preparation.products("t128s48", [(100, 64, 72)], (64, 64))
    else:
        cubes = [(n, n, n) for n in CUBES]
        preparation.products("t256s160", cubes, turned=cubes + list(PREFILL))
        for machine in MACHINES:
            if machine != "t256s160":
                preparation.products(machine, [TRIED_SHAPE, (8192, 8192, 8192)])
        for machine, tiles in [(m, t) for m in ("t256s160", "t128s48") for t in TRIED_TILES]:
            threads, shared = MACHINES[machine]
            if tiles[0] * tiles[1] <= 128 * threads and 2 * sum(tiles) * 64 <= shared * 1024:
                preparation.products(machine, [TRIED_SHAPE], tiles)
        preparation.thin("t256s160")
        preparation.groups("t256s160")
        if arguments.model:
            preparation.minilm(arguments.model.resolve())
    preparation.finish()
    if arguments.prepare:
        return
    command = [sys.executable, str(arguments.bundle / "cuda_device.py"), "--library", arguments.library]
    if arguments.json:
        command += ["--json", str(arguments.json)]
    sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
