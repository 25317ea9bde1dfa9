# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The measurements that demo.py and bench.py share. Latency is taken from Tercet and onnxruntime in turns, in one
# process and on the same inputs, so that a change of clock speed or a busy neighbour meets both; medians are compared. After
# each turn there is a pause, since onnxruntime's threads spin for a while after a run and would take the other's cores.
# Peak memory is taken in a process of its own, as the growth of the resident set.

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "models"), str(ROOT / "test" / "bench")]

import minilm  # noqa: E402
import program  # noqa: E402

PAUSE = 0.03


def session(model, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def compile_model(tools, model, output, dims, *extra):
    """Compiles; returns (seconds, peak resident bytes, standard output)."""
    command = [str(tools / "tercet-compile"), str(model), "-o", str(output), *extra]
    for name, value in dims.items():
        command += ["--dim", f"{name}={value}"]
    # The high-water mark is the tool's own: what the kernel tells of a child counts this process, too, which it was
    # before it became the tool.
    command += ["--stats"]
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{pathlib.Path(__file__).name}: tercet-compile failed: {' '.join(command)}\n{done.stdout}")
    text, _, stages = done.stdout.partition("stage        seconds   peak memory\n")
    units = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    peaks = [float(line.split()[-2]) * units[line.split()[-1]] for line in stages.splitlines()]
    return seconds, int(max(peaks)), text


def interleave(first, second, seconds, least=15):
    """Median seconds of each of two functions, called in alternating batches for about `seconds`."""
    for _ in range(3):
        first(), second()
    begin = time.perf_counter()
    first()
    batch = max(1, min(20, int(0.1 / max(time.perf_counter() - begin, 1e-6))))
    times = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < least:
        for function, into in ((first, times[0]), (second, times[1])):
            function()   # wakes the threads and warms the caches, not counted
            for _ in range(batch):
                begin = time.perf_counter()
                function()
                into.append(time.perf_counter() - begin)
            time.sleep(PAUSE)
    return statistics.median(times[0]), statistics.median(times[1])


def latency(folder, name, model, feeds, threads, seconds=3.0):
    """(tercet, onnxruntime) median seconds on one thread count."""
    ours, theirs = program.Program(folder, name, threads), session(model, threads)
    ours.feed(feeds)
    try:
        return interleave(ours.run, lambda: theirs.run(None, feeds), seconds)
    finally:
        ours.close()


def _resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def peak(kind, folder, name, model, sequence, threads):
    """Growth of the resident set at its peak, over loading and three runs, in a fresh process."""
    command = [sys.executable, __file__, kind, str(folder), name, str(model), str(sequence), str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _measure_peak(kind, folder, name, model, sequence, threads):
    feeds = minilm.encode(minilm.SENTENCES[:1], minilm.package_folder(), sequence)
    if kind == "onnxruntime":
        import onnxruntime  # noqa: F401 - its own code is not the model's memory
    before = _resident()
    if kind == "tercet":
        ours = program.Program(folder, name, threads)
        ours.feed(feeds)
        run = ours.run
    else:
        theirs = session(model, threads)
        run = lambda: theirs.run(None, feeds)
    for _ in range(3):
        run()
    # ru_maxrss outlives exec on Linux, so the high-water mark is read from the process itself.
    with open("/proc/self/status", encoding="ascii") as status:
        high = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    return high - before


def table(rows):
    """Rows of cells as text; the first row is the heading, columns after the first are aligned right."""
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w)
                       for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def size_text(size):
    for unit, scale in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


if __name__ == "__main__":
    print(json.dumps(_measure_peak(*sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6]))))
