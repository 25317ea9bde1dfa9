# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Programs whose matrix products run on the NPU, where the text pins them (the cost model would leave products that small
# on the CPU): two layers in integers between a quantisation and a dequantisation on
# the CPU. Results are exact against numpy on whole numbers (docs/quantisation.md), at sizes around the edges of panels,
# registers and tiles. What the image holds is disassembled; faults of the NPU are injected through the emulator that
# tercet-run is told to use.

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np

import harness
from command_table import CommandTable

SCALE, ZERO, OUT_SCALE, OUT_ZERO = 0.05, 3, 0.125, -5
SHIFTS = (9, 10)
SUBMIT, CPU, NPU, ELF = 5, 1, 3, 2
# M, K, N, P: rows, and the sizes of the layers.
SIZES = [(64, 128, 256, 96), (1, 4, 32, 32), (33, 130, 129, 1), (5, 513, 33, 7), (128, 384, 1536, 384), (3, 31, 127, 65)]


def requantise(total, multiplier, shift, zero):
    """Q of docs/quantisation.md, in numbers without end."""
    high = (total.astype(object) * multiplier.astype(object) + (1 << 30)) >> 31
    return np.clip(((high + (1 << (shift - 1))) >> shift) + zero, -128, 127).astype(np.int64)


class Program:
    def __init__(self, sizes):
        m, k, n, p = self.sizes = sizes
        rng = np.random.default_rng(sum(sizes))
        self.layers = []
        for depth, columns in ((k, n), (n, p)):
            self.layers.append((rng.integers(-127, 128, (depth, columns)).astype(np.int8),
                                rng.integers(-20000, 20000, columns).astype(np.int32),
                                rng.integers(1 << 30, (1 << 31) - 1, columns).astype(np.int32)))
        self.x = rng.normal(0, 2, (m, k)).astype(np.float32)

    def expected(self):
        value = np.clip(np.round(self.x / np.float32(SCALE)) + ZERO, -128, 127).astype(np.int64)
        for (weights, bias, multiplier), shift, zero in zip(self.layers, SHIFTS, (ZERO, OUT_ZERO)):
            value = requantise(value @ weights.astype(np.int64) + bias, multiplier, shift, zero)
        return (value - OUT_ZERO).astype(np.float32) * np.float32(OUT_SCALE)

    def text(self):
        m, k, n, p = self.sizes
        lines = []
        for i, layer in enumerate(self.layers):
            for name, array in zip("wbm", layer):
                shape = "x".join(map(str, array.shape)) + f"xi{8 * array.itemsize}"
                lines.append(f'nn.weight @{name}{i} = dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}>')
        lines.append(f"""
func.func @main(%x: tensor<{m}x{k}xf32> {{nn.name = "x"}}) -> (tensor<{m}x{p}xf32> {{nn.name = "y"}}) {{
  %v0 = soc.group (%x) : (tensor<{m}x{k}xf32>) -> tensor<{m}x{k}xi8> {{
  ^bb0(%a: tensor<{m}x{k}xf32>):
    %e = tensor.empty() : tensor<{m}x{k}xi8>
    %r = nn.quantize as !quant.uniform<i8:f32, {SCALE:e}:{ZERO}> ins(%a : tensor<{m}x{k}xf32>) outs(%e : tensor<{m}x{k}xi8>)
    soc.yield %r : tensor<{m}x{k}xi8>
  }}""")
        for i, (depth, columns, shift, zero) in enumerate(((k, n, SHIFTS[0], ZERO), (n, p, SHIFTS[1], OUT_ZERO))):
            types = f"tensor<{m}x{depth}xi8>, tensor<{depth}x{columns}xi8>, tensor<{columns}xi32>, tensor<{columns}xi32>"
            result = f"tensor<{m}x{columns}xi8>"
            lines.append(f"""
  %w{i} = nn.get_weight @w{i} : tensor<{depth}x{columns}xi8>
  %b{i} = nn.get_weight @b{i} : tensor<{columns}xi32>
  %m{i} = nn.get_weight @m{i} : tensor<{columns}xi32>
  %v{i + 1} = soc.group on "npu" (%v{i}, %w{i}, %b{i}, %m{i}) : ({types}) -> {result} {{
  ^bb0(%l: tensor<{m}x{depth}xi8>, %w: tensor<{depth}x{columns}xi8>, %b: tensor<{columns}xi32>, %m: tensor<{columns}xi32>):
    %e = tensor.empty() : {result}
    %p = nn.quantized_matmul ins(%l, %w, %b, %m : {types}) outs(%e : {result}) shift {shift} zero {zero}
    soc.yield %p : {result}
  }}""")
        lines.append(f"""
  %y = soc.group (%v2) : (tensor<{m}x{p}xi8>) -> tensor<{m}x{p}xf32> {{
  ^bb0(%a: tensor<{m}x{p}xi8>):
    %e = tensor.empty() : tensor<{m}x{p}xf32>
    %r = nn.dequantize from !quant.uniform<i8:f32, {OUT_SCALE:e}:{OUT_ZERO}> ins(%a : tensor<{m}x{p}xi8>) outs(%e : tensor<{m}x{p}xf32>)
    soc.yield %r : tensor<{m}x{p}xf32>
  }}
  return %y : tensor<{m}x{p}xf32>
}}""")
        return "\n".join(lines)


