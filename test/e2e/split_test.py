# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Programs for two engines, run on two engines: every kind of operation cut into shares, as the compiler likes them and
# as this test forces them through text, at even, uneven and least cuts; pins, requirements and budgets, kept or
# refused in one line; the same bits in a thousand runs; and a block that two engines finish sooner than the best one.
# Results are onnxruntime's, and tercet-check accepts every program.

import json
import re
import sys

import harness
import graph
import perceptron
import small
import split

sys.path.insert(0, str(harness.ROOT / "test" / "bench"))
import program  # noqa: E402
import two_engines  # noqa: E402

SOC = ["--soc", "host-split"]
# The exit status by which ctest knows that nothing was tested.
SKIPPED = 77
TOLERANCE = 1e-4
# A group as partition-assign-engines prints it once it is pinned.
PINNED = re.compile(r'soc\.group on "cpu0" variant (<[^>]*>)(?: among \[.*?\])?(\([^)]*\) : \([^)]*\) -> )'
                    r'(\(?tensor<((?:\d+x)*)[a-z]\w*>)', re.S)


def rows_of(shape):
    """Size of the outermost dimension of more than one element, 0 if there is none."""
    return next((int(size) for size in shape.split("x") if size and int(size) > 1), 0)


def cut(text, place):
    """Gives every group that can be cut two shares, the first of place(rows, granularity) rows. Returns the text and
    the shares as (rows, first)."""
    made = []

    def replace(m):
        variant, operands, result, shape = m.groups()
        granularity = re.search(r"granularity = (\d+)", variant)
        rows = rows_of(shape)
        if not granularity or rows < 2 or result.startswith("("):
            return m[0]
        first = min(max(place(rows, int(granularity[1])), 1), rows - 1)
        made.append((rows, first))
        share = lambda engine, begin, size: (f'#soc.share<"{engine}", begin = {begin}, size = {size}, '
                                             f'variant = {variant}>')
        shares = ", ".join((share("cpu0", 0, first), share("cpu1", first, rows - first)))
        return f"soc.group shares [{shares}] {operands}{result}"

    return PINNED.sub(replace, text), made


