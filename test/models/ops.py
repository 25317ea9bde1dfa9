# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# One-node models: every operator of the exports that Tercet reads, at shape boundaries and at each operator set that
# changed its meaning, with onnxruntime's result. ops_compute.py, ops_shape.py, ops_quantize.py and ops_contrib.py list the cases; here
# is how a case becomes a model, and how many cases of one operator set are merged into one graph (so that a test
# compiles a few dozen programs, not a thousand; the single model is what one debugs with). Operator sets 7 and 8 list
# initializers among the inputs, as their file version demands.

import argparse
import collections
import pathlib

import numpy as np
from onnx import helper, numpy_helper

import graph
import ops_compute
import ops_contrib
import ops_quantize
import ops_shape


def pieces(case, results, prefix=""):
    """The node, graph inputs, graph outputs and initializers of a case; `results` give the outputs' types."""
    names = ["" if v is None else prefix + case.input_name(i) for i, v in enumerate(case.inputs)]
    outputs = case.output_names(prefix)
    results_of_node = [name if name in outputs else "" for name in (f"{prefix}y{i}" for i in range(case.outputs))]
    node = helper.make_node(case.op, names, results_of_node, name=f"/{prefix}{case.op}", **case.attributes)
    inputs, initializers = [], []
    for i, value in enumerate(case.inputs):
        if value is None:
            continue
        info = helper.make_tensor_value_info(names[i], helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        if i in case.constant:
            initializers.append(numpy_helper.from_array(value, names[i]))
        if i not in case.constant or graph.IR_OF_OPSET[case.opset] < 4:
            inputs.append(info)
    if results is None:
        infos = [helper.make_empty_tensor_value_info(o) for o in outputs]
    else:
        infos = [helper.make_tensor_value_info(o, helper.np_dtype_to_tensor_dtype(r.dtype), r.shape)
                 for o, r in zip(outputs, results)]
    return node, inputs, infos, initializers


def model_of(opset, parts, name):
    nodes, inputs, outputs, initializers = [], [], [], []
    for node, ins, outs, consts in parts:
        nodes.append(node)
        inputs += ins
        outputs += outs
        initializers += consts
    body = helper.make_graph(nodes, name, inputs, outputs, initializers)
    domains = sorted({node.domain for node in nodes} - {""})
    return helper.make_model(body, producer_name="tercet-test", ir_version=graph.IR_OF_OPSET[opset],
                             opset_imports=[helper.make_opsetid("", opset)]
                             + [helper.make_opsetid(domain, 1) for domain in domains])


def evaluate(case):
    """onnxruntime's outputs for the case alone."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    model = model_of(case.opset, [pieces(case, None)], case.name)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, case.feeds())


def cases(tier=None, only=None):
    """Every case, in a fixed order; names are unique."""
    seen = set()
    for case in [*ops_compute.cases(), *ops_shape.cases(), *ops_quantize.cases(), *ops_contrib.cases()]:
        if case.name in seen:
            raise ValueError(f"two cases are called {case.name}")
        seen.add(case.name)
        if (tier is None or case.tier in tier) and (only is None or case.op in only):
            yield case


def groups(selected, size=40):
    """Lists of at most `size` cases of one operator set."""
    by_opset = collections.defaultdict(list)
    for case in selected:
        by_opset[case.opset].append(case)
    for opset in sorted(by_opset):
        members = by_opset[opset]
        for start in range(0, len(members), size):
            yield opset, members[start:start + size]


def merged(opset, members, results):
    """One model that holds the members side by side, its values prefixed `cN_`; and its feeds and results."""
    parts, feeds, expected = [], {}, {}
    for number, case in enumerate(members):
        prefix = f"c{number}_"
        parts.append(pieces(case, results[case.name], prefix))
        feeds.update({prefix + k: v for k, v in case.feeds().items()})
        expected.update(zip(case.output_names(prefix), results[case.name]))
    return model_of(opset, parts, f"ops_{opset}"), feeds, expected


def main():
    parser = argparse.ArgumentParser(description="Write one-node models and onnxruntime's results.")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    parser.add_argument("--tier", choices=["A", "B"], help="only this tier")
    parser.add_argument("--only", action="append", help="only this operator (may be repeated)")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    operators, count = set(), 0
    for case in cases(arguments.tier, arguments.only):
        try:
            results = evaluate(case)
        except Exception as error:
            raise SystemExit(f"ops.py: {case.name}: onnxruntime refuses it: {error}")
        graph.save(model_of(case.opset, [pieces(case, results)], case.name),
                   arguments.output / f"{case.name}.onnx")
        arrays = {f"in.{k}": v for k, v in case.feeds().items()}
        arrays.update({f"out.{name}": r for name, r in zip(case.output_names(), results)})
        np.savez(arguments.output / f"{case.name}.b.npz", **arrays)
        operators.add(case.op)
        count += 1
    print(f"{count} cases of {len(operators)} operators in {arguments.output}")


if __name__ == "__main__":
    main()
