# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What tercet-compile reports is true and what tercet-report makes of it can be trusted: times, bounds, peaks and the
# arenas of other planners are computed again here from the commands alone; pages parse, carry the report unchanged
# whatever nodes are called, and draw it (where node is installed); differences are found, and only where there are any.

import copy
import html.parser
import itertools
import json
import re
import shutil
import time

import harness

HOSTILE = ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"quoted\' & \\ back', 'u\u2028v \u00e9\u4e2d\U0001f600',
           '<!--<script>', '{{script}}']


def chain(names, size=192):
    """MLIR text of matmuls in a row, each with the sum of its operand. Every third is a square: all rows of its operand are
    needed for each of its own, so that parts of it on two engines wait for each other."""
    kind = f"tensor<{size}x{size}xf32>"
    lines, value = [], "%x"

    def location(name):
        return '"' + name.replace("\\", "\\5C").replace('"', "\\22") + '"'

    for i, name in enumerate(names):
        lines += [f'  %w{i} = nn.get_weight @w{i % 3} : {kind}',
                  f'  %m{i} = linalg.matmul ins({value}, {value if i % 3 == 2 else f"%w{i}"} : {kind}, {kind}) outs(%z : {kind}) -> {kind} loc({location(name)}("MatMul"))',
                  f'  %a{i} = linalg.add ins(%m{i}, {value} : {kind}, {kind}) outs(%e : {kind}) -> {kind} loc({location(name + "/Add")}("Add"))']
        value = f"%a{i}"
    weights = "\n".join(f"nn.weight @w{i} = dense<0.{i + 1}> : {kind}" for i in range(3))
    return f"""{weights}
func.func @main(%x: {kind} {{nn.name = "x"}}) -> ({kind} {{nn.name = "y"}}) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {kind}
  %z = linalg.fill ins(%zero : f32) outs(%e : {kind}) -> {kind}
""" + "\n".join(lines) + f"\n  return {value} : {kind}\n}}\n"


# --- oracles ------------------------------------------------------------------------------------------------------------
def happens_before(commands):
    """before[b]: the commands that have completed before b starts, from queues and tokens."""
    before, last, signals = [], {}, {}
    for i, command in enumerate(commands):
        known = set()
        for earlier in [last.get(command["engine"])] + [signals[token] for token in command["waits"]]:
            if earlier is not None:
                known |= before[earlier] | {earlier}
        before.append(known)
        last[command["engine"]] = i
        if "signals" in command:
            signals[command["signals"]] = i
    return before


def together(intervals):
    """For how long two or more of the engines of (engine, from, to) are at work, and from the first to the last moment."""
    moments = sorted({at for _, begin, end in intervals if begin < end for at in (begin, end)})
    total = 0
    for begin, end in zip(moments, moments[1:]):
        active = {engine for engine, low, high in intervals if low <= begin and end <= high}
        total += end - begin if len(active) > 1 else 0
    return total, moments[-1] - moments[0] if moments else 0


def picoseconds(number, unit):
    return float(number) * {"us": 1e6, "ms": 1e9, "s": 1e12}[unit]


