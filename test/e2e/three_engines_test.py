# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# MiniLM over CPU, GPU and NPU of the devkit, against onnxruntime: every matrix product on the GPU, of floats, of
# halves and of weights in halves; the partition that the cost model makes by itself; and all three engines in one program, layers in 8 bits on the NPU before layers in
# floats on the GPU. What is meant to be where is read from the report, and the page with a profile has to show the lanes
# of all engines. The checker takes every program.
#
# A language model likewise, its caches in memory of the GPU's driver, against the program for the CPU alone: the same
# greedy tokens where all of it is in floats; where some of it is in 8 bits, logits of the same direction.

import json
import pathlib
import shutil
import subprocess

import numpy as np

import harness
import minilm
import onnx_halves
import quantise_test
import small
import tiny_lm

BATCH, SEQUENCE = 1, 64
# f32 on every engine, and layers of w8a8 on the NPU. Halves relative to 1 + |expected|, which is of floats: every value
# that is stored is rounded by 5e-4 of itself, through six layers; the CPU alone is as far (7e-3).
FLOATS, HALVES, COSINE = 1e-3, 1e-2, 0.995
SCENES = {
    "products on the gpu": ["--pin", "*MatMul*=gpu"],
    "products of halves on the gpu": ["--pin", "*MatMul*=gpu"],
    "products of halved weights on the gpu": ["--pin", "*MatMul*=gpu", "--quantize", "f16"],
    "by cost": [],
    "all three": ["--quantize", "/encoder/layer.[0-2]/*=w8a8", "--pin", "/encoder/layer.[0-2]/*=npu", "--pin",
                  "/encoder/layer.[3-4]/*=gpu"],
}
# Relative difference of a row of logits; and the cosine with two layers' products in 8 bits.
LOGITS, LOGITS_COSINE = 1e-3, 0.97
# Of activations in bytes: a code that differs here and there has others differ behind it.
GROUP_LOGITS = 5e-2
CONTEXT, COUNT = 256, 64


def placed(report):
    """Name of a node -> engines of the commands that compute it or a part of it."""
    engines = {}
    for command in report["entries"][0]["commands"]:
        for node in command.get("nodes", ()):
            engines.setdefault(node, set()).add(command["engine"])
    return engines


def check_places(test, name, report):
    engines = placed(report)
    used = set().union(*engines.values())
    products = {node for node in engines if "MatMul" in node}
    if name.startswith("products"):
        others = sorted(node for node in products if engines[node] != {"gpu"})
        test.check(f"{name}: places", (not products or others) and f"{len(products)} products, not on the GPU: {others[:4]}")
    elif name == "by cost":
        # Devkit's figures make the GPU worth its while for the wide products.
        test.check(f"{name}: places", not used >= {"cpu", "gpu"} and f"only {sorted(used)} are used")
    else:
        test.check(f"{name}: places", used != {"cpu", "gpu", "npu"} and f"only {sorted(used)} are used")
    return used


def check_page(test, name, program, feeds, used):
    """The page with a profile has two lanes for each engine."""
    file, page = program / "profile.json", program / "profile.html"
    test.run(program, feeds, ["sentence_embedding"], "--repeat", "2", "--profile", str(file))
    harness.execute([test.tool("tercet-report"), str(program), "--profile", str(file), "-o", str(page)])
    text = page.read_text()
    begin = text.index('id="profile">') + len('id="profile">')
    commands = json.loads(text[begin:text.index("</script>", begin)])["commands"]
    measured = {c["engine"] for c in commands if c["end_ns"] > c["start_ns"]}
    test.check(f"{name}: measured", measured != used and f"engines {sorted(measured)} instead of {sorted(used)}")
    if shutil.which("node"):
        drawn = json.loads(harness.execute(["node", str(harness.ROOT / "test/e2e/report_page.js"), str(page)]).stdout)
        squeezed = " ".join(drawn["text"].split())
        absent = [f"{e} {kind}" for e in used for kind in ("predicted", "measured") if f"{e} {kind}" not in squeezed]
        test.check(f"{name}: lanes", absent and f"the page does not show {absent}")


