# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Measures language models beside llama.cpp: decode and prefill of shapes of well-known models with seeded random
# weights (lm_shapes.py), both sides around the forward pass alone, in turns and on the same threads. In the same loop the
# bandwidth of a plain read is measured, and the rate of integer dot products where the CPU has them: the shares of them
# that decode and prefill reach are printed. The peer is measured if the Python package llama_cpp can be imported, built
# for this machine; `./dev check` does not need it.
#
#   python language.py --tools build/bin --work build/bench [--shape qwen2-0.5b] [--kind q4_0] [--threads 1 2] [--json FILE]

import argparse
import concurrent.futures
import ctypes as c
import json
import pathlib
import statistics
import subprocess
import time

import numpy as np

import lm_shapes
import measure

HERE = pathlib.Path(__file__).resolve().parent
CONTEXT = 1024
PREFILL = (128, 512)


class Limits:
    """A plain read of memory and integer dot products, on as many threads as are asked for."""

    def __init__(self, work, compiler):
        library = work / "limits.so"
        subprocess.run([compiler, "-O2", "-march=native", "-shared", "-fPIC", str(HERE / "limits.c"), "-o", str(library)],
                       check=True)
        self._library = c.CDLL(str(library))
        for function in (self._library.read_all, self._library.dot_bytes):
            function.restype = c.c_int64
        self._memory = np.ones(256 << 20, np.uint8)

    def _at_once(self, threads, function):
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            begin = time.perf_counter()
            results = list(pool.map(function, range(threads)))
            return time.perf_counter() - begin, results

    def bytes_per_second(self, threads):
        part = len(self._memory) // threads // 256 * 256
        base = self._memory.ctypes.data
        seconds, _ = self._at_once(threads, lambda i: self._library.read_all(c.c_void_p(base + i * part), c.c_size_t(part)))
        return part * threads / seconds

    def operations_per_second(self, threads):
        rounds = 4_000_000
        seconds, results = self._at_once(threads, lambda i: self._library.dot_bytes(c.c_int64(rounds), 3))
        return None if results[0] == -1 else rounds * 16 * 128 * threads / seconds


class Ours:
    def __init__(self, folder, threads):
        self._program = measure.program.Program(folder, "lm", threads, "decode")
        self._random = np.random.default_rng(1)
        self._vocabulary = self._program.outputs["logits"].shape[-1]

    def forward(self, tokens, position):
        self._program.select("decode" if tokens == 1 else f"prefill_{tokens}")
        self._program.inputs["tokens"][...] = self._random.integers(0, self._vocabulary, (1, tokens))
        self._program.set("position", position)
        begin = time.perf_counter()
        self._program.run()
        return time.perf_counter() - begin

    def close(self):
        self._program.close()


class Peer:
    """llama.cpp by its C API."""

    def __init__(self, path, threads):
        import llama_cpp
        self._api = llama_cpp
        llama_cpp.llama_backend_init()
        llama_cpp.llama_log_set(_silent, c.c_void_p(0))
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = CONTEXT, max(PREFILL), max(PREFILL)
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise RuntimeError("llama.cpp does not load the model")
        self._random = np.random.default_rng(1)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def forward(self, tokens, position):
        api = self._api
        api.llama_memory_seq_rm(api.llama_get_memory(self._context), 0, position, -1)
        ids = (c.c_int32 * tokens)(*self._random.integers(0, self._vocabulary, tokens).tolist())
        batch = api.llama_batch_get_one(ids, tokens)
        begin = time.perf_counter()
        if api.llama_decode(self._context, batch):
            raise RuntimeError("llama_decode fails")
        return time.perf_counter() - begin

    def close(self):
        self._api.llama_free(self._context)
        self._api.llama_model_free(self._model)


@c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)
def _silent(level, text, user):
    pass


def has_peer():
    try:
        import llama_cpp  # noqa: F401
        return True
    except ImportError:
        return False


def multiply_adds(shape):
    """Of the linear layers, for a token; the head counts once for a chunk."""
    s = lm_shapes.SHAPES[shape]
    size = s["width"] // s["heads"]
    layer = s["width"] * (s["heads"] * size + 2 * s["key_heads"] * size + s["width"] + 3 * s["inner"])
    return s["layers"] * layer