class Split(harness.Test):
    def __init__(self, arguments):
        super().__init__(arguments)
        self.skipped = 0

    def compare(self, name, folder, feeds, expected, threads=("1", "2")):
        """Proves the program and runs it with so many workers for each engine."""
        try:
            said = harness.execute([self.tool("tercet-check"), str(folder)], expect=None)
            self.check(f"{name} tercet-check", said.returncode and (said.stdout + said.stderr)[-400:])
            for count in threads:
                got = self.run(folder, feeds, list(expected), "--threads", count)
                problems = [harness.difference(got[k], v, TOLERANCE) for k, v in expected.items()]
                self.check(f"{name} on {count} threads", "; ".join(p for p in problems if p))
        except harness.CommandFailed as error:
            self.check(name, str(error))

    # --- shares ---------------------------------------------------------------------------------------------------
    def shares(self):
        cut_kinds, count = set(), 0
        for name, model, feeds in split.models():
            if not self.wanted(f"shares {name}"):
                continue
            path, folder, forced = self.work / f"{name}.onnx", self.work / name, self.work / "forced"
            graph.save(model, path)
            expected = small.expected(path, feeds)
            try:
                self.compile(path, folder, None, *SOC)
                self.compare(f"shares {name}", folder, feeds, expected)
                placed = self.pinned_text(path)
            except harness.CommandFailed as error:
                self.check(f"shares {name}", str(error))
                continue
            tried = []
            for how, place in (("half", lambda rows, step: rows // 2), ("least", lambda rows, step: 1),
                               ("most", lambda rows, step: rows - 1), ("step", lambda rows, step: step),
                               ("beyond a step", lambda rows, step: step + 1)):
                text, made = cut(placed, place)
                if not made or made in tried:
                    continue
                tried.append(made)
                count += 1
                if count % self.arguments.every:
                    continue
                cut_kinds.add(name)
                source = self.work / f"{name}.mlir"
                source.write_text(text)
                case = f"shares {name}, {how} ({', '.join(f'{first} of {rows}' for rows, first in made)})"
                try:
                    self.compile(source, forced, None, "--start-from", "partition", "--name", "forced")
                except harness.CommandFailed as error:
                    self.check(case, str(error))
                    continue
                self.check(f"{case} engines", self.engines_of(forced, "forced") != {"cpu0", "cpu1"}
                           and "not both engines have commands")
                self.compare(case, forced, feeds, expected, ("1",))
        return cut_kinds

    def pinned_text(self, path):
        """The model with every group whole on the first engine, before shares are applied."""
        graph_text = harness.execute(self.compile_command(path, self.work / "unused", None, *SOC) +
                                     ["--stop-after", "graph"]).stdout
        source = self.work / "graph.mlir"
        source.write_text(graph_text)
        return harness.execute([self.tool("tercet-opt"), str(source), "--partition-assign-pins=pins=*=cpu0",
                                "--partition-assign-engines", "--mlir-print-debuginfo"]).stdout

    def engines_of(self, folder, name):
        report = json.loads((folder / f"{name}.report.json").read_text())
        return {c["engine"] for e in report["entries"] for c in e["commands"] if c["op"] == "dispatch"}

    # --- pins and what is refused ---------------------------------------------------------------------------------
    def block_model(self, rows=64, columns=96, inner=128):
        path = self.work / f"block{rows}.onnx"
        if not path.exists():
            graph.save(perceptron.block(rows, columns, inner), path)
        feeds = perceptron.feeds(rows, columns)
        return path, feeds, small.expected(path, feeds)

    def pins(self):
        path, feeds, expected = self.block_model()
        for name, pins, engines in (("all", ["*=cpu1"], {"cpu1"}), ("one layer", ["/layers.0/*=cpu1"], None),
                                    ("the later wins", ["*=cpu0", "*=cpu1"], {"cpu1"}),
                                    ("one each", ["/layers.0/*=cpu1", "/layers.1/*=cpu0"], {"cpu0", "cpu1"})):
            folder = self.work / "pins"
            flags = [f for pin in pins for f in ("--pin", pin)]
            try:
                self.compile(path, folder, None, *SOC, *flags, "--name", "pinned")
            except harness.CommandFailed as error:
                self.check(f"pin {name}", str(error))
                continue
            found = self.engines_of(folder, "pinned")
            self.check(f"pin {name} engines", engines and found != engines and f"runs on {sorted(found)}")
            self.compare(f"pin {name}", folder, feeds, expected)
        # What is pinned satisfies what is required, and the other way round.
        for name, flags in (("required", ["--pin", "*=cpu1", "--require-engine", "*=cpu1"]),
                            ("no fallback", ["--forbid-fallback"])):
            done = harness.execute(self.compile_command(path, self.work / "pins", None, *SOC, *flags), expect=None)
            self.check(f"pin {name}", done.returncode and done.stderr)

    def refuse(self, name, flags, *words, model=None):
        """Exit status 1, one line that holds all words, no artifact."""
        folder = self.work / "refused"
        path = model or self.block_model()[0]
        done = harness.execute(self.compile_command(path, folder, None, *flags), expect=None)
        lines = done.stderr.splitlines()
        problem = None
        if done.returncode != 1:
            problem = f"{harness.status_text(done.returncode)} {done.stderr[-300:]}"
        elif len(lines) != 1 or not lines[0].startswith("tercet-compile: error: "):
            problem = f"expected one line of error, got {done.stderr[-600:]!r}"
        elif missing := [w for w in words if w not in done.stderr]:
            problem = f"no {missing} in {done.stderr!r}"
        elif folder.exists():
            problem = f"left {sorted(p.name for p in folder.iterdir())} behind"
        self.check(f"refuse {name}", problem)
        return done.stderr

    def refusals(self):
        self.refuse("a pin on no engine", SOC + ["--pin", "*=npu"], "--pin *=npu", "no engine 'npu'")
        self.refuse("a pin on no node", SOC + ["--pin", "/nowhere/*=cpu1"], "no node", "/nowhere/*")
        self.refuse("a pin without engine", SOC + ["--pin", "*"], "PATTERN=ENGINE")
        self.refuse("a broken pattern", SOC + ["--pin", "[=cpu0"], "'['")
        self.refuse("an engine of another machine", ["--pin", "*=cpu1"], "no engine 'cpu1'")
        self.refuse("no engine required", SOC + ["--require-engine", "*=npu"], "--require-engine", "no engine 'npu'")
        self.refuse("no node required", SOC + ["--require-engine", "/nowhere=cpu0"], "no node")
        self.refuse("placed elsewhere", SOC + ["--pin", "/layers.0/*=cpu0", "--require-engine", "/layers.0/*=cpu1"],
                    "/layers.0/", "cpu1", "pinned")
        # The default places parts of the block on both.
        self.refuse("shared", SOC + ["--require-engine", "/layers.0/*=cpu0"], "required to run on 'cpu0'",
                    model=self.block_model(256, 256, 512)[0])
        self.refuse("an unknown machine", ["--soc", "nothing"], "nothing")

    # --- budgets --------------------------------------------------------------------------------------------------
    def budgets(self):
        for soc in (["--soc", "host"], SOC):
            case = soc[1]
            model, feeds, expected = self.block_model(256, 256, 512)
            options = soc + ["--workers", "4"]
            try:
                self.compile(model, self.work / "budget", None, *options, "--name", "budget")
            except harness.CommandFailed as error:
                self.check(f"budget {case}", str(error))
                continue
            report = json.loads((self.work / "budget" / "budget.report.json").read_text())
            need = next(p["bytes"] for p in report["pools"] if p["name"] == "arena")
            self.compile(model, self.work / "budget", None, *options, "--memory-budget", f"arena={need}")
            said = self.refuse(f"budget {case}, one byte less", options + ["--memory-budget", f"arena={need - 1}"],
                               "pool 'arena'", f"requires {need} bytes", f"available are {need - 1}", "excess of 1",
                               "largest at the peak: '/layers", "try ", model=model)
            self.refuse(f"budget {case}, next to nothing", options + ["--memory-budget", "arena=64"], "requires",
                        "no plan of these tensors can fit", model=model)
            # A lever that says what it saves is tried at the size that it names.
            levers = re.findall(r"--workers (\d+) \((\d+) bytes(, fits)?\)", said)
            for workers, promised, _ in levers:
                lever = soc + ["--workers", workers, "--memory-budget", f"arena={promised}"]
                done = harness.execute(self.compile_command(model, self.work / "lever", None, *lever), expect=None)
                self.check(f"budget {case}, --workers {workers} fits in {promised}", done.returncode and done.stderr)
            print(f"budget {case}: {need} bytes on 4 workers, levers {levers}")

    # --- many runs ------------------------------------------------------------------------------------------------
    def same_bits(self):
        """Both engines work on what the other wrote, over and over: a missing wait shows as other bits."""
        for name, threads in (("one worker", 1), ("two workers", 2)):
            model, feeds, expected = self.block_model(64, 96, 128)
            folder = self.work / f"bits{threads}"
            try:
                self.compile(model, folder, None, *SOC, "--workers", "2", "--emit", "shared", "--name", f"bits{threads}")
                runs = program.Program(folder, f"bits{threads}", threads)
            except (harness.CommandFailed, RuntimeError) as error:
                self.check(f"same bits, {name}", str(error))
                continue
            self.check(f"same bits, {name}, engines",
                       self.engines_of(folder, f"bits{threads}") != {"cpu0", "cpu1"} and "not both have commands")
            runs.feed(feeds)
            first = {k: v.copy() for k, v in runs.run().items()}
            different = 0
            for repeat in range(1000):
                for memory in runs.arenas.values() if repeat % 50 == 0 else ():
                    memory[:] = repeat % 251
                different += any(v.tobytes() != first[k].tobytes() for k, v in runs.run().items())
            runs.close()
            self.check(f"same bits, {name}", different and f"{different} of 1000 runs differ from the first")
            problems = [harness.difference(first[k], v, TOLERANCE) for k, v in expected.items()]
            self.check(f"same bits, {name}, results", "; ".join(p for p in problems if p))

    # --- speed ----------------------------------------------------------------------------------------------------
    def speed(self):
        quiet = two_engines.parallelism()
        if quiet < two_engines.QUIET:
            self.skipped += 1
            print(f"skipped: speed of two engines: two busy processes did {quiet:.2f} times what one does, expected "
                  f"{two_engines.QUIET}; the machine is in use or has one core")
            return
        both, single = two_engines.block_seconds(self.arguments.tools, self.work / "speed")
        quieter = two_engines.parallelism()
        print(f"block of 512 x 1024 x 1024: {both * 1e3:.2f} ms on two engines, {single * 1e3:.2f} ms on one, ratio "
              f"{both / single:.2f}; two processes did {quiet:.2f} and {quieter:.2f} times what one does")
        if quieter < two_engines.QUIET:
            self.skipped += 1
            print("skipped: speed of two engines: the machine was not left alone meanwhile")
            return
        self.check("two engines are faster", both >= single and f"{both * 1e3:.2f} ms against {single * 1e3:.2f} ms")


def main():
    parser = harness.parser("two engines")
    parser.add_argument("--every", type=int, default=1, help="of the forced cuts only every N-th")
    parser.add_argument("--no-speed", action="store_true", help="without measuring")
    test = Split(parser.parse_args())
    kinds = test.shares()
    if test.wanted("shares") and not test.arguments.only and test.arguments.every == 1:
        missing = {name for name, _, _ in split.models()} - kinds
        test.check("shares of every kind", missing and f"none of {sorted(missing)} was cut")
    for part in (test.pins, test.refusals, test.budgets, test.same_bits, test.speed):
        if test.wanted(part.__name__) and not (part == test.speed and test.arguments.no_speed):
            part()
    if test.skipped:
        print(f"{test.skipped} skipped")
        if not test.passed + test.failed:
            sys.exit(SKIPPED)
    test.finish()


if __name__ == "__main__":
    main()
