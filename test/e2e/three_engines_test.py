# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# MiniLM over CPU, GPU and NPU of the devkit, against onnxruntime: every matrix product on the GPU, of floats and of
# halves; the partition that the cost model makes by itself; and all three engines in one program, layers in 8 bits on the NPU before layers in
# floats on the GPU. What is meant to be where is read from the report, and the page with a profile has to show the lanes
# of all engines. The checker takes every program.

import json
import pathlib
import shutil

import numpy as np

import harness
import minilm
import onnx_halves
import quantise_test
import small

BATCH, SEQUENCE = 1, 64
# f32 on every engine, and layers of w8a8 on the NPU. Halves relative to 1 + |expected|, which is of floats: every value
# that is stored is rounded by 5e-4 of itself, through six layers; the CPU alone is as far (7e-3).
FLOATS, HALVES, COSINE = 1e-3, 1e-2, 0.995
SCENES = {
    "products on the gpu": ["--pin", "*MatMul*=gpu"],
    "products of halves on the gpu": ["--pin", "*MatMul*=gpu"],
    "by cost": [],
    "all three": ["--quantize", "/encoder/layer.[0-2]/*=w8a8", "--pin", "/encoder/layer.[0-2]/*=npu", "--pin",
                  "/encoder/layer.[3-4]/*=gpu"],
}


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
    if "--quantize" in extra:
        samples = test.work / "samples"
        lines = (quantise_test.SENTENCES / "calibration.txt").read_text().splitlines()
        quantise_test.save_samples(samples, minilm.encode(lines, folder, SEQUENCE), BATCH)
        extra = extra + ["--calibrate", str(samples)]
    model, bar, scale = test.arguments.model, FLOATS, 0
    if "halves" in name:
        model, bar, scale = test.work / "halves.onnx", HALVES, 1
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
        if "--quantize" in extra:
            cosine = float(quantise_test.cosines(got["sentence_embedding"], expected["sentence_embedding"]).min())
            print(f"{name}, sentence {row}: cosine {cosine:.5f}")
            test.check(f"{name}, sentence {row}", None if cosine >= COSINE else f"cosine {cosine}, below {COSINE}")
            continue
        worst = max(float((np.abs(got[key] - value) / (1 + scale * np.abs(value))).max()) for key, value in expected.items())
        print(f"{name}, sentence {row}: largest difference {worst:.2g}")
        # Written so that a NaN fails.
        test.check(f"{name}, sentence {row}", None if worst <= bar else f"{worst} is more than {bar}")
    check_page(test, name, program, feeds, used)


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
    test.finish()


if __name__ == "__main__":
    main()
