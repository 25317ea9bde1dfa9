# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What `./dev demo` shows: MiniLM compiled for this machine and run by tercet-run on a dozen sentences; how alike the
# sentences are, how far the result is from onnxruntime's, how long one inference takes beside onnxruntime in the same
# run, and where the memory goes. Files stay in the output folder for a look.

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy as np

import measure
import minilm

SEQUENCE = 128
DIMS = {"batch": 1, "sequence": SEQUENCE}


def heading(text):
    print(f"\n{text}\n{'=' * len(text)}")


def embed(tools, folder, work, sentences):
    """Embeddings by tercet-run, one sentence a run, as a user would call it from a shell."""
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for sentence in sentences:
        command = [str(tools / "tercet-run"), str(folder)]
        for name, value in minilm.encode([sentence], minilm.package_folder(), SEQUENCE).items():
            np.save(work / f"{name}.npy", value)
            command += ["--input", f"{name}={work / name}.npy"]
        subprocess.run(command + ["--output", f"sentence_embedding={work / 'embedding'}.npy"], check=True,
                       stdout=subprocess.DEVNULL)
        rows.append(np.load(work / "embedding.npy")[0])
    return np.stack(rows)


def show_similarity(embeddings):
    scores = embeddings @ embeddings.T
    rows = [("", *range(1, len(scores) + 1))]
    for i, sentence in enumerate(minilm.SENTENCES):
        rows.append((f"{i + 1:2} {sentence}", *[f"{s:.2f}" if j <= i else "" for j, s in enumerate(scores[i])]))
    print(measure.table(rows))
    np.fill_diagonal(scores, -1)
    a, b = np.unravel_index(scores.argmax(), scores.shape)
    print(f"\nMost alike: {min(a, b) + 1} and {max(a, b) + 1}.")


def show_memory(folder, summary):
    """The plan from the report: pools with their size, bound and how they were planned."""
    for path in sorted(folder.glob("*.json")):
        report = json.loads(path.read_text())
        pools = report.get("pools") or report.get("memory", {}).get("pools") if isinstance(report, dict) else None
        if pools:
            columns = list(dict.fromkeys(key for pool in pools for key, value in pool.items()
                                         if isinstance(value, (str, int, float, bool))))
            columns.sort(key=lambda column: column != "name")
            print(measure.table([columns, *[[_cell(k, p.get(k)) for k in columns] for p in pools]]))
            print(f"\nThe whole report: {path}")
            return
    print(summary.rstrip() or "(tercet-compile printed no summary)")


def _cell(key, value):
    sized = isinstance(value, int) and not isinstance(value, bool) and value >= 1024
    return "-" if value is None else measure.size_text(value) if sized else value


def main():
    parser = argparse.ArgumentParser(description="Compile and run MiniLM, and show what came of it.")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of tercet-compile and tercet-run")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="MiniLM's ONNX file")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the compiled programs")
    arguments = parser.parse_args()
    tools, output = arguments.tools.resolve(), arguments.output.resolve()
    threads = sorted({1, min(2, len(os.sched_getaffinity(0)))})
    workers = ["--workers", str(threads[-1])]

    heading(f"MiniLM, batch 1, {SEQUENCE} tokens, for this machine")
    folder = output / "minilm"
    print(f"tercet-compile {arguments.model} --dim batch=1 --dim sequence={SEQUENCE} -o {arguments.output}/minilm")
    seconds, memory, summary = measure.compile_model(tools, arguments.model, folder, DIMS, *workers)
    print(f"compiled in {seconds:.1f} s with at most {measure.size_text(memory)} of memory:")
    for path in sorted(folder.iterdir()):
        print(f"  {path.name:24} {measure.size_text(path.stat().st_size):>12}")

    heading("How alike the sentences are (cosine, by tercet-run)")
    begin = time.perf_counter()
    embeddings = embed(tools, folder, output / "demo", minilm.SENTENCES)
    show_similarity(embeddings)
    print(f"{len(embeddings)} calls of tercet-run took {time.perf_counter() - begin:.1f} s, loading included.")

    heading("Accuracy")
    peer = measure.session(arguments.model, threads[-1])
    feeds = minilm.encode(minilm.SENTENCES, minilm.package_folder(), SEQUENCE)
    expected = peer.run(["sentence_embedding"], feeds)[0]
    worst = float(np.abs(embeddings - expected).max())
    print(f"largest difference from onnxruntime: {worst:.2g} (allowed: 1e-4)")
    del peer

    heading("Latency beside onnxruntime, in turns in one process (median)")
    shared = output / "minilm-shared"
    measure.compile_model(tools, arguments.model, shared, DIMS, *workers, "--name", "minilm", "--emit", "shared",
                          "--quiet")
    rows = [("threads", "tercet", "onnxruntime", "ratio")]
    one = {name: value[:1] for name, value in feeds.items()}
    for count in threads:
        ours, theirs = measure.latency(shared, "minilm", arguments.model, one, count)
        rows.append((count, f"{ours * 1e3:.2f} ms", f"{theirs * 1e3:.2f} ms", f"{ours / theirs:.2f}"))
    print(measure.table(rows))

    heading("Memory")
    show_memory(folder, summary)
    if not worst <= 1e-4:
        raise SystemExit("demo: error: the results differ from onnxruntime's by more than 1e-4")


if __name__ == "__main__":
    main()
