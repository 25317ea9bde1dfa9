# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Compiles kernels for Hexagon, links them with start.c and runs them under
# qemu-hexagon.

import os
import shutil
import struct
import subprocess
import tempfile

import numpy as np

VARIANT = ('#soc.variant<"{}", precision = i8, tiles = [0], panels = [0], time_ps = 1, scratch_bytes = 0>')
TYPES = {np.dtype(np.int8): "i8", np.dtype(np.uint8): "i8", np.dtype(np.int16): "i16",
         np.dtype(np.int32): "i32", np.dtype(np.float32): "f32", np.dtype(np.int64): "i64"}


def memref(array):
    return "memref<" + "".join(f"{size}x" for size in array.shape) + TYPES[array.dtype] + ">"


class Case:
    """A kernel, what it reads, and what it has to write."""

    def __init__(self, name, inputs, expected, body, variant="streamed", alignments=None, work=None):
        self.name, self.inputs, self.expected = name, inputs, expected
        self.body, self.variant = body, variant
        self.alignments = alignments or {}
        self.work = work  # (unit, count, most packets a unit or least units a packet)

    def text(self):
        arrays = [*self.inputs, *self.expected]
        arguments = ", ".join(f"%a{i}: {memref(a)}" for i, a in enumerate(arrays))
        return (f"soc.kernel @{self.name}({arguments}) attributes {{engine = \"npu\", "
                f"num_inputs = {len(self.inputs)} : i64, variant = {VARIANT.format(self.variant)}}} {{\n"
                f"{self.body}\n  soc.return\n}}\n")


class Machine:
    def __init__(self, emit, clang, lld, qemu, here, keep=None):
        self.emit, self.clang, self.lld, self.qemu, self.here = emit, clang, lld, qemu, here
        self.folder = keep or tempfile.mkdtemp(prefix="hexagon-conformance-")
        os.makedirs(self.folder, exist_ok=True)
        self.keep = keep is not None
        # Of every kernel compiled: packets that the cost model predicts, and the counts that it does so from.
        self.predicted = {}

    def close(self):
        if not self.keep:
            shutil.rmtree(self.folder)

    def compile(self, text, architecture, kind="obj"):
        source, out = os.path.join(self.folder, "kernels.mlir"), os.path.join(self.folder, f"kernels.{architecture}.{kind}")
        with open(source, "w") as f:
            f.write(text)
        done = subprocess.run([self.emit, source, out, architecture, kind], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"hexagon-emit-kernels failed ({source}):\n{done.stderr}")
        kernels = {}
        for line in done.stdout.splitlines():
            name, x, y, z, scratch, packets, *terms = line.split()
            kernels[name] = ([int(x), int(y), int(z)], int(scratch))
            self.predicted[name] = (int(packets), {term: int(count) for term, count in (t.split("=") for t in terms)})
        return out, kernels

    def run(self, cases, architecture, cpu="v67"):
        """(packets, outputs) of every case."""
        out, kernels = self.compile("".join(case.text() for case in cases), architecture)
        program, start = os.path.join(self.folder, "program"), os.path.join(self.folder, "start.o")
        subprocess.run([self.clang, "--target=hexagon-unknown-linux-musl", f"-mcpu=hexagon{architecture}", "-O2",
                        "-ffreestanding", "-fno-builtin", "-fsigned-char", "-c", os.path.join(self.here, "start.c"),
                        "-o", start], check=True)
        subprocess.run([self.lld, "-static", start, out, "-o", program], check=True)
        jobs = b""
        order = list(kernels)
        for case in cases:
            grid, scratch = kernels[case.name]
            arrays = [*case.inputs, *[np.full_like(e, 0x33) for e in case.expected]]
            jobs += struct.pack("<6I", order.index(case.name), *grid, scratch, len(arrays))
            for i, array in enumerate(arrays):
                jobs += struct.pack("<2I", array.nbytes, case.alignments.get(i, array.itemsize))
            jobs += b"".join(array.tobytes() for array in arrays)
        done = subprocess.run([self.qemu, "-cpu", cpu, program], input=jobs, capture_output=True, timeout=600)
        at, results = 0, []
        for case in cases:
            arrays = [*case.inputs, *case.expected]
            size = 8 + sum(array.nbytes for array in arrays)
            if len(done.stdout) < at + size:
                raise SystemExit(f"{case.name} ({architecture}): no answer, exit status {done.returncode}: "
                                 f"{done.stderr.decode(errors='replace')}")
            packets, fault = struct.unpack_from("<2I", done.stdout, at)
            at += 8
            outputs = []
            for i, array in enumerate(arrays):
                got = np.frombuffer(done.stdout, array.dtype, array.size, at).reshape(array.shape)
                at += array.nbytes
                if i >= len(case.inputs):
                    outputs.append(got)
                elif not np.array_equal(got.view(np.uint8), array.view(np.uint8)):
                    raise SystemExit(f"{case.name} ({architecture}): the kernel wrote its input {i}")
            if fault:
                raise SystemExit(f"{case.name} ({architecture}): fault {fault}")
            results.append((packets, outputs))
        return results
