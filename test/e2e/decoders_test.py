# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tiny language models of every family, as GGUF files and as directories of Hugging Face, against NumPy. The logits of a prompt in two chunks and of single
# tokens after it by the reference evaluator on what is imported, so without any engine's code; and the first chunk, and a
# first token, by the compiled program. Also what the gguf package and the compiler must agree on: sizes of blocks.

import pathlib
import re
import sys

import numpy as np

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))
import decoder_directory  # noqa: E402
import decoders  # noqa: E402

CHUNK, STEPS = 8, 3
# Relative to the greatest logit. The evaluator sums in doubles, so that even another epsilon of a norm would be seen.
EVALUATED, COMPILED, COSINE = 2e-6, 1e-4, 0.999


class Imported:
    """A model's functions and its states, run by the evaluator."""

    def __init__(self, test, text, config, folder):
        self.test, self.text, self.folder = test, text, folder
        shape = (1, config.positions, config.key_heads, config.head)
        # Keys and values that nothing may read.
        self.states = {f"cache.{i}.{kind}": np.full(shape, np.nan, np.float32)
                       for i in range(config.layers) for kind in ("key", "value")}

    def run(self, entry, tokens, position):
        feeds = {"tokens": np.array([tokens], np.int64), "position": np.array(position, np.int64), **self.states}
        command = [self.test.tool("tercet-reference"), str(self.text), "--entry", entry]
        for i, (name, value) in enumerate(feeds.items()):
            np.save(self.folder / f"in{i}.npy", value)
            command += ["--input", f"{name}={self.folder}/in{i}.npy"]
        outputs = ["logits", *self.states]
        for i, name in enumerate(outputs):
            command += ["--output", f"{name}={self.folder}/out{i}.npy"]
        harness.execute(command)
        results = {name: np.load(self.folder / f"out{i}.npy") for i, name in enumerate(outputs)}
        logits = results.pop("logits")
        self.states = results
        return logits.reshape(-1, logits.shape[-1])


def evaluate(test, config, path, folder, tokens, expected):
    """Imports the model and runs it on the evaluator."""
    text = folder / "model.mlir"
    imported = harness.execute([test.tool("tercet-import"), str(path), "--prefill", str(CHUNK), "--verify", str(STEPS),
                                "--kv-cache", "f32"])
    text.write_text(imported.stdout)
    runner = Imported(test, text, config, folder)
    after = 2 * CHUNK
    runs = [(f"prefill_{CHUNK}", 0, CHUNK), (f"prefill_{CHUNK}", CHUNK, after)]
    runs += [("decode", after + i, after + i + 1) for i in range(STEPS)]
    # Once more, in one run with logits for each.
    runs += [(f"verify_{STEPS}", after, after + STEPS)]
    for entry, begin, end in runs:
        got = runner.run(entry, tokens[begin:end], begin)
        problem = difference(got, expected[end - len(got):end], EVALUATED)
        if problem:
            return f"{entry} at {begin}: {problem}"
    return None


def compare_directory(test, config):
    """The same model as a directory: in the types and shards that such have."""
    model = decoders.Model(config)
    folder = test.work / (config.name + "-directory")
    kind = {"llama-f16": "F16", "llama-bf16": "BF16"}.get(config.name, "F32")
    decoder_directory.write(model, folder / "model", kind, shards=2 if kind == "BF16" else 1)
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, 2 * CHUNK + STEPS)
    return evaluate(test, config, folder / "model", folder, tokens, model.logits(tokens))


def compare_parts(test, config):
    """The same model in parts, as the gguf package splits one."""
    model = decoders.Model(config)
    folder = test.work / (config.name + "-parts")
    folder.mkdir(exist_ok=True)
    model.write(folder / "model.gguf", most_tensors=5)
    first, *others = sorted(folder.glob("model-*.gguf"))
    if len(others) < 2:
        return f"expected at least three parts, got {len(others) + 1}"
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, 2 * CHUNK + STEPS)
    return evaluate(test, config, first, folder, tokens, model.logits(tokens))


def compare(test, config):
    folder = test.work / config.name
    folder.mkdir(exist_ok=True)
    path = folder / "model.gguf"
    model = decoders.Model(config)
    model.write(path)
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, 2 * CHUNK + STEPS)
    expected = model.logits(tokens)
    problem = evaluate(test, config, path, folder, tokens, expected)
    if problem:
        return problem
    # With weights in blocks a program may round the left-hand sides of products to eight bits.
    program = folder / "program"
    test.compile(path, program, None, "--prefill", str(CHUNK), "--kv-cache", "f32")
    measure = direction if model.has_blocks() else difference
    for entry, end in ((f"prefill_{CHUNK}", CHUNK), ("decode", 1)):
        got = test.run(program, {"tokens": tokens[None, :end]}, ["logits"], "--entry", entry, "--scalar", "position=0")
        problem = measure(got["logits"].reshape(-1), expected[end - 1])
        if problem:
            return f"compiled {entry}: {problem}"
    return None


def difference(got, wanted, tolerance=COMPILED):
    if not np.isfinite(got).all():
        return "logits that are not finite"
    error = np.abs(got - wanted).max() / np.abs(wanted).max()
    return f"logits differ by {error:.2e} of the largest, more than {tolerance}" if error > tolerance else None


def direction(got, wanted):
    cosine = got @ wanted / (np.linalg.norm(got) * np.linalg.norm(wanted))
    return None if cosine >= COSINE else f"the cosine of logits is {cosine:.5f}, less than {COSINE}"


def block_sizes():
    """What the importer has in its table is what the package says."""
    source = pathlib.Path(__file__).resolve().parents[2] / "compiler/import/gguf/TensorType.cpp"
    rows = re.findall(r'\{(\d+), "(\w+)", (\d+), (\d+)\}', source.read_text())
    known = {int(kind): (kind.name, *sizes) for kind, sizes in decoders.gguf.constants.GGML_QUANT_SIZES.items()}
    if len(rows) < 20:
        return f"expected rows of a table in {source.name}, got {len(rows)}"
    for number, name, elements, size in rows:
        if known.get(int(number)) != (name, int(elements), int(size)):
            return f"type {number}: {(name, int(elements), int(size))} instead of {known.get(int(number))}"
    return None


def main():
    test = harness.Test(harness.parser(__doc__).parse_args())
    if test.wanted("block-sizes"):
        test.check("block-sizes", block_sizes())
    # A directory has floats alone; what blocks stand for is the same model in F32.
    cases = [(config.name, compare, config) for config in decoders.CONFIGS]
    cases += [(config.name + "-directory", compare_directory, config) for config in decoders.CONFIGS
              if config.name not in ("llama-q8_0", "llama-q4_0", "llama-mixed", "llama-blocks", "qwen2-q4_0")]
    cases += [("llama-parts", compare_parts, decoders.lookup("llama-q8_0"))]
    for name, run, config in cases:
        if test.wanted(name):
            try:
                test.check(name, run(test, config))
            except harness.CommandFailed as error:
                test.check(name, str(error))
    test.finish()


main()
