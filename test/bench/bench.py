# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Measures Tercet beside onnxruntime on MiniLM: latency at several lengths and thread counts, peak memory, size of what
# is shipped, time to compile (onnxruntime: time to load). Prints a table, and with --json writes a list of
# {case, metric, unit, threads, tercet, peer, peer_value, ratio}. A ratio below 1 is in Tercet's favour. The case
# split-matmul has Tercet on one engine as its peer.

import argparse
import json
import os
import pathlib
import time

import numpy as np

import measure
import minilm
import two_engines

NAME = "minilm"
UNITS = {"latency": "ms", "peak_memory": "bytes", "artifact_size": "bytes", "compile_time": "s",
         "compile_peak_memory": "bytes", "difference": "absolute"}


class Results:
    def __init__(self):
        self.rows = []

    def add(self, case, metric, threads, tercet, peer_value, peer="onnxruntime"):
        ratio = None if not peer_value else tercet / peer_value
        self.rows.append({"case": case, "metric": metric, "unit": UNITS[metric], "threads": threads, "tercet": tercet,
                          "peer": peer, "peer_value": peer_value, "ratio": ratio})

    def table(self):
        def text(value, unit):
            if value is None:
                return "-"
            if unit == "bytes":
                return measure.size_text(int(value))
            return f"{value:.2g}" if unit == "absolute" else f"{value:.3f} {unit}"
        lines = [("case", "metric", "threads", "tercet", "peer", "ratio", "peer is")]
        for r in self.rows:
            lines.append((r["case"], r["metric"], r["threads"] or "-", text(r["tercet"], r["unit"]),
                          text(r["peer_value"], r["unit"]), "-" if r["ratio"] is None else f"{r['ratio']:.2f}", r["peer"]))
        return measure.table(lines)


def load_seconds(model, threads):
    begin = time.perf_counter()
    measure.session(model, threads)
    return time.perf_counter() - begin


def bench_sequence(results, arguments, sequence):
    case = f"minilm/s{sequence}"
    folder = arguments.work / f"s{sequence}"
    feeds = minilm.encode(minilm.SENTENCES[:1], minilm.package_folder(), sequence)
    # A real sentence fills few of the positions; let the mask keep all of them, as for a text of that length.
    feeds["attention_mask"][:] = 1
    feeds["input_ids"][:] = np.resize(minilm.encode(minilm.SENTENCES, minilm.package_folder())["input_ids"], sequence)
    print(f"{case}: compiling …", flush=True)
    seconds, memory, _ = measure.compile_model(arguments.tools, arguments.model, folder,
                                               {"batch": 1, "sequence": sequence}, "--name", NAME, "--emit", "shared",
                                               "--workers", str(max(arguments.threads)), "--quiet")
    shipped = sum(p.stat().st_size for p in folder.iterdir() if p.suffix in (".so", ".weights"))
    results.add(case, "compile_time", None, seconds, load_seconds(arguments.model, 1),
                "onnxruntime, load")
    results.add(case, "compile_peak_memory", None, memory, arguments.model.stat().st_size, "the model's file")
    results.add(case, "artifact_size", None, shipped, arguments.model.stat().st_size, "the model's file")

    ours = measure.program.Program(folder, NAME)
    ours.feed(feeds)
    got = {k: v.copy() for k, v in ours.run().items()}
    ours.close()
    peer = measure.session(arguments.model, 1)
    expected = dict(zip([o.name for o in peer.get_outputs()], peer.run(None, feeds)))
    worst = max(float(np.abs(got[k] - v).max()) for k, v in expected.items())
    results.add(case, "difference", 1, worst, None)
    del peer

    for threads in arguments.threads:
        print(f"{case}: {threads} threads …", flush=True)
        ours, theirs = measure.latency(folder, NAME, arguments.model, feeds, threads, arguments.seconds)
        results.add(case, "latency", threads, ours * 1e3, theirs * 1e3)
        results.add(case, "peak_memory", threads, *[measure.peak(kind, folder, NAME, arguments.model, sequence, threads)
                                                    for kind in ("tercet", "onnxruntime")])
    return worst


def bench_split(results, arguments):
    """A block shared by two engines with a worker each, beside the best single engine: one worker of the host."""
    case = "split-matmul"
    print(f"{case}: compiling and measuring …", flush=True)
    quiet = two_engines.parallelism()
    if quiet < two_engines.QUIET:
        print(f"bench: note: {case}: two busy processes do {quiet:.2f} times what one does; the figure is of a machine in "
              "use, or of one core")
    both, single = two_engines.block_seconds(arguments.tools, arguments.work / case)
    results.add(case, "latency", 2, both * 1e3, single * 1e3, "the best single engine")


def main():
    parser = argparse.ArgumentParser(description="Measure Tercet beside onnxruntime in one run.")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of tercet-compile")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="MiniLM's ONNX file")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for compiled programs")
    parser.add_argument("--json", type=pathlib.Path, help="write the results here too")
    parser.add_argument("--sequence", type=int, nargs="+", default=[16, 128, 256])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each latency (default 4)")
    arguments = parser.parse_args()
    arguments.tools, arguments.work = arguments.tools.resolve(), arguments.work.resolve()
    cores = len(os.sched_getaffinity(0))
    if max(arguments.threads) > cores:
        print(f"bench: note: {cores} cores; measuring with at most that many threads")
        arguments.threads = sorted({min(t, cores) for t in arguments.threads})
    results = Results()
    worst = max(bench_sequence(results, arguments, sequence) for sequence in arguments.sequence)
    bench_split(results, arguments)
    print(results.table())
    if arguments.json:
        arguments.json.write_text(json.dumps(results.rows, indent=1) + "\n")
    if not worst <= 1e-4:
        raise SystemExit(f"bench: error: results differ from onnxruntime by {worst:.2g}, more than 1e-4")


if __name__ == "__main__":
    main()
