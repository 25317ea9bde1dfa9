# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Directories of Hugging Face with weights as GPTQ, AWQ and compressed-tensors store them. Every weight of the imported
# module, executed, is to the bit what NumPy unpacks; the logits by the reference evaluator are NumPy's on these weights;
# the compiled program keeps the weights packed. And what contradicts itself is one error that says where.

import json
import re
import sys

import numpy as np

import harness

import decoder_directory  # noqa: E402
import decoders  # noqa: E402
import packed_weights  # noqa: E402
from packed_weights import Packing  # noqa: E402

CHUNK = 8
EVALUATED, COSINE = 2e-6, 0.999

CASES = [
    ("llama-bf16", Packing("gptq", symmetric=True)),
    ("qwen2", Packing("gptq")),
    ("llama-f32", Packing("gptq", ordered=True)),
    ("gptneox", Packing("gptq", ordered=True, symmetric=True)),
    ("mistral", Packing("gptq", bits=3)),
    ("llama-f32", Packing("gptq", bits=2, group=16)),
    ("llama-f32", Packing("gptq", bits=8, group=-1)),
    ("llama-f32", Packing("gptq_v2", group=-1, scales="F32")),
    ("llama-bf16", Packing("gptq_v2", group=64, head=True)),
    ("llama-f32", Packing("awq")),
    ("phi3", Packing("awq", group=64)),
    ("qwen3", Packing("awq", group=16, scales="BF16")),
    ("llama-bf16", Packing("compressed", symmetric=True, scales="BF16")),
    ("qwen2", Packing("compressed", scales="BF16")),
    ("llama-bf16", Packing("compressed", group=-1, symmetric=True, head=True)),
    ("llama-f32", Packing("compressed", group=-1)),
    ("llama-f32", Packing("compressed", byte_zeros=True)),
    ("llama-f32", Packing("compressed", ordered=True)),
    ("llama-f32", Packing("compressed", bits=8, group=64)),
]


class PackedModel:
    """A model of decoders.py whose linear weights are what their packed form stands for."""

    def __init__(self, name, packing):
        self.packing, self.model = packing, decoders.Model(decoders.lookup(name))
        config, floats = self.model.config, self.model.floats
        tensors = decoder_directory.tensors_of(self.model)
        self.model.floats = {key: packed_weights.quantise(values, packing).floats() if self.is_packed(key) else values
                             for key, values in floats.items()}
        expected = decoder_directory.tensors_of(self.model)
        names = decoder_directory.NAMES[config.family]
        self.tensors, self.unpacked = {}, {}
        for key, values in tensors.items():
            stem = key.rsplit(".", 1)[0]
            if values.ndim != 2 or not (key.startswith(names["blk"]) or packing.head and stem == names.get("output")):
                self.tensors[key] = decoder_directory.stored(values, "F32")
                continue
            parts = packed_weights.pack(packed_weights.quantise(values, packing), packing)
            self.unpacked[stem] = packed_weights.unpack(parts, packing)
            # What was packed is what unpacks, by other code.
            np.testing.assert_array_equal(self.unpacked[stem], expected[key])
            self.tensors.update({stem + end: tensor for end, tensor in parts.items()})
        self.config = {**decoder_directory.config_of(config), "quantization_config": packed_weights.config_of(packing)}

    def is_packed(self, key):
        head = key == "output.weight" and self.packing.head
        return head or (key.startswith("blk.") and self.model.floats[key].ndim == 2)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config))
        decoder_directory.write_safetensors(folder / "model.safetensors", self.tensors)


def executed(test, text, folder):
    """The value of each weight that is a matrix of floats in the module, by its symbol."""
    weights = re.findall(r'^ *nn\.weight @("[^"]+"|[\w.]+) = .* : (tensor<\d+x\d+xf32>)$', text, re.MULTILINE)
    probes, results = [], {}
    for i, (symbol, kind) in enumerate(weights):
        probes.append(f"func.func @probe_{i}() -> ({kind} {{nn.name = \"w\"}}) {{\n"
                      f"  %0 = nn.get_weight @{symbol} : {kind}\n  return %0 : {kind}\n}}\n")
    at = text.rindex("}")
    path = folder / "probes.mlir"
    path.write_text(text[:at] + "".join(probes) + "}\n")
    for i, (symbol, kind) in enumerate(weights):
        harness.execute([test.tool("tercet-reference"), str(path), "--entry", f"probe_{i}", "--output",
                         f"w={folder}/w.npy"])
        results[symbol.strip('"')] = np.load(folder / "w.npy")
    return results


