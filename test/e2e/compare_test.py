# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tercet-compare MODEL DIR: a program compiled from the model agrees with the reference at every node; one compiled from
# a model with a single changed weight does not, and the node that uses that weight is the first one named. With --soc the
# program's engines are those of a machine, whose drivers the tool attaches.

import onnx
from onnx import numpy_helper

import harness
import small

NODE = "/encoder/layer.0/intermediate/dense/MatMul"
DIMS = {"batch": 1, "sequence": 16}


def damaged(path, output):
    """The model with the weight of NODE scaled by 1.5."""
    model = onnx.load(path)
    weight = next(n for n in model.graph.node if n.name == NODE).input[1]
    for tensor in model.graph.initializer:
        if tensor.name == weight:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.5, weight))
    onnx.save(model, output)


def main():
    parser = harness.parser("tercet-compare")
    parser.add_argument("--soc", help="the machine, as for tercet-compile")
    parser.add_argument("--pin", action="append", default=[], help="as for tercet-compile")
    test = harness.Test(parser.parse_args())
    extra = ["--soc", test.arguments.soc] if test.arguments.soc else []
    for pin in test.arguments.pin:
        extra += ["--pin", pin]
    models = test.work / "models"
    models.mkdir(exist_ok=True)
    small.write(models, ["encoder_1"])
    good, bad = models / "encoder_1.onnx", models / "damaged.onnx"
    damaged(good, bad)
    try:
        test.compile(good, test.work / "good", DIMS, "--name", "m", *extra)
        test.compile(bad, test.work / "bad", DIMS, "--name", "m", *extra)
        done = harness.execute([test.tool("tercet-compare"), str(good), str(test.work / "good")])
        test.check("names_nodes", None if "MatMul" in done.stdout else f"no node in {done.stdout[-500:]!r}")
        done = harness.execute([test.tool("tercet-compare"), str(good), str(test.work / "bad")], expect=1)
        first = next((line for line in (done.stdout + done.stderr).splitlines() if "first" in line.lower()), "")
        test.check("first_node", None if NODE in first else f"expected {NODE} named as first, got {first!r}")
    except harness.CommandFailed as error:
        test.check("compare", str(error))
    test.finish()


if __name__ == "__main__":
    main()
