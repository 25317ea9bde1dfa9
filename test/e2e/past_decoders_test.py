# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Decoders whose nodes join past and new keys and values (past_decoders.py) against onnxruntime, which gets the past as
# inputs: logits of chunks and single tokens, greedy tokens of the compiled program. They become functions with states, as
# decoders with GroupQueryAttention do; what differs by a node from attention over a cache is refused by that node's name,
# and becomes a plain graph where sizes are given.

import re
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import decoder_logits
import harness
from decoder_logits import COMPILED, difference

import onnx_decoders
import past_decoders as decoders

GREEDY = 12


def write(test, name, config, change=None):
    folder = test.work / name
    folder.mkdir(parents=True, exist_ok=True)
    model = config.build()
    if change:
        change(model)
    onnx.save(model, folder / "model.onnx")
    return model, folder


def greedy(session, tokens, count):
    """Logits of the tokens and of greedy steps."""
    rows = [session.run(tokens)]
    for _ in range(count):
        rows.append(session.run([int(rows[-1][-1].argmax())]))
    return np.concatenate(rows)


def compare(test, config):
    model, folder = write(test, config.name, config)
    path = folder / "model.onnx"
    tokens, expected = decoder_logits.expected(onnx_decoders.Session(config, model), config.vocabulary)
    problem = decoder_logits.evaluate(test, config, path, folder, tokens, expected, config.rows)
    if problem:
        return problem
    wanted = greedy(onnx_decoders.Session(config, model), tokens, GREEDY)
    got = decoder_logits.compiled(test, path, folder, tokens, GREEDY, "--kv-cache", "f32")
    steps = len(tokens) - 1
    if not (got[steps:].argmax(-1) == wanted[steps:].argmax(-1)).all():
        return f"greedy tokens {got[steps:].argmax(-1)}, expected {wanted[steps:].argmax(-1)}"
    return difference(got, wanted, COMPILED)


def form(test, config):
    """The operations that decoders of other formats become."""
    model, folder = write(test, f"form-{config.name}", config)
    text = harness.execute([test.tool("tercet-import"), str(folder / "model.onnx"), "--prefill", "8"]).stdout
    functions = re.split(r"func\.func ", text)[1:]
    names = sorted(re.match(r"@(\w+)", function).group(1) for function in functions)
    if names != ["decode", "prefill_8"]:
        return f"functions {names}"
    for function in functions:
        counts = {op: function.count(f"{op} ") for op in ("nn.cached_attention", "nn.cache_update", "linalg.softmax")}
        if counts != {"nn.cached_attention": config.layers, "nn.cache_update": 2 * config.layers, "linalg.softmax": 0}:
            return f"operations {counts}"
        windows = re.findall(r"nn\.cached_attention.* window (\d+)", function)
        if windows != [str(config.settings["window"])] * config.layers if "window" in config.settings else windows:
            return f"windows {windows}"
    text = harness.execute([test.tool("tercet-compile"), str(folder / "model.onnx"), "-o", str(folder / "out"), "--prefill",
                            "8", "--stop-after", "graph", "--quiet"]).stdout
    for function in re.split(r"func\.func ", text)[1:]:
        ropes = re.findall(r"nn\.rope .* at %", function)
        expected = 2 * config.layers if config.module is decoders.llama else 0
        if len(ropes) != expected or function.count("nn.rope ") != expected:
            return f"{len(ropes)} of {function.count('nn.rope ')} rotary embeddings at a position, expected {expected}"
        # Queries, keys and values are one product, and so are gate and up.
        products = function.count("linalg.matmul ")
        if products != 4 * config.layers + 1:
            return f"{products} products, expected 4 for each layer and the head"
    return None


def narrow_caches(test):
    config = decoders.lookup("llama-angles")
    config = decoders.Config("narrow", config.module, {"hidden": 128}, config.options, rows=4096)
    model, folder = write(test, "narrow-caches", config)
    tokens, expected = decoder_logits.expected(onnx_decoders.Session(config, model), config.vocabulary)
    for cache in ("f16", "int8"):
        got = decoder_logits.compiled(test, folder / "model.onnx", folder, tokens, 1, "--kv-cache", cache)[:len(tokens)]
        cosine = min(row @ want / (np.linalg.norm(row) * np.linalg.norm(want)) for row, want in zip(got, expected))
        if not cosine >= decoder_logits.COSINE:
            return f"{cache}: the least cosine of logits is {cosine:.5f}"
    return None


def plain(test):
    """With sizes of its inputs the graph is imported as it is."""
    _, folder = write(test, "plain", decoders.lookup("llama-sdpa"))
    sizes = {"batch": 1, "sequence": 3, "past_sequence": 5, "past_sequence + sequence": 8}
    command = [test.tool("tercet-import"), str(folder / "model.onnx")]
    for name, size in sizes.items():
        command += ["--dim", f"{name}={size}"]
    text = harness.execute(command).stdout
    if "func.func @main" not in text or "nn.cached_attention" in text:
        return "expected one function without states"
    done = harness.execute([*command, "--context", "16"], expect=1)
    return None if "are for language models" in done.stderr else f"got {done.stderr[-500:]!r}"


