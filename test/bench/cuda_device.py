# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Measures kernels that cuda.py has compiled, on the NVIDIA GPU of this machine, beside what probes reach on it in the
# same run: products of matrices by mma.sync with no memory behind them, and reading and copying memory. Needs Python 3
# and NVIDIA's driver, nothing else; cuda_probes.py, cases.json and the modules lie beside this file. Every product is
# checked against sums of sampled elements. Times are of the GPU's own events, the median of several batches.
#
#   python3 cuda_device.py [--json FILE] [--only PATTERN] [--seconds S]

import argparse
import ctypes
import gzip
import json
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from cuda_probes import (FILL, GATHER, PROBE_COLUMNS, PROBE_LOOPS, PROBE_ROWS, PROBE_THREADS, PROBE_UNROLL, STREAM,
                         mma_probe)

SKIPPED = 77
PROCESSORS, MAJOR, MINOR, CLOCK_KHZ, L2_BYTES = 16, 75, 76, 13, 38
DYNAMIC_SHARED, REGISTERS, LOCAL_BYTES = 8, 4, 3


class Absent(Exception):
    pass


class Cuda:
    """The functions of CUDA's library that are used here, with errors as exceptions."""

    def __init__(self, name):
        try:
            self.library = ctypes.CDLL(name)
        except OSError as error:
            raise Absent(str(error)) from None
        self.call("cuInit", 0, absent=True)
        self.device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(self.device), 0, absent=True)
        self.context = ctypes.c_void_p()
        self.call("cuCtxCreate_v2", ctypes.byref(self.context), 0, self.device)
        self.modules = {}

    def call(self, name, *arguments, absent=False):
        result = getattr(self.library, name)(*arguments)
        if result == 0:
            return
        text = ctypes.c_char_p()
        self.library.cuGetErrorString(result, ctypes.byref(text))
        message = f"{name}: error {result}: {(text.value or b'unknown').decode()}"
        raise Absent(message) if absent else RuntimeError(message)

    def attribute(self, number):
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), number, self.device)
        return value.value

    def name(self):
        text = ctypes.create_string_buffer(128)
        self.call("cuDeviceGetName", text, 128, self.device)
        return text.value.decode()

    def driver(self):
        value = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(value))
        return value.value

    def function(self, module, name, shared=0):
        """`module`: PTX text, or a file with it."""
        key = module if isinstance(module, pathlib.Path) else hash(module)
        if key not in self.modules:
            text = module.read_bytes() if isinstance(module, pathlib.Path) else module.encode()
            log = ctypes.create_string_buffer(8192)
            options = (ctypes.c_int * 2)(5, 6)
            values = (ctypes.c_void_p * 2)(ctypes.cast(log, ctypes.c_void_p), 8192)
            handle = ctypes.c_void_p()
            try:
                self.call("cuModuleLoadDataEx", ctypes.byref(handle), text + b"\0", 2, options, values)
            except RuntimeError as error:
                raise RuntimeError(f"{error}: {log.value.decode()[:500]}") from None
            self.modules[key] = handle
        function = ctypes.c_void_p()
        self.call("cuModuleGetFunction", ctypes.byref(function), self.modules[key], name.encode())
        if shared:
            self.call("cuFuncSetAttribute", function, DYNAMIC_SHARED, shared)
        return function

    def function_attribute(self, function, number):
        value = ctypes.c_int()
        self.call("cuFuncGetAttribute", ctypes.byref(value), number, function)
        return value.value

    def allocate(self, count):
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(count, 16)))
        return address.value

    def free(self, address):
        self.call("cuMemFree_v2", ctypes.c_uint64(address))

    def read(self, address, count):
        data = ctypes.create_string_buffer(count)
        self.call("cuMemcpyDtoH_v2", data, ctypes.c_uint64(address), ctypes.c_size_t(count))
        return data.raw

    def clear(self, address, count):
        self.call("cuMemsetD8_v2", ctypes.c_uint64(address), ctypes.c_ubyte(0), ctypes.c_size_t(count))

    def launch(self, function, grid, block, parameters, shared=0):
        values = (ctypes.c_void_p * len(parameters))(*[ctypes.cast(ctypes.pointer(p), ctypes.c_void_p) for p in parameters])
        self.call("cuLaunchKernel", function, *grid, *block, shared, None, values, None)

    def synchronise(self):
        self.call("cuCtxSynchronize")

    def seconds(self, launch, least, batches=5):
        """Median seconds of one launch, over batches that take about `least` seconds together; warmed up before."""
        start, end = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuEventCreate", ctypes.byref(start), 0)
        self.call("cuEventCreate", ctypes.byref(end), 0)

        def batch(count):
            self.call("cuEventRecord", start, None)
            for _ in range(count):
                launch()
            self.call("cuEventRecord", end, None)
            self.call("cuEventSynchronize", end)
            elapsed = ctypes.c_float()
            self.call("cuEventElapsedTime", ctypes.byref(elapsed), start, end)
            return max(elapsed.value * 1e-3, 1e-7) / count

        batch(1)
        once = batch(2)
        count = max(1, min(2000, int(least / batches / once)))
        measured = statistics.median(batch(count) for _ in range(batches))
        self.call("cuEventDestroy_v2", start)
        self.call("cuEventDestroy_v2", end)
        return measured