def check_scene(test, name, extra):
    folder = minilm.package_folder()
    program = test.work / name.replace(" ", "-")
    integers = any("w8a8" in argument for argument in extra)
    if integers:
        samples = test.work / "samples"
        lines = (quantise_test.SENTENCES / "calibration.txt").read_text().splitlines()
        quantise_test.save_samples(samples, minilm.encode(lines, folder, SEQUENCE), BATCH)
        extra = extra + ["--calibrate", str(samples)]
    model, bar, scale = test.arguments.model, FLOATS, 0
    if "halves" in name or "halved" in name:
        bar, scale = HALVES, 1
    if "halves" in name:
        model = test.work / "halves.onnx"
        onnx_halves.convert(test.arguments.model, model)
    test.compile(model, program, {"batch": BATCH, "sequence": SEQUENCE}, "--name", "minilm", "--soc",
                 "devkit", *extra)
    used = check_places(test, name, json.loads((program / "minilm.report.json").read_text()))
    done = harness.execute([test.tool("tercet-check"), str(program)], expect=None)
    test.check(f"{name}: checker", done.returncode and done.stdout + done.stderr)
    for row in range(2):
        feeds = minilm.encode(minilm.SENTENCES[row:row + 1], folder, SEQUENCE)
        expected = small.expected(test.arguments.model, feeds)
        got = test.run(program, feeds, list(expected))
        if integers:
            cosine = float(quantise_test.cosines(got["sentence_embedding"], expected["sentence_embedding"]).min())
            print(f"{name}, sentence {row}: cosine {cosine:.5f}")
            test.check(f"{name}, sentence {row}", None if cosine >= COSINE else f"cosine {cosine}, below {COSINE}")
            continue
        worst = max(float((np.abs(got[key] - value) / (1 + scale * np.abs(value))).max()) for key, value in expected.items())
        print(f"{name}, sentence {row}: largest difference {worst:.2g}")
        # Written so that a NaN fails.
        test.check(f"{name}, sentence {row}", None if worst <= bar else f"{worst} is more than {bar}")
    check_page(test, name, program, feeds, used)


class Decoder:
    """The trained language model with weights in f32."""

    def __init__(self, test):
        self.test = test
        self.file = test.work / "tiny_f32.gguf"
        tiny_lm.write_floats(tiny_lm.FILE, self.file)
        self.ids = tiny_lm.heldout_tokens(700)

    def compile(self, name, *extra):
        program = self.test.work / name.replace(" ", "-")
        self.test.compile(self.file, program, None, "--name", "lm", "--context", str(CONTEXT), *extra)
        done = harness.execute([self.test.tool("tercet-check"), str(program)], expect=None)
        self.test.check(f"{name}: checker", done.returncode and done.stdout + done.stderr)
        return program

    def generate(self, program, prompt, count, *extra):
        """Greedy tokens."""
        file = self.test.work / "prompt.txt"
        file.write_text(" ".join(map(str, prompt)))
        done = subprocess.run([self.test.tool("tercet-generate"), str(program), "--tokens", str(file), "--n", str(count),
                               "--quiet", *map(str, extra)], capture_output=True, text=True, timeout=900)
        if done.returncode:
            raise harness.CommandFailed(f"{harness.status_text(done.returncode)}: {done.stdout} {done.stderr}")
        return [int(token) for token in done.stdout.split()]

    def logits(self, program, prompt):
        file = self.test.work / "logits.npy"
        self.generate(program, prompt, 1, "--logits-out", file)
        return np.load(file)[:len(prompt)]

    def samples(self):
        """Inputs of `decode` for calibration: some tokens of a text, each with the caches of what is before it."""
        model = tiny_lm.Model(self.file, np.float16)
        model.append(self.ids[:100])
        folder = self.test.work / "decoder-samples"
        for position in range(2, 100, 9):
            sample = folder / f"at-{position}"
            sample.mkdir(parents=True, exist_ok=True)
            np.save(sample / "tokens.npy", np.array([[self.ids[position]]], np.int64))
            np.save(sample / "position.npy", np.array(position, np.int64))
            for i in range(model.layers):
                # The program has the first elements of all pairs before the second ones.
                keys = np.concatenate([model.keys[i][..., 0::2], model.keys[i][..., 1::2]], axis=-1)
                for kind, rows in (("key", keys), ("value", model.values[i])):
                    cache = np.zeros((1, CONTEXT, *rows.shape[1:]), np.float16)
                    cache[0, :position] = rows[:position]
                    np.save(sample / f"cache.{i}.{kind}.npy", cache)
        return folder

    def same_tokens(self, name, alone, *extra):
        """Returns the engines that each entry has kernels on."""
        program = self.compile(name, "--soc", "devkit", "--prefill", "64,16", *extra)
        # In pieces of 64, 16 and single tokens; and the caches go on from where they were saved.
        prompt = self.ids[:83]
        expected = self.generate(alone, prompt, COUNT)
        got = self.generate(program, prompt, COUNT)
        self.test.check(f"{name}: tokens", None if got == expected else f"expected {expected}, got {got}")
        session = self.test.work / "session"
        session.unlink(missing_ok=True)
        first = self.generate(program, prompt, 20, "--session", session)
        rest = self.generate(program, prompt + first, COUNT - 20, "--session", session)
        self.test.check(f"{name}: session", None if first + rest == expected else f"expected {expected}, got {first + rest}")
        found, exact = self.logits(program, self.ids[:12]), self.logits(alone, self.ids[:12])
        worst = float(np.max(np.linalg.norm(found - exact, axis=-1) / np.linalg.norm(exact, axis=-1)))
        print(f"{name}: a row of logits is at most {worst:.2g} off")
        self.test.check(f"{name}: logits", None if worst <= LOGITS else f"a row is {worst} off, more than {LOGITS}")
        return program

    def engines(self, program):
        """Of each entry the engines that have kernels in it."""
        report = json.loads((program / "lm.report.json").read_text())
        return {entry["name"]: {command["engine"] for command in entry["commands"] if "kernel" in command}
                for entry in report["entries"]}

    def page(self, name, program, used):
        feeds, file, page = {"tokens": np.array([[self.ids[0]]], np.int64)}, program / "profile.json", program / "profile.html"
        self.test.run(program, feeds, ["logits"], "--entry", "decode", "--scalar", "position=0", "--repeat", "2",
                      "--profile", str(file))
        harness.execute([self.test.tool("tercet-report"), str(program), "--profile", str(file), "-o", str(page)])
        text = page.read_text()
        begin = text.index('id="profile">') + len('id="profile">')
        commands = json.loads(text[begin:text.index("</script>", begin)])["commands"]
        measured = {c["engine"] for c in commands if c["end_ns"] > c["start_ns"]}
        self.test.check(f"{name}: measured", None if measured == used else f"{sorted(measured)} instead of {sorted(used)}")


