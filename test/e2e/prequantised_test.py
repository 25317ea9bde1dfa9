# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Models that onnxruntime's tool has quantised: what the model's own scales allow is computed in integers, the rest in
# floats between dequantised and quantised values, and the result is onnxruntime's but for one step of its integers.

import json

import numpy as np
import onnx
import onnxruntime

import harness
import perceptron
import prequantised

CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")


def computed_in_integers(report):
    """Commands whose nodes are more than conversions."""
    return [command["nodes"][0] for entry in report["entries"] for command in entry["commands"]
            if command.get("precision") in ("i8", "i16")
            and not all(node.endswith(CONVERSIONS) for node in command["nodes"])]


def check_variant(test, variant, rows, columns, inner):
    name = f"{variant.name}_{rows}x{columns}x{inner}"
    model = prequantised.build(variant, rows, columns, inner)
    path, program = test.work / f"{name}.onnx", test.work / name
    onnx.save(model, str(path))
    test.compile(path, program, None, "--name", "model")
    found = computed_in_integers(json.loads((program / "model.report.json").read_text()))
    test.check(f"{name}: integers", len(found) != variant.integer
               and f"expected {variant.integer} commands in integers, got {len(found)}: {', '.join(found)}")
    options = onnxruntime.SessionOptions()
    # As the model says: optimised, some of its roundings go.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    step, steps = prequantised.last_step(model), []
    for seed in range(4):
        feeds = perceptron.feeds(rows, columns, seed)
        expected = session.run(None, feeds)[0]
        steps.append(np.abs(test.run(program, feeds, ["y"])["y"] - expected) / step)
    steps = np.concatenate(steps)
    print(f"{name}: at most {steps.max():.2f} steps off, {np.mean(steps > 0.5):.2%} of the results by one")
    # Written so that a NaN fails.
    test.check(f"{name}: steps", None if steps.max() <= 1.01 else f"{steps.max():.2f} steps from onnxruntime's result")
    test.check(f"{name}: most", None if np.mean(steps > 0.5) < 0.05
               else f"{np.mean(steps > 0.5):.1%} of the results are not onnxruntime's")


def main():
    test = harness.Test(harness.parser("models that were quantised before").parse_args())
    for variant in prequantised.VARIANTS:
        for shape in ((16, 64, 128), (1, 33, 65)):
            if not test.wanted(variant.name):
                continue
            try:
                check_variant(test, variant, *shape)
            except harness.CommandFailed as error:
                test.check(f"{variant.name} {shape}", str(error))
    test.finish()


if __name__ == "__main__":
    main()
