# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Malformed and hostile ONNX files. Each case is a file (or bytes), the compiler's extra arguments, and a pattern that
# the one line of error must contain; hostile_files.py breaks the file itself (wire format, external data), this module
# breaks what the graph says. Every case starts from a valid tiny model, so only the fault named can be the reason.
# A file that the compiler accepts, a crash, or a second line for one fault is a failure of the test.

import argparse
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import hostile_files
from hostile_case import FLOAT, INT64, Case, info, model, one, relu, tiny


def cases():
    for source in (_structure, _types, _operators, _shapes, _dimensions):
        for name, proto, expected, *arguments in source():
            yield Case(name, proto.SerializeToString(), expected, tuple(arguments))
    yield from hostile_files.cases()


def _structure():
    x, y = info("x", [2, 3]), info("y", [2, 3])
    yield "cycle", model([relu("b", "a", "n/1"), relu("a", "b", "n/2"), relu("b")], [x], [y]), "cycle|before"
    yield "self_loop", model([relu("y")], [x], [y]), "cycle|before|itself"
    yield "missing_initializer", model([helper.make_node("Add", ["x", "gone"], ["y"], name="n/add")], [x], [y]), "gone"
    yield "missing_output", model([relu()], [x], [info("nowhere", [2, 3])]), "nowhere"
    yield "duplicate_value", model([relu(name="n/1"), relu(name="n/2")], [x], [y]), "'?y'?"
    w = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    yield "duplicate_initializer", model([helper.make_node("Add", ["x", "w"], ["y"])], [x], [y], [w, w]), "'?w'?"
    yield "duplicate_input", model([relu()], [x, x], [y]), "'?x'?"
    yield "duplicate_output", model([relu()], [x], [y, y]), "'?y'?"
    yield "value_shadows_input", model([relu("x", "x"), relu()], [x], [y]), "'?x'?"
    yield "no_output", model([relu()], [x], []), "output"
    yield "empty_graph", model([], [], []), "empty|no (nodes|outputs)|output"
    yield "no_graph", onnx.ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 17)]), "graph"
    proto = tiny()
    del proto.opset_import[:]
    yield "no_opset", proto, "opset"
    yield "opset_too_new", one("Relu", [[2, 3]], opset=99), "99"
    yield "opset_too_old", one("Relu", [[2, 3]], opset=5), "opset.*5|5.*opset"
    yield "unknown_operator", one("Frobnicate", [[2, 3]]), "bad/node.*Frobnicate"
    yield "unknown_domain", one("Relu", [[2, 3]], domain="com.example"), "com\\.example"
    proto = one("Relu", [[2, 3]], domain="com.example")
    del proto.opset_import[1]
    yield "domain_not_imported", proto, "com\\.example"
    for name, inner in (("function_recursive", "F"), ("function_missing", "G")):
        body = [helper.make_node(inner, ["a"], ["b"], name="f/call", domain="local")]
        function = helper.make_function("local", "F", ["a"], ["b"], body, [helper.make_opsetid("local", 1)])
        call = helper.make_node("F", ["x"], ["y"], name="bad/node", domain="local")
        yield name, model([call], [x], [y], functions=[function], domains=["local"]), "local|recurs|F"
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "branch", [], [info("z", [2, 3])])
    chosen = helper.make_node("If", ["c"], ["y"], name="bad/node", then_branch=branch, else_branch=branch)
    yield "if", model([chosen], [x, info("c", [], TensorProto.BOOL)], [y]), "bad/node.*If"
    newline = one("Frobnicate", [[2, 3]])
    newline.graph.node[0].name = "two\nlines\x1b[31m"
    yield "name_with_control_characters", newline, "Frobnicate"
    sparse = tiny()
    values = helper.make_tensor("w", FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", INT64, [1], [0])
    sparse.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 3]))
    del sparse.graph.initializer[:]
    yield "sparse_initializer", sparse, "sparse"


