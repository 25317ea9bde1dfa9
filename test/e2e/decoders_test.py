# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tiny language models of every family, as GGUF files, against NumPy. The logits of a prompt in two chunks and of single
# tokens after it by the reference evaluator on what is imported, so without any engine's code; and the first chunk, and a
# first token, by the compiled program. Also what the gguf package and the compiler must agree on: sizes of blocks.

import pathlib
import re
import sys

import numpy as np

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))
import decoders  # noqa: E402

CHUNK, STEPS = 8, 3
TOLERANCE, COSINE = 1e-3, 0.995


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
        return logits.reshape(-1)


def compare(test, config):
    folder = test.work / config.name
    folder.mkdir(exist_ok=True)
    path, text = folder / "model.gguf", folder / "model.mlir"
    model = decoders.Model(config)
    model.write(path)
    imported = harness.execute([test.tool("tercet-import"), str(path), "--prefill", str(CHUNK), "--kv-cache", "f32"])
    text.write_text(imported.stdout)
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, 2 * CHUNK + STEPS)
    expected = model.logits(tokens)
    runner = Imported(test, text, config, folder)
    for begin, end in [(0, CHUNK), (CHUNK, 2 * CHUNK)] + [(2 * CHUNK + i, 2 * CHUNK + i + 1) for i in range(STEPS)]:
        entry = "decode" if end - begin == 1 else f"prefill_{CHUNK}"
        got = runner.run(entry, tokens[begin:end], begin)
        wanted = expected[end - 1]
        problem = difference(got, wanted)
        if problem:
            return f"{entry} at {begin}: {problem}"
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


def difference(got, wanted):
    if not np.isfinite(got).all():
        return "logits that are not finite"
    error = np.abs(got - wanted).max() / np.abs(wanted).max()
    return f"logits differ by {error:.2e} of the largest, more than {TOLERANCE}" if error > TOLERANCE else None


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
    for config in decoders.CONFIGS:
        if test.wanted(config.name):
            try:
                test.check(config.name, compare(test, config))
            except harness.CommandFailed as error:
                test.check(config.name, str(error))
    test.finish()


main()
