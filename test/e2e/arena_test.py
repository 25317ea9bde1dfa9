# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The planned size of the arena is what a program uses: not a byte more, and up to the last buffer. Runs programs in
# poisoned memory, twice with different poison, so that a byte which happens to be written with its own value is seen
# as well. Bytes behind the arena must keep the poison.

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
from program import GUARD, Program  # noqa: E402

# What alignment can leave behind the last element of the last buffer.
ALIGNMENT = 64


def high_water(program, feeds):
    """For each arena the bytes up to the last one written, its planned size, and whether the guard was touched."""
    touched = {name: np.zeros(len(memory), bool) for name, memory in program.arenas.items()}
    for poison in (0xA5, 0x5A):
        for memory in program.arenas.values():
            memory[:] = poison
        program.feed(feeds)
        program.run()
        for name, memory in program.arenas.items():
            touched[name] |= memory != poison
    result = {}
    for name, marks in touched.items():
        planned = len(marks) - GUARD
        inside = np.flatnonzero(marks[:planned])
        result[name] = (int(inside[-1]) + 1 if len(inside) else 0, planned, bool(marks[planned:].any()))
    return result


def main():
    parser = argparse.ArgumentParser(description="arena high-water mark against the plan")
    parser.add_argument("--tools", required=True)
    parser.add_argument("--work")
    parser.add_argument("--model", required=True, help="MiniLM's ONNX file")
    arguments = parser.parse_args()
    work = pathlib.Path(arguments.work or tempfile.mkdtemp())
    passed = failed = 0
    for sequence in (1, 13, 128):
        for threads in (1, 2):
            out = work / f"s{sequence}w{threads}"
            subprocess.run([f"{arguments.tools}/tercet-compile", arguments.model, "--dim", "batch=1", "--dim",
                            f"sequence={sequence}", "--workers", str(threads), "--emit", "shared", "--name", "minilm",
                            "--quiet", "-o", str(out)], check=True)
            program = Program(out, "minilm", threads)
            seed = np.random.default_rng(sequence)
            feeds = {"input_ids": seed.integers(1, 30000, (1, sequence)),
                     "attention_mask": np.ones((1, sequence), np.int64),
                     "token_type_ids": np.zeros((1, sequence), np.int64)}
            for name, (used, planned, outside) in high_water(program, feeds).items():
                ok = not outside and planned - ALIGNMENT < used <= planned
                passed, failed = passed + ok, failed + (not ok)
                print(f"sequence {sequence}, {threads} workers, {name}: planned {planned}, used {used}"
                      f"{', touched bytes behind the arena' if outside else ''}{'' if ok else ' FAILED'}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