def run(test, text, folder, config, entry, tokens, states):
    feeds = {"tokens": np.array([tokens], np.int64), "position": np.array(0, np.int64), **states}
    command = [test.tool("tercet-reference"), str(text), "--entry", entry, "--output", f"logits={folder}/out.npy"]
    for i, (name, value) in enumerate(feeds.items()):
        np.save(folder / f"in{i}.npy", value)
        command += ["--input", f"{name}={folder}/in{i}.npy"]
    harness.execute(command)
    return np.load(folder / "out.npy").reshape(-1)


def compare(test, name, packing):
    folder = test.work / f"{name}-{packing.name}"
    packed = PackedModel(name, packing)
    packed.write(folder / "model")
    model, config = packed.model, packed.model.config
    text = harness.execute([test.tool("tercet-import"), str(folder / "model"), "--prefill", str(CHUNK), "--kv-cache",
                            "f32"]).stdout
    (folder / "model.mlir").write_text(text)
    problem = bits(executed(test, text, folder), packed)
    if problem:
        return problem
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, CHUNK)
    expected = model.logits(tokens)[-1]
    shape = (1, config.positions, config.key_heads, config.head)
    states = {f"cache.{i}.{kind}": np.full(shape, np.nan, np.float32) for i in range(config.layers)
              for kind in ("key", "value")}
    got = run(test, folder / "model.mlir", folder, config, f"prefill_{CHUNK}", tokens, states)
    error = np.abs(got - expected).max() / np.abs(expected).max()
    if not error <= EVALUATED:
        return f"logits differ by {error:.2e} of the largest, more than {EVALUATED}"
    program = folder / "program"
    test.compile(folder / "model", program, None, "--prefill", str(CHUNK), "--kv-cache", "f32", "--weights", "file")
    got = test.run(program, {"tokens": tokens[None]}, ["logits"], "--entry", f"prefill_{CHUNK}", "--scalar",
                   "position=0")["logits"].reshape(-1)
    size = next(program.glob("*.weights")).stat().st_size
    floats = sum(matrix.nbytes for matrix in packed.unpacked.values())
    kept = sum(tensor.nbytes for name, tensor in model.floats.items() if not packed.is_packed(name))
    # The head may be the embedding once more; tables of angles and scales take some too.
    if not size <= floats * (packing.bits + 2) / 32 + 2 * kept + 65536:
        return f"weights take {size} bytes, as floats {floats}"
    cosine = got @ expected / (np.linalg.norm(got) * np.linalg.norm(expected))
    if not cosine >= COSINE:
        return f"the cosine of compiled logits is {cosine:.5f}, less than {COSINE}"
    return None


def bits(weights, packed):
    """Each packed matrix is found, to the bit and its rows in any order, as (part of) a transposed weight."""
    columns = {}
    for value in weights.values():
        for column in np.ascontiguousarray(value.T):
            columns.setdefault(len(column), set()).add(column.tobytes())
    for stem, matrix in packed.unpacked.items():
        rows = matrix
        if packed.packing.ordered:
            group_of = packed_weights.quantise(matrix, packed.packing).group_of
            rows = matrix[:, np.argsort(group_of, kind="stable")]
        missing = sum(row.tobytes() not in columns.get(len(row), ()) for row in np.ascontiguousarray(rows))
        if missing:
            return f"{missing} of {len(rows)} rows of {stem} are not among the imported weights"
    return None


# --- what is refused --------------------------------------------------------------------------------------------------
STEM = "model.layers.0.self_attn.q_proj"


def reshaped(tensor, *shape):
    kind, _, raw = tensor
    size = {"F16": 2, "I32": 4, "I64": 8}[kind]
    return kind, shape, raw[:size * int(np.prod(shape))].ljust(size * int(np.prod(shape)), b"\x77")


def without(*names):
    def change(packed):
        for name in names:
            del packed.tensors[name]
    return change


def setting(path, value):
    def change(packed):
        *folders, last = path.split("/")
        place = packed.config["quantization_config"]
        for key in folders:
            place = place[key]
        place[last] = value
    return change


def tensor(name, value):
    def change(packed):
        packed.tensors[name] = value(packed.tensors.get(name))
    return change