def aligned(size, alignment):
    return -(-size // alignment) * alignment


def greedy_by_size(buffers, conflict, alignment):
    """Peak of the largest buffer first, each into the tightest gap."""
    placed, peak = [], 0
    for index in sorted(range(len(buffers)), key=lambda i: -buffers[i]["bytes"]):
        size = aligned(buffers[index]["bytes"], alignment)
        spans = sorted((at, at + aligned(buffers[other]["bytes"], alignment)) for other, at in placed if conflict(index, other))
        best, end = None, 0
        for low, high in spans:
            if low - end >= size and (best is None or low - end < best[0]):
                best = (low - end, end)
            end = max(end, high)
        at = best[1] if best else end
        placed.append((index, at))
        peak = max(peak, at + size)
    return peak


def touched(report, entry, allocation):
    """Numbers within the entry of the commands that touch an allocation."""
    places = set(allocation["buffers"])
    base = entry["commands"][0]["index"]
    found = []
    for i, command in enumerate(entry["commands"]):
        inside = base + i >= allocation["first"] and base + i <= allocation["last"]
        used = places & ({operand["buffer"] for operand in command["operands"]} | {command.get("scratch_buffer")})
        if inside and used:
            found.append(i)
    return found


def check_memory(report, pool):
    entry, = report["entries"]
    own = [a for a in report["allocations"] if a["pool"] == pool["name"]]
    base = entry["commands"][0]["index"]
    before = happens_before(entry["commands"])
    uses = [touched(report, entry, a) for a in own]
    for allocation, commands in zip(own, uses):
        if not commands or base + commands[0] != allocation["first"] or base + commands[-1] != allocation["last"]:
            return f"allocation {allocation} is touched by commands {commands}"
        if allocation["offset"] + allocation["bytes"] > pool["bytes"]:
            return f"allocation {allocation} ends above its pool"

    def dead(a, b):
        return all(i in before[j] for i in uses[a] for j in uses[b])

    def conflict(a, b):
        return not dead(a, b) and not dead(b, a)

    for a, b in itertools.combinations(range(len(own)), 2):
        overlap = own[a]["offset"] < own[b]["offset"] + own[b]["bytes"] and own[b]["offset"] < own[a]["offset"] + own[a]["bytes"]
        if conflict(a, b) and overlap:
            return f"allocations live together overlap: {own[a]} {own[b]}"
    live = [own.index(report["allocations"][i]) for i in pool["peak"]["allocations"]]
    if not all(conflict(a, b) for a, b in itertools.combinations(live, 2)):
        return "not everything at the peak is live together"
    if [own[i]["bytes"] for i in live] != sorted((own[i]["bytes"] for i in live), reverse=True):
        return "the peak is not sorted by size"
    total = sum(aligned(own[i]["bytes"], pool["alignment"]) for i in live)
    if total != pool["peak"]["bytes"]:
        return f"{total} bytes are live at the peak, the report says {pool['peak']['bytes']}"
    if len({command["engine"] for command in entry["commands"]}) == 1:
        most = max(sum(aligned(a["bytes"], pool["alignment"]) for a, u in zip(own, uses) if u[0] <= i <= u[-1])
                   for i in range(len(entry["commands"])))
        if most != total:
            return f"{most} bytes are live at once, at the peak {total}"
    greedy = greedy_by_size(own, conflict, pool["alignment"])
    if greedy != pool["greedy_by_size_bytes"]:
        return f"greedy by size takes {greedy}, the report says {pool['greedy_by_size_bytes']}"
    if not pool["peak"]["bytes"] <= pool["bytes"] <= greedy:
        return f"planned {pool['bytes']}, bound {pool['peak']['bytes']}, greedy {greedy}"
    for arena in pool.get("separate_arenas", []):
        mine = [i for i, a in enumerate(own) if a["engine"] == arena["engine"]]
        peak = greedy_by_size([own[i] for i in mine], lambda a, b: conflict(mine[a], mine[b]), pool["alignment"])
        if peak != arena["bytes"]:
            return f"an arena for {arena['engine']} takes {peak}, the report says {arena['bytes']}"
    separate = sum(arena["bytes"] for arena in pool.get("separate_arenas", []))
    if separate and pool["bytes"] > separate:
        return f"joint arena {pool['bytes']}, separate ones {separate}"
    return None


def check_times(report):
    entry, = report["entries"]
    launch = {engine["name"]: engine["launch_ps"] for engine in report["machine"]["engines"]}
    ends, before = {}, happens_before(entry["commands"])
    for i, command in enumerate(entry["commands"]):
        if command["op"] == "dispatch" and command["end_ps"] - command["start_ps"] != command["predicted_ps"] + launch[command["engine"]]:
            return f"command {i} takes {command['end_ps'] - command['start_ps']}, predicted {command['predicted_ps']}"
        if any(entry["commands"][j]["end_ps"] > command["start_ps"] for j in before[i]):
            return f"command {i} starts before what it waits for has ended"
        ends[command["engine"]] = command["end_ps"]
    makespan = max(ends.values())
    if makespan != entry["schedule"]["makespan_ps"]:
        return f"the last command ends at {makespan}, the makespan is {entry['schedule']['makespan_ps']}"
    for proof, value in ((entry["schedule"], "makespan_ps"), (entry["partition"], "value_ps")):
        if proof[value] - proof["lower_bound_ps"] != proof["gap_ps"] or proof["optimal"] != (proof["gap_ps"] == 0) or proof["gap_ps"] < 0:
            return f"not consistent: {proof}"
    return None


def check_placement(report):
    entry, = report["entries"]
    names = [engine["name"] for engine in report["machine"]["engines"]]
    groups = {}
    for command in entry["commands"]:
        if "alternatives" not in command:
            continue
        reasons = {a["engine"]: a for a in command["alternatives"]}
        if sorted(reasons) != sorted(names) or reasons[command["engine"]]["reason"] not in ("chosen", "share"):
            return f"command {command['index']} on {command['engine']} of {names}: {reasons}"
        if "rows" in command:
            groups.setdefault(tuple(command["nodes"]), []).append((command["rows"]["begin"], command["rows"]["end"]))
    for nodes, rows in groups.items():
        rows.sort()
        if rows[0][0] != 0 or len(rows) < 2 or any(a[1] != b[0] for a, b in zip(rows, rows[1:])):
            return f"the shares of {nodes} are rows {rows}"
    return None


# --- pages --------------------------------------------------------------------------------------------------------------
class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.scripts, self.tags, self.links = [], [], []
        self._inside = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[key] for key in ("src", "href", "action", "data") if key in attributes]
        self.links += [key for key in attributes if key.startswith("on")]
        if tag == "script":
            self._inside = attributes.get("id", "")
            self.scripts.append([self._inside, ""])

    def handle_endtag(self, tag):
        if tag == "script":
            self._inside = None

    def handle_data(self, data):
        if self._inside is not None:
            self.scripts[-1][1] += data


