# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Same input, same artifact: a model compiled twice, from other folders, with other environments and memory contents and
# with one core instead of all, must give the same files, byte for byte.

import os

import harness
import small

SHAPES = {"encoder_2": {"batch": 1, "sequence": 16}, "vit": {"batch": 1},
          "gpt2": {"batch": 1, "sequence": 4, "past_sequence": 12, "past_sequence + sequence": 16}}


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def main():
    test = harness.Test(harness.parser("determinism").parse_args())
    models = test.work / "models"
    models.mkdir(exist_ok=True)
    small.write(models, list(SHAPES))
    for name, dims in SHAPES.items():
        if not test.wanted(name):
            continue
        elsewhere = test.work / "a rather longer folder" / "with spaces"
        elsewhere.mkdir(parents=True, exist_ok=True)
        first, second = test.work / f"{name}-1", elsewhere / f"{name}-2"
        one_core = {min(os.sched_getaffinity(0))}
        try:
            # The machine's cores choose the default number of workers, so the number is given.
            options = ["--name", "m", "--workers", "2"]
            harness.execute(test.compile_command(models / f"{name}.onnx", first, dims, *options))
            harness.execute(test.compile_command(models / f"{name}.onnx", second, dims, *options), cwd=elsewhere,
                            preexec_fn=lambda: os.sched_setaffinity(0, one_core), env={**os.environ, "MALLOC_PERTURB_": "165", "TERCET_NOISE": "x" * 5000})
        except harness.CommandFailed as error:
            test.check(name, str(error))
            continue
        a, b = contents(first), contents(second)
        problem = None
        if not a:
            problem = "no files"
        elif a.keys() != b.keys():
            problem = f"files {sorted(a)} and {sorted(b)}"
        else:
            problem = "; ".join(f"{k} differs" for k in a if a[k] != b[k])
        test.check(name, problem)
    test.finish()


if __name__ == "__main__":
    main()