def measure_case(arguments, results, limits, shape, kind):
    model = arguments.work / f"{shape}-{kind}.gguf"
    if not model.exists():
        lm_shapes.write(model, shape, kind)
    folder = arguments.work / f"{shape}-{kind}"
    print(f"{shape} {kind}: compiling …", flush=True)
    seconds, memory, _ = measure.compile_model(
        arguments.tools, model, folder, {}, "--name", "lm", "--emit", "shared", "--context", str(CONTEXT), "--prefill",
        ",".join(map(str, PREFILL)), "--workers", str(max(arguments.threads)), "--quiet")
    bytes_per_token = model.stat().st_size
    add(results, f"{shape}/{kind}", "compile_time", "s", None, seconds, None)
    add(results, f"{shape}/{kind}", "compile_peak_memory", "bytes", None, memory, bytes_per_token)
    for threads in arguments.threads:
        sides = {"tercet": Ours(folder, threads)}
        if has_peer():
            sides["llama.cpp"] = Peer(model, threads)
        bandwidth, operations = [], []
        times = {side: {n: [] for n in (1, *PREFILL)} for side in sides}
        end = time.perf_counter() + arguments.seconds
        turn = 0
        while time.perf_counter() < end or turn < 2:
            bandwidth.append(limits.bytes_per_second(threads))
            operations.append(limits.operations_per_second(threads))
            for side, runner in sides.items():
                for n in PREFILL:
                    times[side][n].append(runner.forward(n, 0))
                for position in range(max(PREFILL), max(PREFILL) + 16):
                    times[side][1].append(runner.forward(1, position))
                time.sleep(measure.PAUSE)
            turn += 1
        raw = statistics.median(bandwidth)
        peak = statistics.median(operations) if operations[0] else None
        for n in (1, *PREFILL):
            speed = {side: n / statistics.median(taken[n]) for side, taken in times.items()}
            what = "decode" if n == 1 else f"prefill {n}"
            add(results, f"{shape}/{kind}", what, "tokens/s", threads, speed["tercet"], speed.get("llama.cpp"))
            if n == 1:
                share = f"{speed['tercet'] * bytes_per_token / raw:.0%} of {raw / 1e9:.1f} GB/s read plainly"
            else:
                used = 2 * multiply_adds(shape) * speed["tercet"]
                share = f"{used / peak:.0%} of {peak / 1e9:.0f} GOP/s in bytes" if peak else "no integer peak"
            peer = f", llama.cpp {speed['llama.cpp']:.1f}, ratio {speed['tercet'] / speed['llama.cpp']:.2f}" \
                if "llama.cpp" in speed else ""
            print(f"{shape} {kind} {threads} threads {what}: {speed['tercet']:.1f} tokens/s ({share}){peer}", flush=True)
        for runner in sides.values():
            runner.close()


def add(results, case, metric, unit, threads, tercet, peer):
    results.append({"case": case, "metric": metric, "unit": unit, "threads": threads, "tercet": tercet,
                    "peer": "llama.cpp" if unit == "tokens/s" else "the model's file", "peer_value": peer,
                    "ratio": tercet / peer if peer else None})


def main():
    p = argparse.ArgumentParser(description="Measure language models beside llama.cpp in one run.")
    p.add_argument("--tools", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--shape", nargs="+", choices=lm_shapes.SHAPES, default=list(lm_shapes.SHAPES))
    p.add_argument("--kind", nargs="+", choices=lm_shapes.BLOCKS, default=list(lm_shapes.BLOCKS))
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--seconds", type=float, default=30.0, help="for each case and number of threads (default 30)")
    p.add_argument("--compiler", default="clang-22", help="C compiler for limits.c")
    p.add_argument("--json", type=pathlib.Path)
    arguments = p.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.tools, arguments.work = arguments.tools.resolve(), arguments.work.resolve()
    if not has_peer():
        print("language: note: no Python package llama_cpp; measuring without the peer")
    results, limits = [], Limits(arguments.work, arguments.compiler)
    for shape in arguments.shape:
        for kind in arguments.kind:
            measure_case(arguments, results, limits, shape, kind)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
