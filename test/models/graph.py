# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A writer of ONNX graphs that names nodes, values and constants the way PyTorch's exporter does:
# a node of scope `encoder/layer.0` is `/encoder/layer.0/MatMul_1`, its value `..._output_0`.
# The methods below `op` hide what changed between operator sets (axes as attribute or input, Clip's bounds, ...),
# so that one builder serves opset 7 to 22. Nothing here depends on PyTorch.

import contextlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The oldest file version that may carry an operator set; readers of that time accept nothing newer.
IR_OF_OPSET = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9,
               21: 10, 22: 10}
FLOAT_LOWEST = float(np.finfo(np.float32).min)


class Graph:
    def __init__(self, opset, name="main_graph"):
        self.opset = opset
        self.name = name
        self.nodes, self.inputs, self.outputs, self.initializers = [], [], [], []
        self._scope = []
        self._used = {}
        self._anonymous = 1000

    # --- naming -----------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def scope(self, *parts):
        self._scope.extend(parts)
        try:
            yield self
        finally:
            del self._scope[len(self._scope) - len(parts):]

    def _unique(self, op_type):
        base = "/" + "/".join(self._scope + [op_type])
        count = self._used.get(base, 0)
        self._used[base] = count + 1
        return base if count == 0 else f"{base}_{count}"

    # --- the pieces of a graph --------------------------------------------------------------------------------------
    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, _elem(dtype), shape))
        return name

    def output(self, name, value, dtype, shape):
        """Renames `value` to the graph output `name`."""
        for node in self.nodes:
            node.output[:] = [name if o == value else o for o in node.output]
            node.input[:] = [name if i == value else i for i in node.input]
        self.outputs.append(helper.make_tensor_value_info(name, _elem(dtype), shape))

    def weight(self, name, array):
        """An initializer under its parameter's name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def folded(self, op_type, array):
        """An initializer that the exporter made by folding constants: `onnx::MatMul_1234`."""
        self._anonymous += 1
        return self.weight(f"onnx::{op_type}_{self._anonymous}", array)

    def constant(self, value, dtype=np.int64):
        """A Constant node, as the exporter writes scalars and index lists."""
        array = np.asarray(value, dtype=dtype)
        return self.op("Constant", value=numpy_helper.from_array(array))

    def op(self, op_type, *inputs, outputs=1, **attributes):
        name = self._unique(op_type)
        results = [f"{name}_output_{i}" for i in range(outputs)]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op_type, [i or "" for i in inputs], results, name=name, **attributes))
        return results[0] if outputs == 1 else results

    # --- operators whose spelling depends on the operator set -------------------------------------------------------
    def unsqueeze(self, x, *axes):
        if self.opset >= 13:
            return self.op("Unsqueeze", x, self.constant(list(axes)))
        return self.op("Unsqueeze", x, axes=list(axes))

    def squeeze(self, x, *axes):
        if self.opset >= 13:
            return self.op("Squeeze", x, self.constant(list(axes)))
        return self.op("Squeeze", x, axes=list(axes))

    def reduce(self, op_type, x, axes, keepdims=1):
        if self.opset >= (13 if op_type == "ReduceSum" else 18):
            return self.op(op_type, x, self.constant(list(axes)), keepdims=keepdims)
        return self.op(op_type, x, axes=list(axes), keepdims=keepdims)

    def clip(self, x, low=None, high=None):
        if self.opset < 11:
            return self.op("Clip", x, min=low, max=high)
        bounds = ["" if b is None else self.constant(b, np.float32) for b in (low, high)]
        return self.op("Clip", x, *(bounds if high is not None else bounds[:1]))

    def slice(self, x, start, end, axis, step=1):
        """`start` and `end` are ints or values of one element; computed bounds need opset 10."""
        if self.opset < 10:
            return self.op("Slice", x, axes=[axis], starts=[start], ends=[end])
        bound = lambda b: b if isinstance(b, str) else self.constant([b])
        return self.op("Slice", x, bound(start), bound(end), self.constant([axis]), self.constant([step]))

    def split(self, x, sizes, axis):
        if self.opset >= 13:
            return self.op("Split", x, self.constant(sizes), outputs=len(sizes), axis=axis)
        return self.op("Split", x, outputs=len(sizes), axis=axis, split=list(sizes))

    # --- idioms -----------------------------------------------------------------------------------------------------
    def size(self, x, axis):
        """Dimension `axis` of `x` as a scalar: Shape, Gather."""
        return self.op("Gather", self.op("Shape", x), self.constant(axis), axis=0)

    def shape_list(self, *dims):
        """A shape from scalars (values) and integers: Unsqueeze each, Concat."""
        parts = [self.unsqueeze(d, 0) if isinstance(d, str) else self.constant([d]) for d in dims]
        return self.op("Concat", *parts, axis=0)

    def reshape(self, x, *dims):
        return self.op("Reshape", x, self.shape_list(*dims) if any(isinstance(d, str) for d in dims)
                       else self.constant(list(dims)))

    def expand(self, x, *dims):
        """Expand with the exporter's guard by which -1 means "keep"."""
        shape = self.shape_list(*dims)
        ones = self.op("ConstantOfShape", self.constant([len(dims)]),
                       value=numpy_helper.from_array(np.array([1], np.int64)))
        keep = self.op("Equal", shape, self.op("Mul", ones, self.constant(-1)))
        return self.op("Expand", x, self.op("Where", keep, ones, shape))

    def layer_norm(self, scope, x, weight, bias, epsilon):
        with self.scope(*scope.split("/")):
            if self.opset >= 17:
                return self.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)
            centred = self.op("Sub", x, self.reduce("ReduceMean", x, [-1]))
            squared = self.op("Pow", centred, self.constant(2, np.float32))
            variance = self.op("Add", self.reduce("ReduceMean", squared, [-1]), self.constant(epsilon, np.float32))
            normal = self.op("Div", centred, self.op("Sqrt", variance))
            return self.op("Add", self.op("Mul", normal, weight), bias)

    def gelu(self, scope, x):
        with self.scope(*scope.split("/")):
            if self.opset >= 20:
                return self.op("Gelu", x, approximate="none")
            erf = self.op("Erf", self.op("Div", x, self.constant(np.sqrt(2.0), np.float32)))
            product = self.op("Mul", x, self.op("Add", erf, self.constant(1, np.float32)))
            return self.op("Mul", product, self.constant(0.5, np.float32))

    def linear(self, scope, x, weight, bias=None, bias_name=None):
        """`weight` as PyTorch keeps it, [out, in]; the exporter transposes it and puts the bias first."""
        with self.scope(*scope.split("/")):
            product = self.op("MatMul", x, self.folded("MatMul", weight.T))
            return product if bias is None else self.op("Add", self.weight(bias_name, bias), product)

    # --- the model --------------------------------------------------------------------------------------------------
    def model(self, **options):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        options.setdefault("ir_version", IR_OF_OPSET[self.opset])
        return helper.make_model(graph, producer_name="pytorch", producer_version="2.0.1",
                                 opset_imports=[helper.make_opsetid("", self.opset)], **options)


def _elem(dtype):
    return dtype if isinstance(dtype, int) else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def save(model, path):
    """Writes the file under a temporary name first, so that an interrupted run leaves no half model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(model.SerializeToString(deterministic=True))
    partial.replace(path)