def check_page(path, report, profile):
    text = path.read_text()
    page = Page(text)
    if [name for name, _ in page.scripts] != ["report", "profile", ""] or page.links:
        return f"scripts {[name for name, _ in page.scripts]}, links {page.links}"
    if json.loads(page.scripts[0][1]) != report:
        return "the report in the page is not the report"
    if json.loads(page.scripts[1][1]) != profile:
        return "the profile in the page is not the profile"
    if "<" in page.scripts[0][1] or "\u2028" in page.scripts[0][1]:
        return "the report is not escaped"
    if any(tag in ("img", "link", "iframe") for tag in page.tags) or "://" in text.replace("http://www.w3.org/2000/svg", ""):
        return "the page refers to something outside"
    return None


def check_drawing(test, path, report, profile):
    """Runs the page's script with node."""
    done = harness.execute(["node", str(harness.ROOT / "test/e2e/report_page.js"), str(path)])
    drawn = json.loads(done.stdout)
    entry, = report["entries"]
    arenas = [pool for pool in report["pools"] if pool["kind"] == "arena"]
    boxes = len(entry["commands"]) * (2 if profile else 1) + len([a for a in report["allocations"] if a["pool"] in [p["name"] for p in arenas]])
    if drawn["drawn"] != "true" or drawn["rects"] != boxes:
        return f"{drawn['rects']} shapes drawn, expected {boxes}"
    if drawn["tags"] != sorted(set(drawn["tags"]) & {"#text", "b", "button", "div", "h1", "h2", "i", "input", "option", "p", "rect", "section",
                                                     "select", "span", "svg", "table", "tbody", "td", "th", "thead", "tr"}):
        return f"elements {drawn['tags']}"
    for nodes in {tuple(command["nodes"]) for command in entry["commands"][:50]}:
        if " + ".join(nodes) not in drawn["text"]:
            return f"{nodes} is not in the placement table"
    wanted = ["Engines", "Timeline of entry main", "Placement"] + (["Cost model against measurement"] if profile else [])
    if not set(wanted) <= set(drawn["headings"]) or not any(h.startswith("Memory ") for h in drawn["headings"]):
        return f"sections {drawn['headings']}"
    if any(command["waits"] for command in entry["commands"]) and not drawn["arrows"]:
        return "no arrows between commands"
    if profile and not any("measured" in line for tip in drawn["tips"] for line in tip):
        return "nothing measured is told of a command"
    if not drawn["filtered"].startswith("0 of "):
        return f"the filter leaves {drawn['filtered']}"
    return None


