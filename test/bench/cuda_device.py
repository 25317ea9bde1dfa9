# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Measures kernels that cuda.py has compiled, on the NVIDIA GPU of this machine, beside what probes reach on it in the
# same run: products of matrices by mma.sync with no memory behind them, and reading and copying memory. Needs Python 3
# and NVIDIA's driver, nothing else; cases.json and the modules lie beside this file. Every product is checked against
# sums of sampled elements. Times are of the GPU's own events, the median of several batches.
#
#   python3 cuda_device.py [--json FILE] [--only PATTERN] [--seconds S]

import argparse
import ctypes
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

SKIPPED = 77
PROCESSORS, MAJOR, MINOR, CLOCK_KHZ, L2_BYTES = 16, 75, 76, 13, 38
DYNAMIC_SHARED, REGISTERS, LOCAL_BYTES = 8, 4, 3
# Accumulators and operands of a warp in the probe: as independent as those of a large tile.
PROBE_ROWS, PROBE_COLUMNS, PROBE_UNROLL = 4, 4, 4
PROBE_THREADS, PROBE_LOOPS = 256, 4096


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


# ---- Probes -------------------------------------------------------------------------------------------------------------

HEAD = ".version 7.4\n.target sm_80\n.address_size 64\n"

# Halves between -1 and 1 by a hash of their number; or arbitrary bytes.
FILL = HEAD + r"""
.visible .entry fill(.param .u64 to, .param .u64 count, .param .u32 arbitrary) {
  .reg .pred %p<3>; .reg .b16 %h<2>; .reg .b32 %r<12>; .reg .f32 %f<4>; .reg .b64 %d<8>;
  ld.param.u64 %d1, [to];
  ld.param.u64 %d2, [count];
  ld.param.u32 %r9, [arbitrary];
  cvta.to.global.u64 %d1, %d1;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.wide.u32 %d3, %r1, %r2, 0;
  cvt.u64.u32 %d4, %r3;
  add.u64 %d3, %d3, %d4;
  mov.u32 %r4, %nctaid.x;
  mul.wide.u32 %d5, %r4, %r2;
  setp.ne.u32 %p2, %r9, 0;
LOOP:
  setp.ge.u64 %p1, %d3, %d2;
  @%p1 bra DONE;
  cvt.u32.u64 %r5, %d3;
  mul.lo.u32 %r5, %r5, 2654435761;
  shr.u32 %r6, %r5, 15;
  xor.b32 %r5, %r5, %r6;
  mul.lo.u32 %r5, %r5, 2246822519;
  shr.u32 %r6, %r5, 13;
  xor.b32 %r5, %r5, %r6;
  and.b32 %r7, %r5, 65535;
  cvt.rn.f32.u32 %f1, %r7;
  fma.rn.f32 %f1, %f1, 0f38000000, 0fBF800000;
  cvt.rn.f16.f32 %h1, %f1;
  cvt.u32.u16 %r8, %h1;
  selp.b32 %r8, %r7, %r8, %p2;
  shl.b64 %d6, %d3, 1;
  add.u64 %d6, %d6, %d1;
  st.global.u16 [%d6], %r8;
  add.u64 %d3, %d3, %d5;
  bra LOOP;
DONE:
  ret;
}
"""


def mma_probe():
    """A loop of independent products of matrices in registers. Operands come from memory, so that they are not zeros:
    the power that multiplications take, and with it the clock, depends on their bits."""
    lines = [HEAD, ".visible .entry probe(.param .u64 from, .param .u64 to, .param .u32 loops) {",
             "  .reg .pred %p<3>; .reg .b32 %r<8>; .reg .b64 %d<6>;",
             f"  .reg .b32 %a<{4 * PROBE_ROWS}>; .reg .b32 %b<{2 * PROBE_COLUMNS}>;",
             f"  .reg .f32 %c<{4 * PROBE_ROWS * PROBE_COLUMNS}>; .reg .f32 %s<2>;",
             "  ld.param.u64 %d1, [from];", "  ld.param.u64 %d2, [to];", "  ld.param.u32 %r1, [loops];",
             "  cvta.to.global.u64 %d1, %d1;", "  cvta.to.global.u64 %d2, %d2;", "  mov.u32 %r2, %tid.x;",
             f"  mul.wide.u32 %d3, %r2, {4 * (4 * PROBE_ROWS + 2 * PROBE_COLUMNS)};", "  add.u64 %d3, %d3, %d1;"]
    lines += [f"  ld.global.u32 %a{i}, [%d3+{4 * i}];" for i in range(4 * PROBE_ROWS)]
    lines += [f"  ld.global.u32 %b{i}, [%d3+{4 * (4 * PROBE_ROWS + i)}];" for i in range(2 * PROBE_COLUMNS)]
    lines += [f"  mov.f32 %c{i}, 0f00000000;" for i in range(4 * PROBE_ROWS * PROBE_COLUMNS)]
    lines.append("LOOP:")
    for _ in range(PROBE_UNROLL):
        for row in range(PROBE_ROWS):
            for column in range(PROBE_COLUMNS):
                c = ", ".join(f"%c{4 * (row * PROBE_COLUMNS + column) + i}" for i in range(4))
                a = ", ".join(f"%a{4 * row + i}" for i in range(4))
                b = ", ".join(f"%b{2 * column + i}" for i in range(2))
                lines.append(f"  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {{{c}}}, {{{a}}}, {{{b}}}, {{{c}}};")
    lines += ["  sub.u32 %r1, %r1, 1;", "  setp.ne.u32 %p1, %r1, 0;", "  @%p1 bra LOOP;", "  mov.f32 %s1, 0f00000000;"]
    lines += [f"  add.f32 %s1, %s1, %c{i};" for i in range(4 * PROBE_ROWS * PROBE_COLUMNS)]
    # Never true; the compiler does not know.
    lines += ["  setp.eq.f32 %p2, %s1, 0f7F123456;", "  @%p2 st.global.f32 [%d2], %s1;", "  ret;", "}"]
    return "\n".join(lines) + "\n"


