# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The same ONNX model with halves for floats: weights, constants and what is between nodes. Numbers that a half cannot
# hold become the greatest that it can; inputs have to be integers already.

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def halved(tensor):
    limit = float(np.finfo(np.float16).max)
    array = np.clip(numpy_helper.to_array(tensor), -limit, limit).astype(np.float16)
    return numpy_helper.from_array(array, tensor.name)


def convert(path, result):
    model = onnx.load(path)
    graph = model.graph
    if any(value.type.tensor_type.elem_type == TensorProto.FLOAT for value in graph.input):
        raise ValueError(f"{path}: expected inputs of integers")
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(halved(tensor))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(halved(attribute.t))
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    for value in [*graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.checker.check_model(model)
    onnx.save(model, result)