# --- cases --------------------------------------------------------------------------------------------------------------
class Cases:
    def __init__(self, test):
        self.test = test
        self.has_node = shutil.which("node") is not None

    def say(self, *arguments, expect=0):
        done = harness.execute([self.test.tool("tercet-report"), *map(str, arguments)], expect=expect)
        return done.stdout if expect == 0 or expect == 3 else done.stderr

    def compile(self, name, text, *extra):
        model = self.test.work / f"{name}.mlir"
        model.write_text(text)
        self.test.compile(model, self.test.work / name, None, "--name", "model", *extra)
        return self.load(name)

    def load(self, name):
        return json.loads((self.test.work / name / "model.report.json").read_text())

    def truth(self):
        for name, soc in (("one", "host"), ("two", "host-split")):
            report = self.compile(name, chain([f"layer{i}" for i in range(6)]), "--soc", soc)
            self.test.check(f"{name} format", None if report["format"] == 1 else f"format {report['format']}")
            self.test.check(f"{name} times", check_times(report))
            self.test.check(f"{name} placement", check_placement(report))
            for pool in report["pools"]:
                if pool["kind"] == "arena":
                    self.test.check(f"{name} memory {pool['name']}", check_memory(report, pool))
            self.page(name, report)
        two = self.load("two")
        done = harness.execute([self.test.tool("tercet-compile"), str(self.test.work / "two.mlir"), "--soc", "host-split", "--stop-after", "plan"])
        planned = [int(start) for start in re.findall(r"\bpredicted_ps \d+ start_ps (\d+)", done.stdout)]
        reported = [command["start_ps"] for command in two["entries"][0]["commands"] if command["op"] == "dispatch"]
        self.test.check("two starts", None if planned == reported else f"planned {planned}, reported {reported}")
        shared = [command for command in two["entries"][0]["commands"] if "rows" in command]
        self.test.check("two has shares", None if shared else "no group is shared between the two engines")

    @staticmethod
    def overlap(printed, report, profile):
        """What the text says of engines at work at once is what the commands' times give."""
        commands = report["entries"][0]["commands"]
        for kind, found in (("predicted", together([(c["engine"], c["start_ps"], c["end_ps"]) for c in commands])),
                            ("measured", together([(c["engine"], c["start_ns"] * 1000, c["end_ns"] * 1000) for c in profile["commands"]]))):
            said = re.search(rf"{kind} +at once ([\d.]+) (\w+) of ([\d.]+) (\w+) \(", printed)
            if not said:
                return f"nothing is said of what is {kind}\n{printed}"
            for value, expected in ((picoseconds(said[1], said[2]), found[0]), (picoseconds(said[3], said[4]), found[1])):
                if abs(value - expected) > 0.01 * expected + 1e7:
                    return f"{kind}: {said[0]} for {found}"
        return None

    def page(self, name, report):
        folder = self.test.work / name
        self.test.check(f"{name} page", check_page(folder / "model.report.html", report, None))
        page = folder / "again.html"
        self.say(folder, "-o", page)
        self.test.check(f"{name} page of tercet-report", check_page(page, report, None))
        if self.has_node:
            self.test.check(f"{name} drawing", check_drawing(self.test, page, report, None))

    def profile(self):
        import numpy as np
        folder, file = self.test.work / "two", self.test.work / "profile.json"
        self.test.run(folder, {"x": np.ones((192, 192), np.float32)}, ["y"], "--repeat", "3", "--profile", str(file))
        profile, report = json.loads(file.read_text()), self.load("two")
        printed = self.say(folder, "--profile", file)
        total = sum(command["ns"] for command in profile["commands"])
        row = next((line.split() for line in printed.splitlines() if line.startswith("  all ")), [])
        self.test.check("profile table", None if row and row[1] == str(len(profile["commands"])) and
                        abs(float(row[4]) * {"us": 1e3, "ms": 1e6, "s": 1e9}[row[5]] - total) <= 0.02 * total else f"{row} for {total} ns\n{printed}")
        self.test.check("overlap", self.overlap(printed, report, profile))
        page = self.test.work / "profile.html"
        self.say(folder, "--profile", file, "-o", page)
        self.test.check("profile page", check_page(page, report, profile))
        if self.has_node:
            self.test.check("profile drawing", check_drawing(self.test, page, report, profile))
        profile["commands"][0]["kernel"] = "other"
        wrong = self.test.work / "wrong.json"
        wrong.write_text(json.dumps(profile))
        self.error("profile of another program", "not a profile of 'model'", folder, "--profile", wrong)
        self.error("profile that is none", "it has no member 'format'", folder, "--profile", self.write("x.json", "{}"))

    def hostile(self):
        report = self.compile("hostile", chain(HOSTILE, size=16), "--soc", "host")
        seen = {node for command in report["entries"][0]["commands"] for node in command["nodes"]}
        missing = {name + end for name in HOSTILE for end in ("", "/Add")} - seen
        self.test.check("hostile names", f"{missing} not among {seen}" if missing else None)
        self.page("hostile", report)
        if self.test.work.as_posix() in json.dumps(report):
            self.test.check("hostile path", "the report has a path of the machine")

    def deterministic(self):
        self.compile("one-more", (self.test.work / "one.mlir").read_text(), "--soc", "host")
        same = all((self.test.work / a / f).read_text().replace("one-more", "one") == (self.test.work / "one" / f).read_text()
                   for a in ("one-more",) for f in ("model.report.json", "model.report.html"))
        self.test.check("deterministic", None if same else "two compilations, two reports")
        folder = self.test.work.as_posix()
        self.test.check("no paths", "the report names a folder" if folder in (self.test.work / "one" / "model.report.html").read_text() else None)

    def write(self, name, text):
        path = self.test.work / name
        path.write_text(text)
        return path

    def error(self, name, words, *arguments):
        printed = self.say(*arguments, expect=1)
        fine = printed.startswith("tercet-report: error: ") and printed.count("\n") == 1 and words in printed
        self.test.check(name, None if fine else f"printed {printed!r}, expected one line with {words!r}")

    def difference(self):
        before = self.test.work / "two"
        report = self.load("two")
        self.test.check("equal", None if self.say(before, before, "--exit-code") == "nothing changed\n" else "something changed")
        self.test.check("equal as JSON", None if json.loads(self.say(before, before, "--json"))["equal"] else "not equal")
        changed = copy.deepcopy(report)
        commands = changed["entries"][0]["commands"]
        gone, moved = commands[-1]["nodes"], commands[0]
        new = copy.deepcopy(commands[-1])
        new["nodes"] = ["brand/new"]
        commands[:] = [command for command in commands if command["nodes"] != gone] + [new]
        other = next(a for a in moved["alternatives"] if a["engine"] != moved["engine"])
        moved["engine"], old_engine = other["engine"], moved["engine"]
        next(a for a in moved["alternatives"] if a["engine"] == old_engine).update(reason="slower", detail="so it is")
        next(p for p in changed["pools"] if p["kind"] == "arena")["bytes"] += 4096
        for command in commands:
            command["end_ps"] += 10**9
        after = self.write("after.report.json", json.dumps(changed))
        found = json.loads(self.say(before, after, "--json"))
        titles = {key: [group["nodes"] for group in found[key]] for key in ("added", "removed")}
        wanted = {"added": ["brand/new"], "removed": [" + ".join(gone)]}
        self.test.check("added and removed", None if titles == wanted else f"{titles}, expected {wanted}")
        self.test.check("moved", None if " + ".join(moved["nodes"]) in [pair["after"]["nodes"] for pair in found["moved"]] else f"{found['moved']}")
        pool = found["pool_bytes"]
        self.test.check("pool", None if len(pool) == 1 and pool[0]["after"] - pool[0]["before"] == 4096 else f"{pool}")
        latency = found["latency_ps"]
        self.test.check("latency", None if len(latency) == 1 and latency[0]["after"] - latency[0]["before"] == 10**9 else f"{latency}")
        text = self.say(before, after)
        for words in ("brand/new", "slower, so it is", "predicted latency", " -> "):
            self.test.check(f"text has '{words}'", None if words in text else text)
        self.say(before, after, "--exit-code", expect=3)
        self.test.check("one against two", None if "host -> host-split" in self.say(self.test.work / "one", before) else "the machine is not named")
        small = copy.deepcopy(report)
        small["kernels"][0]["stack_bytes"] += 16
        other = self.write("small.report.json", json.dumps(small))
        self.test.check("a value", None if "kernels[0].stack_bytes" in self.say(before, other) else "no word of the stack")

    def errors(self):
        report = self.load("one")
        empty = self.test.work / "empty"
        empty.mkdir(exist_ok=True)
        self.error("no report", "has no report", empty)
        self.error("no folder", "cannot read", self.test.work / "nowhere")
        self.error("not JSON", "not JSON", self.write("bad.json", '{"format": 1,'))
        self.error("another format", "format 9, this tool reads format 1", self.write("nine.json", json.dumps({**report, "format": 9})))
        self.error("not an object", "not a report", self.write("list.json", "[1]"))
        bad = copy.deepcopy(report)
        bad["entries"][0]["commands"][0]["engine"] = 7
        self.error("wrong type", "expected string at report.entries[0].commands[0].engine", self.write("type.json", json.dumps(bad)))
        bad = copy.deepcopy(report)
        bad["entries"][0]["commands"][0]["kernel"] = 10**6
        self.error("bad index", "runs kernel 1000000", self.write("index.json", json.dumps(bad)))
        shutil.copy(self.test.work / "one/model.report.json", empty / "a.report.json")
        shutil.copy(self.test.work / "one/model.report.json", empty / "b.report.json")
        self.error("several reports", "a.report.json, b.report.json", empty)
        shutil.rmtree(empty)
        self.error("no such flag", "unknown flag '--colour'", self.test.work / "one", "--colour")
        self.error("page of two", "-o and --profile are for one report", self.test.work / "one", self.test.work / "two", "-o", "x.html")

    def many(self):
        """5000 commands: the page stays small, and is drawn in a moment."""
        report = self.load("two")
        entry = report["entries"][0]
        pattern, length = entry["commands"], max(command["end_ps"] for command in entry["commands"])
        entry["commands"] = []
        for i in range(5000):
            command = copy.deepcopy(pattern[i % len(pattern)])
            command.update(index=i, start_ps=command["start_ps"] + i // len(pattern) * length, end_ps=command["end_ps"] + i // len(pattern) * length)
            command["nodes"] = [f"/model/layers.{i // 10}/block/{node}" for node in command["nodes"]]
            entry["commands"].append(command)
        allocations = report["allocations"]
        report["allocations"] = [{**allocations[i % len(allocations)], "first": i, "last": min(i + 3, 4999)} for i in range(5000)]
        for pool in report["pools"]:
            pool.pop("peak", None)
        file, page = self.write("many.report.json", json.dumps(report)), self.test.work / "many.html"
        started = time.monotonic()
        self.say(file, "-o", page)
        self.test.check("many: written", None if time.monotonic() - started < 60 else "took more than a minute")
        self.test.check("many: page", check_page(page, report, None))
        self.test.check("many: size", None if page.stat().st_size < 1000 * 5000 + 100000 else f"{page.stat().st_size} bytes")
        if self.has_node:
            drawn = json.loads(harness.execute(["node", str(harness.ROOT / "test/e2e/report_page.js"), str(page)]).stdout)
            self.test.check("many: drawn", None if drawn["rects"] == 10000 and drawn["rows"] < 1000 and drawn["milliseconds"] < 5000 else
                            f"{drawn['rects']} shapes, {drawn['rows']} rows, {drawn['milliseconds']} ms")


def main():
    test = harness.Test(harness.parser("reports").parse_args())
    cases = Cases(test)
    for name in ("truth", "profile", "hostile", "deterministic", "difference", "errors", "many"):
        if test.wanted(name) or name == "truth":
            try:
                getattr(cases, name)()
            except harness.CommandFailed as error:
                test.check(name, str(error))
    if not cases.has_node:
        print("node is not installed: pages were parsed, their scripts not run")
    test.finish()


if __name__ == "__main__":
    main()
