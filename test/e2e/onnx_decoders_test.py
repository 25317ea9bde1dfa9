# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Decoders as ONNX files (onnx_decoders.py) against onnxruntime: logits of a prompt in two chunks, of single tokens and of
# several at once, by the reference evaluator on what is imported; the whole loop by the compiled program, through
# tercet-generate. Weights in groups stay packed. And what no program with states computes is refused by the node's name.

import dataclasses
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import decoder_logits
import harness
from decoder_logits import CHUNK, COMPILED, COSINE, STEPS, difference

import onnx_decoders as decoders


def sequence(config):
    """Tokens, and what onnxruntime says with left-hand sides that stay in floats."""
    plain = dataclasses.replace(config, level=0)
    return decoder_logits.expected(decoders.Session(plain, decoders.build(plain)), config.vocabulary)


def compare(test, config):
    folder = test.work / config.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(decoders.build(config), path)
    tokens, expected = sequence(config)
    rows = config.positions if config.rotary == "attention" else 4096
    problem = decoder_logits.evaluate(test, config, path, folder, tokens, expected, rows)
    if problem:
        return problem
    # All of it compiled. Greedy steps follow the tokens; their rows come after those of the prompt.
    got = decoder_logits.compiled(test, path, folder, tokens, 1, "--kv-cache", "f32", "--verify", str(STEPS))
    got = got[:len(tokens)]
    if config.level != 4:
        return difference(got, expected, COMPILED)
    for i, (row, wanted) in enumerate(zip(got, expected)):
        cosine = row @ wanted / (np.linalg.norm(row) * np.linalg.norm(wanted))
        if not cosine >= COSINE:
            return f"token {i}: the cosine of logits is {cosine:.5f}, less than {COSINE}"
    return None


def narrow_caches(test):
    """Caches of 8 bits, and what --plan-context says of them."""
    config = decoders.lookup("partial")
    folder = test.work / "narrow-caches"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(decoders.build(config), path)
    tokens, expected = sequence(config)
    got = decoder_logits.compiled(test, path, folder, tokens, 1, "--kv-cache", "int8")[:len(tokens)]
    cosine = min(row @ wanted / (np.linalg.norm(row) * np.linalg.norm(wanted)) for row, wanted in zip(got, expected))
    if not cosine >= COSINE:
        return f"the least cosine of logits is {cosine:.5f}, less than {COSINE}"
    done = harness.execute([test.tool("tercet-compile"), str(path), "--plan-context", "1GiB", "--prefill", str(CHUNK)])
    if f"longest context that fits into {2**30} bytes: {config.positions}" not in done.stdout:
        return f"expected the {config.positions} positions of the model to fit, got {done.stdout[-300:]!r}"
    path = folder / "small.onnx"
    onnx.save(decoders.build(decoders.lookup("floats")), path)
    done = harness.execute([test.tool("tercet-import"), str(path), "--kv-cache", "int8"], expect=1)
    if "--kv-cache: expected heads of a multiple of 32 elements" not in done.stderr:
        return f"expected heads of 16 elements to be refused, got {done.stderr[-300:]!r}"
    return None


def packed(test):
    """Weights of 4 bits take the room of 4 bits in the program."""
    sizes = {}
    for name in ("floats", "groups"):
        folder = test.work / f"packed-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(decoders.build(decoders.lookup(name)), folder / "model.onnx")
        test.compile(folder / "model.onnx", folder / "out", None, "--weights", "file", "--prefill", str(CHUNK))
        sizes[name] = (folder / "out" / "model.weights").stat().st_size
    # Embeddings, norms and tables stay floats.
    return None if sizes["groups"] < 0.5 * sizes["floats"] else f"the files of weights have {sizes} bytes"