u64, u32 = ctypes.c_uint64, ctypes.c_uint32


class Bench:
    def __init__(self, cuda, seconds):
        self.cuda = cuda
        self.seconds = seconds
        self.processors = cuda.attribute(PROCESSORS)
        self.rows = []
        self.failures = []

    def add(self, case, metric, unit, value, peer=None, peer_value=None, **more):
        row = {"case": case, "metric": metric, "unit": unit, "value": value, "peer": peer, "peer_value": peer_value,
               "share": value / peer_value if peer_value else None, **more}
        self.rows.append(row)
        share = f"  {100 * row['share']:5.1f}% of {peer}" if row["share"] else ""
        text = "  ".join(f"{k} {v}" for k, v in more.items())
        print(f"{case:44} {value:10.2f} {unit:8}{share}  {text}", flush=True)

    def fill(self, address, count, arbitrary=False):
        halves = count // 2
        function = self.cuda.function(FILL, "fill")
        self.cuda.launch(function, (4 * self.processors, 1, 1), (256, 1, 1), [u64(address), u64(halves), u32(arbitrary)])

    # ---- What the device can do ------------------------------------------------------------------------------------------

    def probe_mma(self):
        cuda = self.cuda
        function = cuda.function(mma_probe(), "probe")
        operands = PROBE_THREADS * 4 * (4 * PROBE_ROWS + 2 * PROBE_COLUMNS)
        source, result = cuda.allocate(operands), cuda.allocate(16)
        self.fill(source, operands)
        best = 0
        for blocks in (1, 2):
            grid = (blocks * self.processors, 1, 1)
            seconds = cuda.seconds(lambda: cuda.launch(function, grid, (PROBE_THREADS, 1, 1),
                                                       [u64(source), u64(result), u32(PROBE_LOOPS)]), self.seconds)
            products = grid[0] * PROBE_THREADS // 32 * PROBE_LOOPS * PROBE_UNROLL * PROBE_ROWS * PROBE_COLUMNS
            best = max(best, products * 2 * 16 * 8 * 16 / seconds)
        cuda.free(source)
        cuda.free(result)
        self.mma = best / 1e12
        self.add("probe/mma.sync m16n8k16 f16", "rate", "TFLOP/s", self.mma)

    def probe_memory(self):
        cuda = self.cuda
        count = 2 << 30
        source, target = cuda.allocate(count), cuda.allocate(count)
        self.fill(source, count, arbitrary=True)

        def measure(name, amount, moved, blocks):
            function = cuda.function(STREAM, name)
            seconds = cuda.seconds(lambda: cuda.launch(function, (blocks * self.processors, 1, 1), (512, 1, 1),
                                                       [u64(source), u64(target), u64(amount // 16)]), self.seconds)
            return moved / seconds / 1e9

        # The reading loop takes four at a time, and nothing is beyond the last.
        def whole(amount, blocks):
            step = 4 * 16 * 512 * blocks * self.processors
            return amount // step * step

        reading = max(measure("read", whole(count, blocks), whole(count, blocks), blocks) for blocks in (2, 4))
        copying = max(measure("copy", count, 2 * count, blocks) for blocks in (4, 8))
        self.bandwidth = max(reading, copying)
        self.add("probe/memory, read", "rate", "GB/s", reading)
        self.add("probe/memory, copy", "rate", "GB/s", copying)
        near = whole(max(16 << 20, 4 * 16 * 512 * 2 * self.processors), 2)
        self.add("probe/L2, read", "rate", "GB/s", measure("read", near, near, 2))
        empty = cuda.function(STREAM, "empty")
        self.add("probe/launch of nothing", "time", "us",
                 1e6 * cuda.seconds(lambda: cuda.launch(empty, (1, 1, 1), (32, 1, 1), []), 0.05))
        cuda.free(source)
        cuda.free(target)

    # ---- Compiled kernels ------------------------------------------------------------------------------------------------

    def run_case(self, case, folder):
        cuda = self.cuda
        memories = []
        try:
            for operand in case["operands"]:
                memories.append(cuda.allocate(operand["bytes"]))
                if operand["fill"] == "zero":
                    cuda.clear(memories[-1], operand["bytes"])
                else:
                    self.fill(memories[-1], operand["bytes"], arbitrary=operand["fill"] == "bytes")
            control = cuda.allocate(64)
            memories.append(control)
            cuda.clear(control, 64)
            steps = []
            for step in case["launches"]:
                function = cuda.function(folder / step["module"], step["kernel"], step["shared"])
                parameters = [u64(memories[number] + offset) for number, offset in step["operands"]] + [u64(control)]
                steps.append((function, step["grid"], step["block"], parameters, step["shared"]))

            def launch():
                for step in steps:
                    cuda.launch(*step)

            launch()
            cuda.synchronise()
            if "check" in case:
                self.check(case, memories)
            seconds = cuda.seconds(launch, self.seconds)
            registers = max(cuda.function_attribute(step[0], REGISTERS) for step in steps)
            spilled = max(cuda.function_attribute(step[0], LOCAL_BYTES) for step in steps)
            more = {"us": round(seconds * 1e6, 1), "registers": registers, "local_bytes": spilled,
                    "tiles": case.get("tiles", "")}
            if case["measure"] == "operations":
                self.add(case["name"], "rate", "TFLOP/s", case["operations"] / seconds / 1e12, "mma.sync", self.mma, **more)
            else:
                self.add(case["name"], "rate", "GB/s", case["bytes"] / seconds / 1e9, "memory", self.bandwidth, **more)
        finally:
            for memory in memories:
                cuda.free(memory)

    def check(self, case, memories):
        """Sampled elements of a product of halves: the borders of the matrix and of tiles, and others."""
        rows, columns, depth = (case["check"][k] for k in ("m", "n", "k"))
        cuda = self.cuda
        function, space = cuda.function(GATHER, "gather"), cuda.allocate(2 * depth)

        def halves(number, first, step, count):
            start = memories[number] + 2 * first
            cuda.launch(function, ((count + 255) // 256, 1, 1), (256, 1, 1), [u64(start), u64(space), u64(2 * step), u32(count)])
            return struct.unpack(f"<{count}e", cuda.read(space, 2 * count))

        chance = random.Random(1)
        places = [(0, 0), (rows - 1, columns - 1), (rows - 1, 0), (0, columns - 1)]
        places += [(chance.randrange(rows), chance.randrange(columns)) for _ in range(12)]
        left, right, result = case["check"]["operands"]
        try:
            for row, column in places:
                a = halves(left, row * depth, 1, depth)
                b = halves(right, column * depth, 1, depth) if case["check"]["transposed"] else \
                    halves(right, column, columns, depth)
                got = halves(result, row * columns + column, 1, 1)[0]
                terms = [x * y for x, y in zip(a, b)]
                exact, size = sum(terms), sum(map(abs, terms))
                # A half has 11 bits; what is lost of the sum itself is small beside its terms.
                if not abs(got - exact) <= 2e-3 * abs(exact) + 1e-5 * size:
                    raise RuntimeError(f"element ({row}, {column}) is {got}, expected {exact}")
        finally:
            cuda.free(space)

    def run_program(self, case, folder):
        """A whole program, through the runtime: its own latency, and its outputs against those that lie beside it."""
        weights = folder / f"{case['program']}.weights"
        if not weights.exists():
            weights.write_bytes(gzip.decompress((folder / f"{weights.name}.gz").read_bytes()))
        with tempfile.TemporaryDirectory() as work:
            command = [str(folder / case["program"]), "--repeat", str(case["repeat"])]
            for name in case["inputs"]:
                command += ["--input", f"{name}={folder / case['data']}.{name}.npy"]
            for name in case["outputs"]:
                command += ["--output", f"{name}={work}/{name}.npy"]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
            found = re.search(r"latency: median ([0-9.]+) ms", done.stdout)
            if done.returncode or not found:
                raise RuntimeError(done.stdout.strip()[-300:])
            for name in case["outputs"]:
                compared = subprocess.run([str(folder / "compare"), f"{work}/{name}.npy",
                                           f"{folder / case['data']}.{name}.expected.npy", str(case["tolerance"])],
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                if compared.returncode:
                    raise RuntimeError(f"{name}: {compared.stdout.strip()[-300:]}")
        self.add(case["name"], "latency", "ms", float(found.group(1)))

    def run(self, cases, folder):
        for case in cases:
            try:
                (self.run_program if "program" in case else self.run_case)(case, folder)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                self.failures.append(f"{case['name']}: {error}")
                print(f"FAIL {self.failures[-1]}", flush=True)
                if "error 7" in str(error):  # the context is lost
                    return


def main():
    parser = argparse.ArgumentParser(description="Measure compiled kernels on this machine's NVIDIA GPU.")
    parser.add_argument("--library", default="libcuda.so.1")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    parser.add_argument("--json", type=pathlib.Path, help="write the results here too")
    parser.add_argument("--only", default="", help="only cases whose name contains this regular expression")
    parser.add_argument("--seconds", type=float, default=0.25, help="time for each measurement (default 0.25)")
    arguments = parser.parse_args()
    try:
        cuda = Cuda(arguments.library)
    except Absent as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    begin = time.monotonic()
    device = {"name": cuda.name(), "architecture": f"sm_{cuda.attribute(MAJOR)}{cuda.attribute(MINOR)}",
              "processors": cuda.attribute(PROCESSORS), "clock_mhz": cuda.attribute(CLOCK_KHZ) // 1000,
              "l2_bytes": cuda.attribute(L2_BYTES), "driver": cuda.driver()}
    print("  ".join(f"{k} {v}" for k, v in device.items()), flush=True)
    bench = Bench(cuda, arguments.seconds)
    bench.probe_mma()
    bench.probe_memory()
    cases = json.loads((arguments.folder / "cases.json").read_text())
    bench.run([case for case in cases if re.search(arguments.only, case["name"])], arguments.folder)
    print(f"{len(bench.rows)} measurements, {len(bench.failures)} failures, {time.monotonic() - begin:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"device": device, "rows": bench.rows, "failures": bench.failures}, indent=1) + "\n")
    sys.exit(1 if bench.failures else 0)


if __name__ == "__main__":
    main()