GPTQ, AWQ, COMPRESSED = Packing("gptq"), Packing("awq"), Packing("compressed", symmetric=True)
WEIGHTS = "config_groups/group_0/weights/"
REFUSED = [
    ("method", GPTQ, setting("quant_method", "bitsandbytes"),
     "quantization_config: 'quant_method': expected gptq, awq or compressed-tensors, got \"bitsandbytes\""),
    ("bits", GPTQ, setting("bits", 5), "quantization_config: 'bits': expected 2, 3, 4 or 8, got 5"),
    ("awq-bits", AWQ, setting("bits", 8), "quantization_config: 'bits': expected 4, got 8"),
    ("version", AWQ, setting("version", "gemv"), "quantization_config: 'version': expected gemm, got \"gemv\""),
    ("group-none", GPTQ, setting("group_size", None), "quantization_config: 'group_size': expected a multiple of 8"),
    ("marlin", GPTQ, setting("checkpoint_format", "marlin"),
     "'checkpoint_format': expected gptq or gptq_v2, got \"marlin\""),
    ("dynamic", GPTQ, setting("dynamic", {"-:.*down.*": {}}), "'dynamic': such weights are not supported"),
    ("floats-format", COMPRESSED, setting("format", "float-quantized"), "'format': expected pack-quantized, got"),
    ("activations", COMPRESSED, setting("config_groups/group_0/input_activations", {"num_bits": 8}),
     "'input_activations': such weights are not supported"),
    ("strategy", COMPRESSED, setting(WEIGHTS + "strategy", "tensor"), "'strategy': expected group or channel, got"),
    ("float-type", COMPRESSED, setting(WEIGHTS + "type", "float"), "'type': expected int, got \"float\""),
    ("more-groups", COMPRESSED, setting("config_groups", {"a": {}, "b": {}}),
     "'config_groups': expected one group of modules, got 2"),
    ("scales-missing", GPTQ, without(STEM + ".scales"),
     f"expected a tensor '{STEM}.scales', since weights of '{STEM}' are stored as gptq, got none"),
    ("zeros-missing", AWQ, without(STEM + ".qzeros"), f"expected a tensor '{STEM}.qzeros'"),
    ("shape-missing", COMPRESSED, without(STEM + ".weight_shape"), f"expected a tensor '{STEM}.weight_shape'"),
    ("order-missing", Packing("gptq", ordered=True), without(STEM + ".g_idx"), f"expected a tensor '{STEM}.g_idx'"),
    ("module-missing", GPTQ, without(*(STEM + end for end in (".scales", ".qweight", ".qzeros", ".g_idx"))),
     f"expected a tensor '{STEM}.weight' of shape [64, 64], got none"),
    ("bits-contradict", GPTQ, setting("bits", 8), f"tensor '{STEM}.scales': expected shape"),
    ("group-contradict", GPTQ, setting("group_size", 64),
     f"tensor '{STEM}.scales': expected shape [1, 64], as follows from the codes of '{STEM}' and 4 bits in groups of 64 "
     "of quantization_config, got [2, 64]"),
    ("group-indivisible", GPTQ, setting("group_size", 48),
     f"weights of '{STEM}': expected rows of a multiple of the group_size 48 of quantization_config, got 64"),
    ("scales-shape", AWQ, tensor(STEM + ".scales", lambda t: reshaped(t, 2, 32)),
     f"tensor '{STEM}.scales': expected shape [2, 64]"),
    ("scales-type", AWQ, tensor(STEM + ".scales", lambda t: ("I64", (2, 64), bytes(1024))),
     f"tensor '{STEM}.scales': expected elements of F16 or BF16 or F32, got I64"),
    ("codes-shape", AWQ, tensor(STEM + ".qweight", lambda t: reshaped(t, 512)),
     f"tensor '{STEM}.qweight': expected words (I32) in [K, N / 8], got I32 in [512]"),
    ("codes-rows", GPTQ, tensor(STEM + ".qweight", lambda t: reshaped(t, 7, 64)),
     f"tensor '{STEM}.qweight': expected words (I32) in [K * 4 / 32, N]"),
    ("size", COMPRESSED, tensor(STEM + ".weight_shape", lambda t: ("I64", (2,), np.array([64, 128]).tobytes())),
     f"tensor '{STEM}.weight_packed': expected shape [64, 16]"),
    ("size-huge", COMPRESSED, tensor(STEM + ".weight_shape", lambda t: ("I64", (2,), np.array([2**62, 64]).tobytes())),
     f"tensor '{STEM}.weight_shape': expected rows and columns of a matrix, got [4611686018427387904, 64]"),
    ("metadata", COMPRESSED, setting("config_groups/group_0/weights/symmetric", False),
     f"expected a tensor '{STEM}.weight_zero_point'"),
    ("zeros-unexpected", Packing("compressed"), setting(WEIGHTS + "symmetric", True),
     f"tensor '{STEM}.weight_zero_point': expected zeros in the middle, since 'symmetric' of quantization_config is true"),
    ("order-unexpected", Packing("gptq", ordered=True), setting("desc_act", False),
     f"tensor '{STEM}.g_idx': expected elements in the order of their groups, since quantization_config has no act-order"),
    ("order-range", GPTQ, tensor(STEM + ".g_idx", lambda t: packed_weights.integers(np.arange(64) // 32 + 1)),
     f"tensor '{STEM}.g_idx': expected groups from 0 to 1, got 2"),
    ("order-uneven", Packing("gptq", ordered=True),
     tensor(STEM + ".g_idx", lambda t: packed_weights.integers(np.arange(64) // 40)),
     f"tensor '{STEM}.g_idx': expected 32 elements in every group, got 40 in group 0"),
    ("zero-fifteen", GPTQ, tensor(STEM + ".qzeros", lambda t: ("I32", t[1], b"\xf7" + t[2][1:])),
     f"tensor '{STEM}.qzeros': stored zero 15: in checkpoint_format gptq it stands for 16 or for 0"),
    ("floats-instead", AWQ, lambda packed: (without(*(STEM + end for end in (".scales", ".qweight", ".qzeros")))(packed),
                                            packed.tensors.update({STEM + ".weight": ("F32", (64, 64), bytes(16384))})),
     f"tensor '{STEM}.weight': expected weights as awq stores them, since quantization_config of config.json does not "
     f"exclude '{STEM}', got floats"),
    ("both", AWQ, lambda packed: packed.tensors.update({STEM + ".weight": ("F32", (64, 64), bytes(16384))}),
     f"tensor '{STEM}.weight': expected the tensors that a model of type 'llama' has"),
    ("no-config", AWQ, lambda packed: packed.config.pop("quantization_config"),
     f"expected a tensor '{STEM}.weight' of shape [64, 64], got none"),
    ("scale-not-finite", AWQ, tensor(STEM + ".scales", lambda t: ("F16", t[1], b"\x00\x7c" + t[2][2:])),
     "is not finite"),
]


def refused(test, name, packing, change, expected):
    folder = test.work / f"refused-{name}"
    packed = PackedModel("llama-f32", packing)
    change(packed)
    packed.write(folder / "model")
    done = harness.execute([test.tool("tercet-compile"), str(folder / "model"), "-o", str(folder / "out"), "--quiet"],
                           expect=None)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode != 1 or (folder / "out").exists() and list((folder / "out").iterdir()):
        return f"exit status {done.returncode}, and no artifact expected: {done.stderr[-500:]}"
    if not lines or expected not in lines[0]:
        return f"expected an error with {expected!r}, got {done.stderr[-700:]!r}"
    return None


def excluded(test):
    """Modules that the configuration excludes may be floats, and zeros of 0 in bytes agree with `symmetric`."""
    packed = PackedModel("llama-f32", AWQ)
    stem = "model.layers.1.mlp.down_proj"
    floats = packed.unpacked.pop(stem)
    without(*(stem + end for end in (".scales", ".qweight", ".qzeros")))(packed)
    packed.tensors[stem + ".weight"] = decoder_directory.stored(floats, "F32")
    packed.tensors[STEM + ".bias"] = ("F16", (64,), bytes(128))
    packed.config["quantization_config"]["modules_to_not_convert"] = ["layers.1.mlp.down"]
    packed.write(test.work / "excluded")
    harness.execute([test.tool("tercet-import"), str(test.work / "excluded"), "--prefill", "8"])
    packed = PackedModel("llama-f32", COMPRESSED)
    packed.tensors[STEM + ".weight_zero_point"] = ("I8", (64, 2), bytes(128))
    packed.write(test.work / "symmetric-zeros")
    harness.execute([test.tool("tercet-import"), str(test.work / "symmetric-zeros"), "--prefill", "8"])
    return None


def main():
    test = harness.Test(harness.parser(__doc__).parse_args())
    cases = [(f"{name}-{packing.name}", compare, (name, packing)) for name, packing in CASES]
    cases += [(f"refused-{name}", refused, (name, *rest)) for name, *rest in REFUSED]
    cases += [("excluded", excluded, ())]
    for name, case, arguments in cases:
        if test.wanted(name):
            try:
                test.check(name, case(test, *arguments))
            except harness.CommandFailed as error:
                test.check(name, str(error))
    test.finish()


sys.exit(main())