STREAM = HEAD + r"""
.visible .entry read(.param .u64 from, .param .u64 to, .param .u64 count) {
  .reg .pred %p<3>; .reg .b32 %r<24>; .reg .b64 %d<12>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.u64 %d3, [count];
  cvta.to.global.u64 %d1, %d1;
  cvta.to.global.u64 %d2, %d2;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r1, %r2, %r3;
  cvt.u64.u32 %d4, %r4;
  mov.u32 %r5, %nctaid.x;
  mul.wide.u32 %d5, %r5, %r2;
  shl.b64 %d6, %d5, 4;
  shl.b64 %d7, %d4, 4;
  add.u64 %d7, %d7, %d1;
  mov.u32 %r20, 0;
  shl.b64 %d8, %d5, 2;
LOOP:
  setp.ge.u64 %p1, %d4, %d3;
  @%p1 bra DONE;
  ld.global.nc.v4.u32 {%r6, %r7, %r8, %r9}, [%d7];
  add.u64 %d9, %d7, %d6;
  ld.global.nc.v4.u32 {%r10, %r11, %r12, %r13}, [%d9];
  add.u64 %d9, %d9, %d6;
  ld.global.nc.v4.u32 {%r14, %r15, %r16, %r17}, [%d9];
  add.u64 %d9, %d9, %d6;
  ld.global.nc.v4.u32 {%r18, %r19, %r21, %r22}, [%d9];
  xor.b32 %r20, %r20, %r6;
  xor.b32 %r20, %r20, %r7;
  xor.b32 %r20, %r20, %r8;
  xor.b32 %r20, %r20, %r9;
  xor.b32 %r20, %r20, %r10;
  xor.b32 %r20, %r20, %r11;
  xor.b32 %r20, %r20, %r12;
  xor.b32 %r20, %r20, %r13;
  xor.b32 %r20, %r20, %r14;
  xor.b32 %r20, %r20, %r15;
  xor.b32 %r20, %r20, %r16;
  xor.b32 %r20, %r20, %r17;
  xor.b32 %r20, %r20, %r18;
  xor.b32 %r20, %r20, %r19;
  xor.b32 %r20, %r20, %r21;
  xor.b32 %r20, %r20, %r22;
  add.u64 %d7, %d9, %d6;
  add.u64 %d4, %d4, %d8;
  bra LOOP;
DONE:
  setp.eq.u32 %p2, %r20, 305419896;
  @%p2 st.global.u32 [%d2], %r20;
  ret;
}
.visible .entry copy(.param .u64 from, .param .u64 to, .param .u64 count) {
  .reg .pred %p<2>; .reg .b32 %r<12>; .reg .b64 %d<12>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.u64 %d3, [count];
  cvta.to.global.u64 %d1, %d1;
  cvta.to.global.u64 %d2, %d2;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r1, %r2, %r3;
  cvt.u64.u32 %d4, %r4;
  mov.u32 %r5, %nctaid.x;
  mul.wide.u32 %d5, %r5, %r2;
LOOP:
  setp.ge.u64 %p1, %d4, %d3;
  @%p1 bra DONE;
  shl.b64 %d6, %d4, 4;
  add.u64 %d7, %d6, %d1;
  add.u64 %d8, %d6, %d2;
  ld.global.nc.v4.u32 {%r6, %r7, %r8, %r9}, [%d7];
  st.global.v4.u32 [%d8], {%r6, %r7, %r8, %r9};
  add.u64 %d4, %d4, %d5;
  bra LOOP;
DONE:
  ret;
}
.visible .entry empty() {
  ret;
}
"""

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
        halves = {}

        def half(number, index):
            key = (number, index // 4096)
            if key not in halves:
                start = index // 4096 * 4096
                count = min(4096, case["operands"][number]["bytes"] // 2 - start)
                halves[key] = struct.unpack(f"<{count}e", self.cuda.read(memories[number] + 2 * start, 2 * count))
            return halves[key][index % 4096]

        chance = random.Random(1)
        places = [(0, 0), (rows - 1, columns - 1), (rows - 1, 0), (0, columns - 1)]
        places += [(chance.randrange(rows), chance.randrange(columns)) for _ in range(8)]
        left, right, result = case["check"]["operands"]
        transposed = case["check"]["transposed"]
        for row, column in places:
            terms = [half(left, row * depth + k) * half(right, column * depth + k if transposed else k * columns + column)
                     for k in range(depth)]
            got, exact = half(result, row * columns + column), sum(terms)
            size = sum(map(abs, terms))
            halves.clear()
            # A half has 11 bits; what is lost of the sum itself is small beside its terms.
            if not abs(got - exact) <= 2e-3 * abs(exact) + 1e-5 * size:
                raise RuntimeError(f"element ({row}, {column}) is {got}, expected {exact}")

    def run_program(self, case, folder):
        """A whole program, through the runtime: its own latency, and its outputs against those that lie beside it."""
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