def text(test):
    """A tokenizer.json beside the file is the model's."""
    folder = test.work / "text"
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(decoders.build(decoders.lookup("floats")), folder / "model.onnx")
    letters = [chr(ord("!") + i) for i in range(90)]
    model = {"type": "BPE", "vocab": {letter: i for i, letter in enumerate(letters)}, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps({
        "model": model, "added_tokens": [], "normalizer": None, "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "decoder": {"type": "ByteLevel"}, "post_processor": None}))
    session = decoders.Session(decoders.lookup("floats"), decoders.build(decoders.lookup("floats")))
    tokens = [letters.index(letter) for letter in "Hello"]
    wanted, row = "", session.run(tokens)[-1]
    for _ in range(6):
        token = int(row.argmax())
        wanted += letters[token] if token < len(letters) else ""
        row = session.run([token])[-1]
    done = harness.execute([test.tool("tercet-generate"), str(folder / "model.onnx"), "--prompt", "Hello", "--n", "6",
                            "--cache", str(folder / "cache"), "--kv-cache", "f32", "--quiet"])
    return None if wanted and wanted in done.stdout else f"expected {wanted!r}, got {done.stdout!r}"


# --- what is refused --------------------------------------------------------------------------------------------------
def node_of(model, op):
    return next(node for node in model.graph.node if node.op_type == op)


def attribute(op, **values):
    def change(model):
        node = node_of(model, op)
        kept = [a for a in node.attribute if a.name not in values]
        del node.attribute[:]
        node.attribute.extend(kept + [helper.make_attribute(name, value) for name, value in values.items()])
    return change


def initializer(name, values):
    def change(model):
        kept = [tensor for tensor in model.graph.initializer if tensor.name != name]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept + [numpy_helper.from_array(values, name)])
    return change


def extra_input(name, shape=("batch_size", 3)):
    def change(model):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, shape))
    return change


def inserted(op, inputs, outputs, before, **attributes):
    """A node in front of the first of an operator, which takes its result as an input."""
    def change(model):
        node = node_of(model, before[0])
        index = list(model.graph.node).index(node)
        node.input[before[1]] = outputs[0]
        model.graph.node.insert(index, helper.make_node(op, inputs, outputs, name="/inserted", **attributes))
    return change


def grow(index, name, values):
    def change(model):
        node = node_of(model, "GroupQueryAttention")
        node.input.extend([""] * (index + 1 - len(node.input)))
        node.input[index] = name
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return change


def other_output(model):
    node = node_of(model, "SimplifiedLayerNormalization")
    model.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))


def past_not_input(model):
    node = node_of(model, "GroupQueryAttention")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 2, 4, 16), np.float32), "fixed"))
    node.input[4] = "fixed"


def masked_scores(model):
    """The mask is added to hidden states."""
    node = node_of(model, "SimplifiedLayerNormalization")
    model.graph.node.insert(0, helper.make_node("Cast", ["attention_mask"], ["mask_floats"], name="/cast_mask", to=1))
    index = list(model.graph.node).index(node)
    model.graph.node.insert(index, helper.make_node("Unsqueeze", ["mask_floats", "minus"], ["mask_rows"], name="/rows"))
    model.graph.node.insert(index + 1, helper.make_node("Mul", [node.input[0], "mask_rows"], ["masked"], name="/Masked"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "minus"))
    node.input[0] = "masked"


