# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The real sentence encoder, compiled for one target and run (through qemu-user where it is another machine's), against
# onnxruntime: at most 1e-4 apart on both outputs, padding included. Sentences are real ones, so that activations have
# the outliers that random tokens do not give.

import pathlib

import numpy as np

import harness
import minilm
import small

TOLERANCE = 1e-4


def main():
    parser = harness.parser("MiniLM against onnxruntime")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="the ONNX file that minilm.py wrote")
    parser.add_argument("--shape", action="append", help="BATCHxSEQUENCE (default 1x16, 1x128, 2x13)")
    parser.add_argument("--threads", type=int, default=2)
    test = harness.Test(parser.parse_args())
    folder = minilm.package_folder()
    for shape in test.arguments.shape or ["1x16", "1x128", "2x13"]:
        batch, sequence = map(int, shape.split("x"))
        feeds = minilm.encode(minilm.SENTENCES[:batch], folder, sequence)
        expected = small.expected(test.arguments.model, feeds)
        program = test.work / f"minilm-{shape}"
        try:
            test.compile(test.arguments.model, program, {"batch": batch, "sequence": sequence}, "--name", "minilm",
                         "--workers", str(test.arguments.threads))
            got = test.run(program, feeds, list(expected), "--threads", str(test.arguments.threads))
        except harness.CommandFailed as error:
            test.check(shape, str(error))
            continue
        for name, value in expected.items():
            if got[name].shape != value.shape:
                test.check(f"{shape} {name}", f"shape {got[name].shape} instead of {value.shape}")
                continue
            worst = float(np.abs(got[name] - value).max())
            print(f"{shape} {name}: largest difference {worst:.2g}")
            # Written so that a NaN fails.
            test.check(f"{shape} {name}", None if worst <= TOLERANCE else f"{worst} is more than {TOLERANCE}")
    test.finish()


if __name__ == "__main__":
    main()
