# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What a hostile case is, and the valid tiny models from which hostile.py and hostile_files.py make them.

import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@dataclasses.dataclass
class Case:
    name: str
    data: bytes
    expected: str               # a regular expression, searched without regard to case
    arguments: tuple = ()
    files: dict = dataclasses.field(default_factory=dict)    # more files of the folder: name -> bytes


def info(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, initializers=(), opset=17, functions=(), domains=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, ir_version=8, opset_imports=imports, functions=list(functions))


def one(op, shapes, result=(2, 3), opset=17, constants=(), kinds=None, domain="", **attributes):
    """A model of one node called `bad/node`; `constants` are arrays appended to its inputs."""
    inputs = [info(f"x{i}", s, (kinds or {}).get(i, FLOAT)) for i, s in enumerate(shapes)]
    initializers = [numpy_helper.from_array(np.asarray(c), f"c{i}") for i, c in enumerate(constants)]
    names = [i.name for i in inputs] + [i.name for i in initializers]
    node = helper.make_node(op, names, ["y"], name="bad/node", domain=domain, **attributes)
    return model([node], inputs, [info("y", list(result))], initializers, opset, domains=[domain] if domain else [])


def relu(x="x", y="y", name="ok/relu"):
    return helper.make_node("Relu", [x], [y], name=name)


def tiny():
    """A valid model: y = relu(x w), x [2, 4], w [4, 3]."""
    w = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["t"], name="ok/matmul"), relu("t")]
    return model(nodes, [info("x", [2, 4])], [info("y", [2, 3])], [w])
