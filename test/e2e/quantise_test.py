# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Models quantised to 8 bits, compiled and run as a user does. MiniLM is calibrated on 64 sentences and judged on 200
# others: the cosine of every embedding to the float model's, the order of the demo's similarities, and the share of its
# multiply-adds that the report places on the NPU in w8a8. The ViT of patterns.py is judged by its logits and by the
# classes that it gives to drawings. The float side is onnxruntime's.

import json
import pathlib
import shutil

import numpy as np
import onnx

import harness
import minilm
import patterns
import small

SENTENCES = harness.ROOT / "test" / "models" / "sentences"
# Of every sentence, and on the average.
COSINE, MEAN = 0.995, 0.998
SHARE = 0.9
# Similarities of the demo that are closer than this may change places: each is off by up to 0.013.
NEAR = 0.02


def save_samples(folder, feeds, batch):
    """A folder a sample, each of `batch` rows."""
    for number in range(len(next(iter(feeds.values()))) // batch):
        sample = folder / f"{number:03}"
        sample.mkdir(parents=True, exist_ok=True)
        for name, value in feeds.items():
            np.save(sample / f"{name}.npy", value[number * batch:(number + 1) * batch])


def run_rows(test, program, feeds, output, batch):
    """`output` for every row of `feeds`, `batch` at a time; the last ones are repeated to fill a batch."""
    count = len(next(iter(feeds.values())))
    rows = []
    for begin in range(0, count, batch):
        index = np.minimum(np.arange(begin, begin + batch), count - 1)
        got = test.run(program, {name: value[index] for name, value in feeds.items()}, [output])
        rows.append(got[output])
    return np.concatenate(rows)[:count]


def cosines(got, expected):
    return (got * expected).sum(1) / np.maximum(np.linalg.norm(got, axis=1) * np.linalg.norm(expected, axis=1), 1e-30)


# --- where multiply-adds are computed ---------------------------------------------------------------------------------
def multiply_adds(model, tokens, keys, hidden):
    """Node name -> multiply-adds of each product of an encoder; one of two activations is half an attention."""
    constants = {t.name: tuple(t.dims) for t in model.graph.initializer}
    result = {}
    for node in model.graph.node:
        if node.op_type == "MatMul":
            shape = next((constants[i] for i in node.input if i in constants), None)
            result[node.name] = tokens * (int(np.prod(shape)) if shape else keys * hidden)
    return result


def share_of(report, work, kind, precision="i8"):
    """The part of `work` (node -> amount) that commands of such engines compute in that type, and the nodes of which less
    than all is there, with the part. Of a shared group each engine has the part of the work that it has of the rows."""
    kinds = {engine["name"]: engine["kind"] for engine in report["machine"]["engines"]}
    amounts = {node: [0, 0] for node in work}
    for entry in report["entries"]:
        for command in entry["commands"]:
            nodes = [node for node in command.get("nodes", ()) if node in work]
            if nodes and "precision" not in command:
                raise harness.CommandFailed(f"the report does not say in what precision {nodes[0]} is computed")
            rows = command.get("rows", {"begin": 0, "end": 1})
            for node in nodes:
                amounts[node][1] += rows["end"] - rows["begin"]
                if kinds[command["engine"]] == kind and command.get("precision") == precision:
                    amounts[node][0] += rows["end"] - rows["begin"]
    missing = sorted(node for node, (_, rows) in amounts.items() if not rows)
    if missing:
        raise harness.CommandFailed(f"the report does not say where {missing[:3]} are computed")
    parts = {node: there / rows for node, (there, rows) in amounts.items()}
    return (sum(work[node] * part for node, part in parts.items()) / sum(work.values()),
            {node: part for node, part in sorted(parts.items()) if part < 1})


def check_share(test, name, report, work, least):
    try:
        share, others = share_of(report, work, test.arguments.engine)
    except harness.CommandFailed as error:
        test.check(f"{name}: share", str(error))
        return
    print(f"{name}: multiply-adds in w8a8 on the {test.arguments.engine}: {share:.1%}; {len(others)} of {len(work)} products "
          f"are not there, or not all of them: {', '.join(f'{node} {part:.0%}' for node, part in list(others.items())[:6]) or 'none'}")
    test.check(f"{name}: share", share < least and f"{share:.1%}, below {least:.0%}")
    # The report's own sums say the same.
    totals = {}
    kinds = {engine["name"]: engine["kind"] for engine in report["machine"]["engines"]}
    for command in (command for entry in report["entries"] for command in entry["commands"]):
        key = kinds[command["engine"]] == test.arguments.engine and command.get("precision") == "i8"
        totals[key] = totals.get(key, 0) + command.get("multiply_adds", 0)
    own = totals.get(True, 0) / max(1, sum(totals.values()))
    test.check(f"{name}: share of the report", abs(own - share) > 0.01 and f"{own:.1%} in the report, {share:.1%} from the model")


# --- work at the same time --------------------------------------------------------------------------------------------
def together(intervals):
    """For how long two or more of the engines of (engine, from, to) are at work."""
    changes = sorted((at, by, engine) for engine, begin, end in intervals if begin < end for at, by in ((begin, 1), (end, -1)))
    running, last, total = {}, 0, 0
    for at, by, engine in changes:
        if sum(count > 0 for count in running.values()) > 1:
            total += at - last
        running[engine] = running.get(engine, 0) + by
        last = at
    return total


def check_overlap(test, name, program, report, feeds, output):
    """CPU and NPU work at once, as planned and as measured, and the page with the profile shows both lanes of both."""
    entry, = report["entries"]
    planned = together([(c["engine"], c["start_ps"], c["end_ps"]) for c in entry["commands"]])
    file, page = program / "profile.json", program / "profile.html"
    test.run(program, feeds, [output], "--repeat", "2", "--profile", str(file))
    harness.execute([test.tool("tercet-report"), str(program), "--profile", str(file), "-o", str(page)])
    text = page.read_text()
    begin = text.index('id="profile">') + len('id="profile">')
    commands = json.loads(text[begin:text.index("</script>", begin)])["commands"]
    measured = together([(c["engine"], c["start_ns"], c["end_ns"]) for c in commands])
    whole = max(c["end_ns"] for c in commands)
    print(f"{name}: engines at once {planned / 1e9:.2f} ms as planned; {measured / 1e6:.1f} of {whole / 1e6:.1f} ms as measured")
    test.check(f"{name}: overlap planned", planned <= 0 and "no two engines work at the same time")
    test.check(f"{name}: overlap measured", measured <= 0 and "no two engines worked at the same time")
    said = harness.execute([test.tool("tercet-report"), str(program), "--profile", str(file)]).stdout
    counted = [c for c in commands if c.get("packets")]
    test.check(f"{name}: packets", not ("MAC/packet" in said and "measured" in said and counted) and f"{len(counted)} counted\n{said[-2000:]}")
    if shutil.which("node"):
        drawn = json.loads(harness.execute(["node", str(harness.ROOT / "test/e2e/report_page.js"), str(page)]).stdout)
        used = {c["engine"] for c in entry["commands"]}
        lanes = [f"{engine}   {kind}" for engine in used for kind in ("predicted", "measured")]
        lines = [line for line in ("predicted: engines at once", "measured: engines at once", "Packets") if line not in drawn["text"]]
        squeezed = " ".join(drawn["text"].split())
        absent = lines + [lane for lane in lanes if " ".join(lane.split()) not in squeezed]
        test.check(f"{name}: page", absent and f"the page does not show {absent}")


# --- models -----------------------------------------------------------------------------------------------------------
def compile_quantised(test, model, name, dims, samples):
    program = test.work / name
    pins = [f"--pin={pin}" for pin in test.arguments.pin]
    soc = test.arguments.soc
    if test.arguments.without:
        soc = str(harness.machine_without(soc, test.arguments.without, test.work))
    test.compile(model, program, dims, "--name", name, "--soc", soc, "--quantize", test.arguments.spec,
                 "--calibrate", str(samples), *pins)
    return program, json.loads((program / f"{name}.report.json").read_text())


def check_ranking(test, got, expected):
    """The order of all similarities of the demo's sentences, and each one's nearest."""
    a, b = got @ got.T, expected @ expected.T
    pairs = np.triu_indices(len(a), 1)
    x, y = a[pairs], b[pairs]
    far = y[:, None] - y[None, :] > NEAR
    turned = int((far & (x[:, None] <= x[None, :])).sum())
    print(f"similarities: {far.sum()} ordered pairs, {turned} turned round")
    test.check("order of similarities", turned and f"{turned} of {far.sum()} pairs are the other way round")
    for matrix in (a, b):
        np.fill_diagonal(matrix, -1)
    lost = b.max(1) - b[np.arange(len(b)), a.argmax(1)]
    print(f"most alike: {np.count_nonzero(lost)} others than before, by {lost.max():.4f} at most")
    wrong = np.flatnonzero(lost > NEAR)
    test.check("most alike", len(wrong) and f"sentences {wrong + 1} are most like others than before")


def check_minilm(test):
    arguments = test.arguments
    folder, batch, length = minilm.package_folder(), arguments.batch, arguments.sequence
    lines = {name: (SENTENCES / f"{name}.txt").read_text().splitlines() for name in ("calibration", "evaluation")}
    samples = test.work / "minilm-samples"
    save_samples(samples, minilm.encode(lines["calibration"], folder, length), batch)
    dims = {"batch": batch, "sequence": length}
    program, report = compile_quantised(test, arguments.model, "minilm", dims, samples)

    config = minilm.load_config(folder)
    work = multiply_adds(onnx.load(arguments.model), batch * length, length, config.hidden)
    check_share(test, "minilm", report, work, SHARE)

    every = max(1, arguments.every)
    feeds = minilm.encode(lines["evaluation"][::every], folder, length)
    expected = small.expected(arguments.model, feeds)["sentence_embedding"]
    found = cosines(run_rows(test, program, feeds, "sentence_embedding", batch), expected)
    print(f"cosine of {len(found)} embeddings: mean {found.mean():.5f}, median {np.median(found):.5f}, "
          f"least {found.min():.5f}; {int((found < COSINE).sum())} below {COSINE}")
    # Written so that a NaN fails.
    for row in np.flatnonzero(~(found >= COSINE))[:5]:
        print(f"  {found[row]:.5f} {lines['evaluation'][::every][row]}")
    if arguments.overlap:
        check_overlap(test, "minilm", program, report, {key: value[:batch] for key, value in feeds.items()}, "sentence_embedding")
    test.check("mean cosine", None if found.mean() >= MEAN else f"{found.mean():.5f}, below {MEAN}")
    test.check("least cosine", None if found.min() >= COSINE else f"{found.min():.5f}, below {COSINE}")

    feeds = minilm.encode(minilm.SENTENCES, folder, length)
    got = run_rows(test, program, feeds, "sentence_embedding", batch)
    check_ranking(test, got, small.expected(arguments.model, feeds)["sentence_embedding"])


def check_patterns(test):
    model = patterns.build()
    path, samples = test.work / "patterns.onnx", test.work / "patterns-samples"
    onnx.save_model(model, str(path))
    save_samples(samples, {"pixel_values": patterns.drawings(200, 32)[0]}, 1)
    program, report = compile_quantised(test, path, "patterns", {"batch": 1}, samples)
    config = patterns.CONFIG
    tokens = (config.height // config.patch) * (config.width // config.patch) + 1
    # Small as it is, the cost model may keep some of it on the CPU, but not all.
    check_share(test, "patterns", report, multiply_adds(model, tokens, tokens, config.hidden), 1e-9)
    images, classes = patterns.drawings(300, max(10, 50 // test.arguments.every))
    expected = patterns.evaluate(model, images, "logits")
    got = run_rows(test, program, {"pixel_values": images}, "logits", 1)
    found = cosines(got, expected)
    print(f"patterns: cosine of logits: mean {found.mean():.5f}, least {found.min():.5f}; right "
          f"{(got.argmax(1) == classes).mean():.0%} (float {(expected.argmax(1) == classes).mean():.0%})")
    test.check("patterns: logits", None if found.mean() >= 0.99 else f"mean cosine {found.mean():.5f}")
    # A class may change only where the float model hesitates.
    order = np.sort(expected, axis=1)
    sure = order[:, -1] - order[:, -2] > 0.25 * expected.std()
    wrong = sure & (got.argmax(1) != expected.argmax(1))
    test.check("patterns: classes", wrong.any() and f"{wrong.sum()} of {sure.sum()} sure classes changed")


def main():
    parser = harness.parser("quantised models against float ones")
    parser.add_argument("--model", type=pathlib.Path, help="the ONNX file that minilm.py wrote")
    parser.add_argument("--soc", default="devkit", help="machine (default devkit)")
    parser.add_argument("--without", action="append", default=[], help="an engine of it to leave out; may be given several times")
    parser.add_argument("--engine", default="npu", help="kind of the engine that is to compute in w8a8 (default npu)")
    parser.add_argument("--spec", default="w8a8", help="for --quantize (default w8a8)")
    parser.add_argument("--pin", action="append", default=[], help="a --pin of the compiler; may be given several times")
    parser.add_argument("--batch", type=int, default=8, help="sentences in one inference (default 8)")
    parser.add_argument("--sequence", type=int, default=64, help="tokens of a sentence (default 64)")
    parser.add_argument("--overlap", action="store_true", help="engines have to work at the same time")
    parser.add_argument("--every", type=int, default=1, help="only every Nth sentence or drawing")
    test = harness.Test(parser.parse_args())
    for name, check in (("minilm", check_minilm), ("patterns", check_patterns)):
        if not test.wanted(name) or (name == "minilm" and test.arguments.model is None):
            continue
        try:
            check(test)
        except harness.CommandFailed as error:
            test.check(name, str(error))
    test.finish()


if __name__ == "__main__":
    main()
