# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What a function may do with its inputs and results that no single operator shows: return an input, a constant, one
# value twice, views of one another, empty and rank-0 tensors; ignore an input; mix element types and several uses.

import numpy as np
import onnx
from onnx import TensorProto as T, helper, numpy_helper

import harness
import small

KINDS = {np.float32: T.FLOAT, np.float16: T.FLOAT16, np.float64: T.DOUBLE, np.int64: T.INT64, np.int32: T.INT32,
         np.bool_: T.BOOL, np.uint8: T.UINT8, np.int8: T.INT8}


def floats(*shape, dtype=np.float32):
    return np.random.RandomState(sum(shape) + 1).standard_normal(shape).astype(dtype)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name="n/" + outputs.split()[0], **attributes)


def ints(*values):
    return np.array(values, np.int64)


def cases():
    """Yields (name, nodes, inputs, constants, outputs)."""
    x = floats(3, 17)
    yield "input_returned", [node("Identity", "x", "y")], {"x": x}, {}, "y"
    yield "input_and_use", [node("Identity", "x", "y"), node("Relu", "x", "z")], {"x": x}, {}, "y z"
    yield "input_reshaped", [node("Reshape", "x s", "y")], {"x": x}, {"s": ints(51)}, "y"
    yield "twice", [node("Relu", "x", "y"), node("Identity", "y", "z")], {"x": x}, {}, "y z"
    yield ("views_of_one", [node("Relu", "x", "y"), node("Reshape", "y s", "z"), node("Reshape", "z t", "w")],
           {"x": x}, {"s": ints(17, 3), "t": ints(-1)}, "z y w")
    yield ("output_read_on", [node("Exp", "x", "y"), node("Add", "y x", "z"), node("Mul", "z y", "w")], {"x": x}, {},
           "y z w")
    yield "unused_input", [node("Neg", "x", "y")], {"x": x, "u": floats(4, 4)}, {}, "y"
    yield "constant", [node("Neg", "x", "y"), node("Identity", "c", "z")], {"x": x}, {"c": floats(5)}, "y z"
    yield "constant_splat", [node("Neg", "x", "y"), node("Identity", "c", "z")], {"x": x}, \
        {"c": np.full((4, 5), 2.5, np.float32)}, "y z"
    yield "splat_concat", [node("Concat", "x c", "y", axis=0)], {"x": x}, {"c": np.full((2, 17), 0.5, np.float32)}, "y"
    yield "splat_product", [node("MatMul", "x c", "y")], {"x": x}, {"c": np.full((17, 9), 0.25, np.float32)}, "y"
    yield "splat_left", [node("MatMul", "c x", "y")], {"x": x}, {"c": np.full((4, 3), 0.25, np.float32)}, "y"
    yield "rank_0", [node("Mul", "x y", "z"), node("Sqrt", "z", "w")], \
        {"x": np.array(4, np.float32), "y": np.array(9, np.float32)}, {}, "z w"
    yield "rank_0_to_1", [node("Reshape", "x s", "y"), node("Add", "y v", "z")], \
        {"x": np.array(4, np.float32), "v": floats(7)}, {"s": ints(1)}, "y z"
    yield "empty", [node("Relu", "x", "y"), node("Concat", "y v", "z", axis=0)], \
        {"x": floats(0, 17), "v": x}, {}, "y z"
    yield "empty_sum", [node("ReduceSum", "x", "y", axes=[0], keepdims=0)], {"x": floats(0, 5)}, {}, "y"
    yield "empty_product", [node("MatMul", "x v", "y")], {"x": floats(3, 0), "v": floats(0, 5)}, {}, "y"
    yield "empty_rows", [node("MatMul", "x c", "y"), node("Softmax", "y", "z", axis=-1)], \
        {"x": floats(0, 17)}, {"c": floats(17, 5)}, "y z"
    yield "empty_columns", [node("MatMul", "x v", "y")], {"x": floats(3, 17), "v": floats(17, 0)}, {}, "y"
    yield "empty_batch", [node("MatMul", "x v", "y"), node("Transpose", "y", "z", perm=[0, 2, 1])], \
        {"x": floats(0, 3, 4), "v": floats(0, 4, 5)}, {}, "z"
    yield "empty_mean", [node("ReduceMax", "x", "y", axes=[1], keepdims=1)], {"x": floats(0, 5)}, {}, "y"
    yield "bool_chain", [node("Greater", "x v", "a"), node("Not", "a", "b"), node("And", "a m", "c"),
                         node("Where", "c x v", "y")], \
        {"x": x, "v": floats(17), "m": np.arange(51).reshape(3, 17) % 2 == 0}, {}, "b c y"
    yield "f16", [node("Add", "x v", "y"), node("Mul", "y y", "z")], \
        {"x": floats(3, 17, dtype=np.float16), "v": floats(17, dtype=np.float16)}, {}, "z"
    yield "f64", [node("Add", "x v", "y"), node("Mul", "y y", "z")], \
        {"x": floats(3, 17, dtype=np.float64), "v": floats(17, dtype=np.float64)}, {}, "z"
    yield "int8", [node("Cast", "x", "a", to=T.INT32), node("Mul", "a a", "y")], \
        {"x": np.arange(-60, 60, dtype=np.int8)}, {}, "y"
    yield "rank_6", [node("Transpose", "x", "a", perm=[5, 0, 3, 1, 4, 2]), node("Relu", "a", "y")], \
        {"x": floats(2, 3, 1, 4, 5, 2)}, {}, "y"
    yield "rank_5_sum", [node("Add", "x v", "y"), node("Exp", "y", "z")], \
        {"x": floats(2, 3, 5, 7, 33), "v": floats(5, 1, 33)}, {}, "z"
    yield "softmax_chain", [node("Mul", "x c", "a"), node("Softmax", "a", "b", axis=-1), node("Add", "b x", "y")], \
        {"x": floats(5, 130)}, {"c": np.array(0.125, np.float32)}, "b y"
    yield "norm_of_column", [node("ReduceMean", "x", "m", axes=[-1], keepdims=1), node("Sub", "x m", "d"),
                             node("Mul", "d d", "q"), node("ReduceMean", "q", "v", axes=[-1], keepdims=1)], \
        {"x": floats(4, 1)}, {}, "d v"
    yield "many_readers", [node("Exp", "x", "a")] + [node("Mul", f"a x{i}", f"y{i}") for i in range(5)], \
        {"x": x, **{f"x{i}": floats(3, 17) for i in range(5)}}, {}, "y0 y1 y2 y3 y4"


def write(path, nodes, inputs, constants, outputs):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(k, KINDS[v.dtype.type], v.shape) for k, v in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs.split()],
        [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)


def main():
    test = harness.Test(harness.parser("inputs and results").parse_args())
    for name, nodes, inputs, constants, outputs in cases():
        if not test.wanted(name):
            continue
        path = test.work / f"{name}.onnx"
        write(path, nodes, inputs, constants, outputs)
        expected = small.expected(path, inputs)
        try:
            test.compile(path, test.work / name, None, "--name", "model", "--workers", "2")
            got = test.run(test.work / name, inputs, list(expected))
        except harness.CommandFailed as error:
            test.check(name, str(error))
            continue
        for output, value in expected.items():
            tolerance = 2e-3 if value.dtype == np.float16 else 1e-5
            test.check(f"{name} {output}", harness.difference(got[output], value, tolerance))
    test.finish()


if __name__ == "__main__":
    main()