def _types():
    yield "mixed_types", one("Add", [[2, 3], [2, 3]], kinds={1: INT64}), "bad/node"
    yield "matmul_of_bool", one("MatMul", [[2, 3], [3, 3]], kinds=dict.fromkeys((0, 1), TensorProto.BOOL)), "bad/node"
    yield "string_input", model([helper.make_node("Identity", ["x"], ["y"])], [info("x", [2], TensorProto.STRING)],
                                [info("y", [2], TensorProto.STRING)]), "string"
    yield "output_type_differs", model([relu()], [info("x", [2, 3])], [info("y", [2, 3], INT64)]), "'?y'?"
    yield "output_shape_differs", model([relu()], [info("x", [2, 3])], [info("y", [2, 4])]), "'?y'?"
    for kind in (0, 99):
        proto = tiny()
        proto.graph.initializer[0].data_type = kind
        yield f"data_type_{kind}", proto, "type"
        proto = tiny()
        proto.graph.input[0].type.tensor_type.elem_type = kind
        yield f"input_type_{kind}", proto, "type"
    sequence = helper.make_tensor_sequence_value_info("x", FLOAT, [2, 3])
    yield "sequence_input", model([relu()], [sequence], [info("y", [2, 3])]), "'?x'?"
    proto = tiny()
    proto.graph.input[0].type.ClearField("tensor_type")
    yield "input_without_type", proto, "'?x'?"
    proto = tiny()
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    yield "input_without_shape", proto, "'?x'?"


def _operators():
    def conv(**attributes):
        return one("Conv", [[1, 4, 8, 8]], [1, 4, 8, 8], constants=[np.zeros((4, 4, 3, 3), np.float32)], **attributes)

    yield "conv_stride_zero", conv(strides=[0, 1]), "bad/node.*stride"
    yield "conv_stride_negative", conv(strides=[-1, 1]), "bad/node.*stride"
    yield "conv_dilation_zero", conv(dilations=[0, 1]), "bad/node.*dilation"
    yield "conv_group_zero", conv(group=0), "bad/node.*group"
    yield "conv_group_uneven", conv(group=3), "bad/node.*(group|channel)"
    yield "conv_kernel_shape", conv(kernel_shape=[5, 5]), "bad/node.*kernel"
    yield "conv_pads_short", conv(pads=[1, 1]), "bad/node.*pad"
    yield "conv_kernel_too_big", conv(dilations=[9, 9]), "bad/node"
    yield "conv_channels", one("Conv", [[1, 5, 8, 8]], constants=[np.zeros((4, 4, 3, 3), np.float32)]), "bad/node"
    yield "conv_auto_pad", conv(auto_pad="SIDEWAYS"), "bad/node.*auto_pad"
    yield "concat_without_axis", one("Concat", [[2, 3], [2, 3]]), "bad/node.*axis"
    yield "cast_without_to", one("Cast", [[2, 3]]), "bad/node.*'?to'?"
    yield "cast_to_unknown", one("Cast", [[2, 3]], to=77), "bad/node"
    yield "attribute_type", one("Softmax", [[2, 3]], axis=1.0), "bad/node.*axis"
    yield "attribute_unknown", one("Relu", [[2, 3]], shininess=3), "bad/node.*shininess"
    yield "too_few_inputs", one("Add", [[2, 3]]), "bad/node.*input"
    yield "too_many_inputs", one("Relu", [[2, 3], [2, 3]]), "bad/node.*input"
    yield "softmax_axis", one("Softmax", [[2, 3]], axis=5), "bad/node.*axis"
    yield "transpose_repeats", one("Transpose", [[2, 3]], perm=[0, 0]), "bad/node.*perm"
    yield "transpose_short", one("Transpose", [[2, 3]], perm=[0]), "bad/node.*perm"
    yield "gather_range", one("Gather", [[2, 3]], constants=[np.array([7])]), "bad/node"
    i64 = lambda *v: np.array(v, np.int64)
    yield "slice_step_zero", one("Slice", [[2, 3]], constants=[i64(0), i64(2), i64(0), i64(0)]), "bad/node.*step"
    yield "slice_lengths", one("Slice", [[2, 3]], constants=[i64(0, 0), i64(2), i64(0)]), "bad/node"
    yield "slice_axis", one("Slice", [[2, 3]], constants=[i64(0), i64(2), i64(9)]), "bad/node.*ax"
    yield "range_step_zero", one("Range", [], [2], constants=[np.int64(0), np.int64(2), np.int64(0)]), "bad/node"
    yield "range_endless", one("Range", [], [2], constants=[np.int64(0), np.int64(2**62), np.int64(1)]), "bad/node"
    yield "constant_of_shape_huge", one("ConstantOfShape", [], [2], constants=[i64(2**31, 2**31)]), "bad/node"
    yield "constant_of_shape_negative", one("ConstantOfShape", [], [2], constants=[i64(-2)]), "bad/node"
    yield "reshape_size", one("Reshape", [[2, 3]], constants=[i64(4, 2)]), "bad/node"
    yield "reshape_two_unknown", one("Reshape", [[2, 3]], constants=[i64(-1, -1)]), "bad/node"
    yield "reshape_negative", one("Reshape", [[2, 3]], constants=[i64(-5, 6)]), "bad/node"
    yield "reshape_by_input", one("Reshape", [[2, 3], [2]], kinds={1: INT64}), "bad/node"
    yield "expand_shape", one("Expand", [[2, 3]], constants=[i64(5, 3)]), "bad/node"
    yield "split_sizes", one("Split", [[2, 3]], constants=[i64(1, 7)], axis=1), "bad/node"
    yield "squeeze_not_one", one("Squeeze", [[2, 3]], constants=[i64(0)]), "bad/node"
    yield "unsqueeze_twice", one("Unsqueeze", [[2, 3]], constants=[i64(0, 0)]), "bad/node"
    yield "tile_negative", one("Tile", [[2, 3]], constants=[i64(-1, 2)]), "bad/node"
    yield "tile_huge", one("Tile", [[2, 3]], constants=[i64(2**40, 2**40)]), "bad/node"
    yield "nonzero", one("NonZero", [[2, 3]], kinds={}), "bad/node.*NonZero"