def on_the_gpu(decoder, alone):
    name = "decoder on the gpu"
    program = decoder.same_tokens(name, alone, "--pin", "*=gpu")
    engines = decoder.engines(program)
    other = {entry: sorted(used) for entry, used in engines.items() if used != {"gpu"}}
    decoder.test.check(f"{name}: places", f"kernels on {other}" if other or len(engines) != 3 else None)


def by_cost(decoder, alone):
    name = "decoder by cost"
    program = decoder.same_tokens(name, alone, "--pin", "blk.?.attn=gpu")
    engines = decoder.engines(program)
    # A token at a time, products are too small for the GPU; a cache that both work on is no hindrance.
    other = {entry: sorted(used) for entry, used in engines.items() if used != {"cpu", "gpu"}}
    decoder.test.check(f"{name}: places", f"kernels on {other}" if other or len(engines) != 3 else None)


def all_three(decoder, alone):
    name = "decoder on all three"
    program = decoder.compile(name, "--soc", "devkit", "--prefill", "none", "--quantize",
                              ";".join(f"blk.[01].{product}=w8a8" for product in ("attn_output", "ffn_gate", "ffn_up")),
                              "--calibrate", str(decoder.samples()), "--pin", "blk.[01].ffn_up=npu", "--pin",
                              "blk.[01].attn_output=npu", "--pin", "blk.?.attn=gpu")
    used = decoder.engines(program)["decode"]
    decoder.test.check(f"{name}: places", None if used == {"cpu", "gpu", "npu"} else f"only {sorted(used)} are used")
    prompt = decoder.ids[100:140]
    got, expected = decoder.logits(program, prompt), decoder.logits(alone, prompt)
    cosine = float(quantise_test.cosines(got, expected).min())
    print(f"{name}: least cosine of logits {cosine:.5f}")
    decoder.test.check(f"{name}: logits", None if cosine >= LOGITS_COSINE else f"cosine {cosine}, below {LOGITS_COSINE}")
    decoder.page(name, program, used)


def in_groups(decoder, _):
    """Weights stay packed on the GPU. What it adds in another order may round an activation to the next code."""
    for scheme in ("w8", "w4g32"):
        name = f"decoder on the gpu in {scheme}"
        options = ("--prefill", "64,16", "--quantize", scheme)
        program = decoder.compile(name, "--soc", "devkit", "--pin", "*=gpu", *options)
        other = {entry: sorted(used) for entry, used in decoder.engines(program).items() if used != {"gpu"}}
        decoder.test.check(f"{name}: places", f"kernels on {other}" if other else None)
        alone = decoder.compile(f"decoder alone in {scheme}", *options)
        prompt = decoder.ids[200:283]
        found, exact = decoder.logits(program, prompt), decoder.logits(alone, prompt)
        worst = float(np.max(np.linalg.norm(found - exact, axis=-1) / np.linalg.norm(exact, axis=-1)))
        print(f"{name}: a row of logits is at most {worst:.2g} off")
        decoder.test.check(f"{name}: logits", None if worst <= GROUP_LOGITS else f"a row is {worst} off, more than {GROUP_LOGITS}")


def check_decoder(test):
    scenes = {"decoder on the gpu in groups": in_groups, "decoder on the gpu": on_the_gpu, "decoder by cost": by_cost,
              "decoder on all three": all_three}
    wanted = [scene for name, scene in scenes.items() if test.wanted(name)]
    if not wanted:
        return
    try:
        decoder = Decoder(test)
        alone = decoder.compile("decoder alone", "--prefill", "64,16")
        for scene in wanted:
            scene(decoder, alone)
    except harness.CommandFailed as error:
        test.check("decoder", str(error))


def main():
    parser = harness.parser("MiniLM on three engines")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="the ONNX file that minilm.py wrote")
    test = harness.Test(parser.parse_args())
    for name, extra in SCENES.items():
        if not test.wanted(name):
            continue
        try:
            check_scene(test, name, extra)
        except harness.CommandFailed as error:
            test.check(name, str(error))
    check_decoder(test)
    test.finish()


if __name__ == "__main__":
    main()