class Npu:
    def __init__(self, test):
        self.test = test

    def compile(self, sizes, soc, *extra):
        program = Program(sizes)
        folder = self.test.work / f"{Path(soc).stem}-{'x'.join(map(str, sizes))}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "two.mlir").write_text(program.text())
        harness.execute([self.test.tool("tercet-compile"), str(folder / "two.mlir"), "-o", str(folder), "--quiet",
                         "--soc", soc, "--start-from", "partition", *extra])
        return program, folder

    def image(self, folder):
        """The image's bytes, from the object, and the table."""
        data = (folder / "two.o").read_bytes()
        table = CommandTable.of_file(folder / "two.o")
        engines = [e for e in table.engines if e["kind"] == NPU]
        if len(engines) != 1 or engines[0]["format"] != ELF:
            raise harness.CommandFailed("no engine with an ELF image")
        size = int(engines[0]["image_bytes"])
        starts = [at for at in range(64, len(data) - size + 1, 4) if data[at:at + 6] == b"\x7fELF\x01\x01"]
        if len(starts) != 1:
            raise harness.CommandFailed(f"{len(starts)} images in the object, expected one")
        return data[starts[0]:starts[0] + size], table

    def disassemble(self, folder, architecture):
        image, table = self.image(folder)
        path = folder / "image.elf"
        path.write_bytes(image)
        objdump, nm = (shutil.which(f"llvm-{t}-22") or shutil.which(f"llvm-{t}") for t in ("objdump", "nm"))
        if not objdump or not nm:
            return "no llvm-objdump"
        code = harness.execute([objdump, "-d", f"--mcpu=hexagonv{architecture}", f"--mattr=+hvxv{architecture},+hvx-length128b", str(path)]).stdout
        undefined = harness.execute([nm, "-u", str(path)]).stdout.strip()
        if "vrmpy" not in code:
            return "no vrmpy in the image"
        return f"undefined symbols: {undefined}" if undefined else None

    def check_table(self, folder, program):
        table = CommandTable.of_file(folder / "two.o")
        opcodes = [int(c["opcode"]) for c in table.commands]
        if opcodes.count(SUBMIT) != 2:
            return f"{opcodes.count(SUBMIT)} submissions, expected two"
        if int(table.header["features"]) != 1 or int(table.header["minor_min"]) != 2:
            return "the table does not say that it needs drivers"
        npu = next(i for i, e in enumerate(table.engines) if e["kind"] == NPU)
        for pool in table.pools:
            if pool["kind"] == 4 and pool["engine_mask"] >> npu & 1:
                return "the NPU is said to reach what the application binds"
        harness.execute([self.test.tool("tercet-check"), str(folder)])
        # One arena for both is less than one for each.
        report = json.loads((folder / "two.report.json").read_text())
        shared = [p for p in report["pools"] if p.get("separate_arenas")] if "pools" in report else []
        for pool in shared:
            apart = sum(a["bytes"] for a in pool["separate_arenas"])
            if pool["bytes"] > apart:
                return f"an arena of {pool['bytes']} bytes, apart {apart}"
        return None

    def programs(self):
        for sizes in SIZES:
            name = "x".join(map(str, sizes))
            if not self.test.wanted(name):
                continue
            try:
                program, folder = self.compile(sizes, "devkit")
                self.test.check(f"table {name}", self.check_table(folder, program))
                for extra in ([], ["--sequential"]):
                    got = self.test.run(folder, {"x": program.x}, ["y"], *extra)["y"]
                    self.test.check(f"result {name} {' '.join(extra)}", harness.difference(got, program.expected(), 0))
            except harness.CommandFailed as failure:
                self.test.check(name, str(failure))

    def resident(self):
        """Weights that are no more than half of the scratchpad stay there: same results, and what was copied for every
        run (before v68 by the core, so that it counts in packets: one of 128 bytes takes one at least) is not any more."""
        if not self.test.wanted("resident"):
            return
        sizes = (64, 384, 768, 384)
        weights = sizes[1] * sizes[2] + sizes[2] * sizes[3]
        devkit = (harness.ROOT / "targets/socs/devkit.yaml").read_text()
        packets, results = {}, {}
        for kib in (1024, 1280):
            machine = self.test.work / f"tcm{kib}.yaml"
            machine.write_text(devkit.replace("size_mib: 4", f"size_kib: {kib}"))
            program, folder = self.compile(sizes, str(machine))
            harness.execute([self.test.tool("tercet-check"), str(folder)])
            report = json.loads((folder / "two.report.json").read_text())
            kept = sum(p["bytes"] for p in report["pools"] if p["kind"] == "weights" and p["memory"] == "tcm")
            wanted = weights if 2 * weights <= kib * 1024 else 0
            self.test.check(f"resident {kib}: bytes", kept != wanted and f"{kept} bytes of weights in the scratchpad, expected {wanted}")
            used = sum(p["bytes"] for p in report["pools"] if p.get("memory") == "tcm")
            self.test.check(f"resident {kib}: room", used > kib * 1024 and f"{used} bytes in a scratchpad of {kib} KiB")
            variants = {c["variant"] for c in report["entries"][0]["commands"] if c["engine"] == "npu"}
            name = "packed-product-resident" if wanted else "packed-product"
            self.test.check(f"resident {kib}: variants", variants != {name} and f"{variants}")
            profile = folder / "profile.json"
            got = self.test.run(folder, {"x": program.x}, ["y"], "--repeat", "3", "--profile", str(profile))["y"]
            self.test.check(f"resident {kib}: result", harness.difference(got, program.expected(), 0))
            results[kib] = got
            packets[kib] = sum(c.get("packets", 0) for c in json.loads(profile.read_text())["commands"])
        print(f"packets of a run: {packets[1024]} with streamed weights, {packets[1280]} with weights that stay")
        self.test.check("resident: copies", packets[1024] - packets[1280] < weights // 128 and f"packets {packets}")
        self.test.check("resident: results", harness.difference(results[1280], results[1024], 0))

    def images(self):
        for soc, architecture in (("devkit", 67), ("snapdragon-8-gen3", 75)):
            if not self.test.wanted(f"image {soc}"):
                continue
            try:
                _, folder = self.compile(SIZES[0], soc)
                self.test.check(f"image {soc}", self.disassemble(folder, architecture))
            except harness.CommandFailed as failure:
                self.test.check(f"image {soc}", str(failure))

    def fault(self, name, script, mention):
        if not self.test.wanted(name):
            return
        program, folder = self.compile(SIZES[0], "devkit")
        emulator = folder / "emulator"
        if script is not None:
            emulator.write_text(f"#!/bin/sh\n{script}\n")
            emulator.chmod(emulator.stat().st_mode | stat.S_IXUSR)
        np.save(folder / "x.npy", program.x)
        done = subprocess.run([self.test.tool("tercet-run"), str(folder), "--input", f"x={folder}/x.npy", "--output",
                               f"y={folder}/y.npy"], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, TERCET_QEMU_HEXAGON=str(emulator)))
        problem = None
        if done.returncode != 1:
            problem = harness.status_text(done.returncode)
        elif mention not in done.stderr:
            problem = f"expected '{mention}', got: {done.stderr.strip()}"
        elif (folder / "y.npy").exists():
            problem = "wrote a result"
        left = subprocess.run(["pgrep", "-f", str(emulator)], capture_output=True, text=True).stdout.split()
        self.test.check(name, problem or (f"processes left: {left}" if left else None))

    def faults(self):
        self.fault("fault: no emulator", None, "not there")
        self.fault("fault: gone at once", "exit 7", "stopped working")
        if self.test.wanted("fault: no linker"):
            program = Program(SIZES[0])
            folder = self.test.work / "no-linker"
            folder.mkdir(exist_ok=True)
            (folder / "two.mlir").write_text(program.text())
            done = subprocess.run([self.test.tool("tercet-compile"), str(folder / "two.mlir"), "-o", str(folder / "out"),
                                   "--quiet", "--soc", "devkit", "--start-from", "partition", "--linker", "/does/not/exist"],
                                  capture_output=True, text=True)
            wrong = done.returncode != 1 or "engine 'npu'" not in done.stderr or (folder / "out").exists()
            self.test.check("fault: no linker", done.stderr.strip() or "no error" if wrong else None)


def main():
    test = harness.Test(harness.parser(__doc__ or "programs on the NPU").parse_args())
    npu = Npu(test)
    npu.programs()
    npu.resident()
    npu.images()
    npu.faults()
    test.finish()


if __name__ == "__main__":
    main()