def _shapes():
    yield "matmul_inner", one("MatMul", [[2, 3], [4, 3]]), "bad/node"
    yield "matmul_scalar", one("MatMul", [[], [4, 3]]), "bad/node"
    yield "broadcast", one("Add", [[2, 3], [4, 3]]), "bad/node"
    yield "concat", one("Concat", [[2, 3], [2, 4]], axis=0), "bad/node"
    yield "gemm", one("Gemm", [[2, 3], [4, 3]]), "bad/node"
    yield "gemm_rank", one("Gemm", [[2, 3, 4], [4, 3]]), "bad/node"
    yield "layer_norm_scale", one("LayerNormalization", [[2, 3], [4]]), "bad/node"
    yield "where", one("Where", [[5], [2, 3], [2, 3]], kinds={0: TensorProto.BOOL}), "bad/node"


def _dimensions():
    def shaped(*shape):
        return model([relu()], [info("x", list(shape))], [info("y", list(shape))])

    dynamic = shaped("batch", 3)
    yield "unbound_dimension", dynamic, "batch.*--dim|--dim.*batch"
    yield "unnamed_dimension", shaped(None, 3), "'?x'?"
    yield "dim_unknown_name", dynamic, "batsh", "--dim", "batch=1", "--dim", "batsh=1"
    yield "dim_zero", dynamic, "batch", "--dim", "batch=0"
    yield "dim_negative", dynamic, "batch", "--dim", "batch=-4"
    yield "dim_not_a_number", dynamic, "batch", "--dim", "batch=two"
    yield "dim_too_big", dynamic, "batch", "--dim", "batch=99999999999999999999"
    yield "dim_overflow", shaped("batch", 2**40), "x|size|large|overflow", "--dim", f"batch={2**40}"
    yield "input_huge", shaped(2**31, 2**31, 2**31), "x|size|large|overflow"
    yield "input_negative", shaped(-3, 3), "-3"
    mismatch = model([helper.make_node("Add", ["a", "b"], ["y"], name="bad/node")],
                     [info("a", ["n"]), info("b", ["m"])], [info("y", ["n"])])
    yield "dim_mismatch", mismatch, "bad/node", "--dim", "n=3", "--dim", "m=4"


def write(folder):
    """Writes every case; returns what hostile.json lists."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for case in cases():
        (folder / f"{case.name}.onnx").write_bytes(case.data)
        for name, data in case.files.items():
            (folder / name).write_bytes(data)
        listed.append({"file": f"{case.name}.onnx", "arguments": list(case.arguments), "expected": case.expected})
    (folder / "hostile.json").write_text(json.dumps(listed, indent=1) + "\n")
    return listed


def main():
    parser = argparse.ArgumentParser(description="Write malformed ONNX files and hostile.json, which lists them.")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    print(f"{len(write(arguments.output))} files in {arguments.output}")


if __name__ == "__main__":
    main()