ATTENTION = "node '/layers.0.attn/GroupQueryAttention' (GroupQueryAttention): "
PRODUCT = "node '/layers.0.attn.q_proj/MatMulNBits' (MatMulNBits): "
REFUSED = [
    ("softcap", "floats", attribute("GroupQueryAttention", softcap=30.0), [], ATTENTION + "attribute 'softcap'"),
    ("smooth", "floats", attribute("GroupQueryAttention", smooth_softmax=1), [], ATTENTION + "attribute 'smooth_softmax'"),
    ("unknown", "floats", attribute("GroupQueryAttention", frobnicate=1), [],
     ATTENTION + "attribute 'frobnicate' is not known"),
    ("heads", "floats", attribute("GroupQueryAttention", kv_num_heads=3), [],
     ATTENTION + "expected attribute 'num_heads' to be a multiple of 'kv_num_heads', got 4 and 3"),
    ("key-heads", "floats", attribute("GroupQueryAttention", kv_num_heads=1), [],
     ATTENTION + "expected input 1 of float in [1, 1, 16]"),
    ("bias", "floats", grow(10, "bias", np.zeros((1, 4, 1, 1), np.float32)), [],
     ATTENTION + "input 10 (attention_bias) is not supported"),
    ("sink", "floats", grow(11, "sink", np.zeros(4, np.float32)), [], ATTENTION + "input 11 (head_sink)"),
    ("window", "floats", attribute("GroupQueryAttention", local_window_size=0), [],
     ATTENTION + "expected attribute 'local_window_size' to be -1 or at least 1, got 0"),
    ("tables", "floats", initializer("sin_cache", np.zeros((48, 4), np.float32)), [],
     ATTENTION + "expected cosines and sines of one type"),
    ("context", "floats", None, ["--context", "64"], "--context: expected 1 to 48"),
    ("dim", "floats", None, ["--dim", "batch_size=1"], "--dim batch_size: a language model has no dimensions by name"),
    ("past", "floats", past_not_input, [],
     ATTENTION + "expected inputs of the graph as past_key and past_value, got 'fixed'"),
    ("input", "floats", extra_input("token_type_ids"), [], "input 'token_type_ids': expected input_ids, attention_mask"),
    ("output", "floats", other_output, [], "expected logits and the present of each layer"),
    ("lengths", "floats", initializer("one", np.array([0], np.int64)), [],
     ATTENTION + "expected inputs 5 (seqlens_k) and 6 (total_sequence_length) to be the sum of the attention mask"),
    ("masked", "floats", masked_scores, [], "depends on 'attention_mask'"),
    ("past-used", "floats",
     inserted("Identity", ["past_key_values.0.key"], ["copied"], ("SimplifiedLayerNormalization", 0)), [],
     "node '/inserted' (Identity): uses the past 'past_key_values.0.key' in another way than attention does"),
    ("groups-order", "groups", lambda model: (
        node_of(model, "MatMulNBits").input.extend(["order"]),
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(64, np.int32), "order"))), [],
     PRODUCT + "input 4 (g_idx) is not supported; try to quantise the model without act-order"),
    ("groups-bits", "groups", attribute("MatMulNBits", bits=3), [], PRODUCT + "expected attribute 'bits' to be 2, 4 or 8"),
    ("groups-block", "groups", attribute("MatMulNBits", block_size=24), [],
     PRODUCT + "expected attribute 'block_size' to be a power of two from 16 to"),
    ("groups-size", "groups", attribute("MatMulNBits", K=96), [], PRODUCT + "expected input 0 of float"),
    ("groups-columns", "groups", attribute("MatMulNBits", N=63), [],
     PRODUCT + "expected input 1 of shape [63, 2, 16], got uint8[64, 2, 16]"),
    ("groups-scales", "groups", initializer("layers.0.attn.q_proj.scales", np.zeros((64, 3), np.float32)), [],
     PRODUCT + "expected input 2 of shape [64, 2], got float[64, 3]"),
    ("groups-zeros", "groups", initializer("layers.0.attn.q_proj.qzeros", np.zeros((64, 2), np.uint8)), [],
     PRODUCT + "expected input 3 of shape [64, 1], got uint8[64, 2]"),
    ("groups-type", "groups", initializer("layers.0.attn.q_proj.qweight", np.zeros((64, 2, 16), np.int8)), [],
     PRODUCT + "expected input 1 of uint8"),
]


def refused(test, name, config, change, flags, expected):
    folder = test.work / f"refused-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    model = decoders.build(decoders.lookup(config))
    if change:
        change(model)
    onnx.save(model, folder / "model.onnx")
    done = harness.execute([test.tool("tercet-compile"), str(folder / "model.onnx"), "-o", str(folder / "out"), "--quiet",
                            *flags], expect=None)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode != 1 or (folder / "out").exists() and list((folder / "out").iterdir()):
        return f"exit status {done.returncode}, and no artifact expected: {done.stderr[-500:]}"
    if not lines or expected not in lines[0]:
        return f"expected an error with {expected!r}, got {done.stderr[-700:]!r}"
    return None


def outside(test):
    """Without a past attention has no state; and flags of language models are for them."""
    folder = test.work / "outside"
    folder.mkdir(parents=True, exist_ok=True)
    model = decoders.build(decoders.lookup("floats"))
    for node in model.graph.node:
        if node.op_type == "GroupQueryAttention":
            node.input[3] = node.input[4] = ""
    kept = [value for value in model.graph.input if not value.name.startswith("past")]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    onnx.save(model, folder / "model.onnx")
    command = [test.tool("tercet-import"), str(folder / "model.onnx"), "--dim", "batch_size=1", "--dim",
               "sequence_length=4", "--dim", "total_sequence_length=4"]
    done = harness.execute(command, expect=1)
    if "is only supported in a decoder" not in done.stderr:
        return f"got {done.stderr[-500:]!r}"
    done = harness.execute([*command, "--context", "16"], expect=1)
    return None if "are for language models" in done.stderr else f"got {done.stderr[-500:]!r}"


def main():
    test = harness.Test(harness.parser(__doc__).parse_args())
    cases = [(config.name, compare, (config,)) for config in decoders.CONFIGS]
    cases += [("narrow-caches", narrow_caches, ()), ("packed", packed, ()), ("text", text, ()), ("outside", outside, ())]
    cases += [(f"refused-{name}", refused, (name, *rest)) for name, *rest in REFUSED]
    for name, case, arguments in cases:
        if test.wanted(name):
            try:
                test.check(name, case(test, *arguments))
            except harness.CommandFailed as error:
                test.check(name, str(error))
    test.finish()


sys.exit(main())
