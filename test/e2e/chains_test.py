# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Chains of two and three operators at sizes at which groups are cut into tiles: what the one-node models cannot show is
# whether operators that are fused still see whole rows, the right tile, and memory that nobody has overwritten.

import argparse
import itertools
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SHAPES = ([4, 2048], [64, 384], [3, 5, 129], [1, 7, 33], [2, 40, 96])
OPERATORS = {
    "softmax": lambda i, o: helper.make_node("Softmax", [i], [o], axis=-1),
    "norm": lambda i, o: helper.make_node("LayerNormalization", [i, "s", "b"], [o], axis=-1),
    "sigmoid": lambda i, o: helper.make_node("Sigmoid", [i], [o]),
    "add": lambda i, o: helper.make_node("Add", [i, "s"], [o]),
    "residual": lambda i, o: helper.make_node("Add", [i, "x"], [o]),
    "matmul": lambda i, o: helper.make_node("MatMul", [i, "w"], [o]),
}


def model(chain, shape, rng):
    names = ["x", *(f"t{i}" for i in range(len(chain) - 1)), "y"]
    nodes = [OPERATORS[kind](names[i], names[i + 1]) for i, kind in enumerate(chain)]
    used = {name for node in nodes for name in node.input}
    width = shape[-1]
    constants = {"s": rng.standard_normal(width), "b": rng.standard_normal(width),
                 "w": rng.standard_normal((width, width)) / np.sqrt(width)}
    graph = helper.make_graph(
        nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items() if name in used])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def check(tools, work, chain, shape, rng):
    """What is wrong with the compiled chain; empty if nothing is."""
    path, out = work / "chain.onnx", work / "out"
    onnx.save(model(chain, shape, rng), path)
    x = rng.standard_normal(shape).astype(np.float32)
    np.save(work / "x.npy", x)
    expected = onnxruntime.InferenceSession(str(path)).run(None, {"x": x})[0]
    for command in ([tools / "tercet-compile", path, "-o", out, "--quiet"],
                    [tools / "tercet-run", out, "--threads", "2", "--input", f"x={work / 'x.npy'}", "--output",
                     f"y={work / 'y.npy'}"]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip()
    difference = float(np.abs(np.load(work / "y.npy") - expected).max())
    return "" if difference <= 1e-4 else f"largest difference {difference:.2g}"


def main():
    parser = argparse.ArgumentParser(description="chains of operators against onnxruntime")
    parser.add_argument("--tools", required=True, type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=6, help="take one case in so many")
    arguments = parser.parse_args()
    work = arguments.work or pathlib.Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    cases = [(chain, shape) for shape in SHAPES for length in (2, 3)
             for chain in itertools.product(OPERATORS, repeat=length)]
    passed = failed = 0
    for number, (chain, shape) in enumerate(cases):
        if number % arguments.every:
            continue
        # A product of the widest rows would be most of the time.
        if shape[-1] > 1000 and "matmul" in chain:
            continue
        problem = check(arguments.tools, work, chain, shape, np.random.default_rng(number))
        passed, failed = passed + (not problem), failed + bool(problem)
        if problem:
            print(f"{'-'.join(chain)} on {shape}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