# --- what is refused --------------------------------------------------------------------------------------------------
def node_named(model, name):
    """By its name, `= what it yields`, or `OPERATOR < what it takes first`."""
    if name.startswith("= "):
        return next(node for node in model.graph.node if name[2:] in node.output)
    if " < " in name:
        op, value = name.split(" < ")
        return next(node for node in model.graph.node if node.op_type == op and node.input[0] == value)
    return next(node for node in model.graph.node if node.name == name)


def constant(model, name, values):
    """Another value for the constant that a node has as its input."""
    node = next(node for node in model.graph.node if name in node.output)
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(values)))


def input_constant(node, index, values):
    return lambda model: constant(model, node_named(model, node).input[index], values)


def attribute(name, **values):
    def change(model):
        node = node_named(model, name)
        kept = [a for a in node.attribute if a.name not in values]
        del node.attribute[:]
        node.attribute.extend(kept + [helper.make_attribute(key, value) for key, value in values.items()])
    return change


def replaced(name, op, index=None, by=None):
    def change(model):
        node = node_named(model, name)
        node.op_type = op
        if by:
            node.input[index] = by
    return change


def inserted(name, index, op, *more, **attributes):
    """A node in front of an input of another."""
    def change(model):
        node = node_named(model, name)
        place = list(model.graph.node).index(node)
        before = node.input[index]
        node.input[index] = "/inserted_output"
        extra = [numpy_helper.from_array(values, f"/inserted_{i}") for i, values in enumerate(more)]
        model.graph.initializer.extend(extra)
        model.graph.node.insert(place, helper.make_node(op, [before] + [tensor.name for tensor in extra],
                                                        ["/inserted_output"], name="/inserted", **attributes))
    return change


def declared_past(size):
    def change(model):
        for value in model.graph.input:
            if value.name == "past_key_values.0.key":
                value.type.tensor_type.shape.dim[1].dim_value = size
    return change


def shared(model):
    """Attention reads the keys of another layer."""
    node_named(model, "Unsqueeze < present.1.key").input[0] = "present.0.key"


FIRST = "/model/layers.0/self_attn/"
REFUSED = [
    ("not-causal", "llama-tables", replaced("/model/Less", "LessOrEqual"), "(Softmax): expected a mask that hides keys"),
    ("constant", "llama-tables",
     attribute("/model/ConstantOfShape", value=numpy_helper.from_array(np.array([-10000], np.float32))),
     "(Softmax): expected a mask that adds 0 or less than -1e30, got -10000"),
    ("softcap", "llama-sdpa", inserted(FIRST + "Softmax", 0, "Tanh"), "(Tanh): uses scores of attention in another way"),
    ("weights", "llama-angles", inserted(FIRST + "MatMul_1", 0, "Sigmoid"), "(Sigmoid): uses weights of attention"),
    ("axis", "llama-sdpa", attribute(FIRST + "Softmax", axis=2), "(Softmax): expected a softmax over the keys"),
    ("past-used", "llama-sdpa", inserted("= present.0.key", 0, "Abs"), "input 'past_key_values.0.key': expected"),
    ("keys-used", "gpt2", inserted("/transformer/h.0/attn/Transpose_3", 0, "Relu"), "(Relu): uses keys or values"),
    ("heads-order", "llama-sdpa", input_constant("Unsqueeze < present.0.key", 1, np.array([1])), "expected keys in [batch, heads"),
    ("input", "gpt2", lambda model: model.graph.input.append(
        helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, ["batch", "sequence"])),
     "input 'token_type_ids': expected input_ids, attention_mask"),
    ("output", "gpt2", lambda model: model.graph.output.append(
        helper.make_tensor_value_info("/transformer/wpe/Gather_output_0", TensorProto.FLOAT, None)),
     "expected logits and the present of each layer"),
    ("heads", "gpt2", declared_past(2), "expected new rows of float in [1, 2, 1, 16]"),
    ("twice", "llama-sdpa", shared, "is read by attention more than once"),
    ("mask-values", "gpt2", inserted("/transformer/h.0/attn/Softmax", 0, "Add", np.ones((64, 1), np.float32)), "mask"),
]


def refused(test, name, config, change, expected, *flags):
    _, folder = write(test, f"refused-{name}", decoders.lookup(config), change)
    done = harness.execute([test.tool("tercet-compile"), str(folder / "model.onnx"), "-o", str(folder / "out"), "--quiet",
                            *flags], expect=None)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode != 1 or (folder / "out").exists() and list((folder / "out").iterdir()):
        return f"exit status {done.returncode}, and no artifact expected: {done.stderr[-500:]}"
    if not lines or expected not in lines[0]:
        return f"expected an error with {expected!r}, got {done.stderr[-700:]!r}"
    return None


def context(test):
    """A table of the model bounds the positions."""
    return refused(test, "context", "gpt2", None, "--context: expected 1 to 64", "--context", "65")


def main():
    test = harness.Test(harness.parser(__doc__).parse_args())
    cases = [(config.name, compare, (config,)) for config in decoders.CONFIGS]
    cases += [(f"form-{config.name}", form, (config,)) for config in decoders.CONFIGS]
    cases += [("narrow-caches", narrow_caches, ()), ("plain", plain, ()), ("context", context, ())]
    cases += [(f"refused-{name}", refused, (name, *rest)) for name, *rest in REFUSED]
    for name, case, arguments in cases:
        if test.wanted(name):
            try:
                test.check(name, case(test, *arguments))
            except harness.CommandFailed as error:
                test.check(name, str(error))
    test.finish()


sys.exit(main())
