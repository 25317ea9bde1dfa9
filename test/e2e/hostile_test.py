# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Bad input: every malformed file of hostile.py, a full disk, an output that cannot be written, and an artifact that
# must survive a failed recompilation. What must hold each time: exit status 1 (a signal or 2 would be a fault of ours), one
# line "tercet-compile: error: <file>: ..." that says what is wrong, nothing written.

import concurrent.futures
import os
import re
import resource
import shutil
import signal

import harness
import hostile
import hostile_case

LINE = re.compile(r"^tercet-compile: error: ")
MEMORY = 8 << 30    # address space; a hostile size must be refused, not tried


def _limits(file_size=None):
    def apply():
        if not os.environ.get("TERCET_SANITIZED"):   # a sanitizer reserves terabytes of addresses
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if file_size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    return apply


def attempt(test, model, output, arguments, expected, lines=1, file_size=None, names_file=True):
    """Compiles what must be refused; returns the problem or None. `names_file`: the line starts with the model's."""
    try:
        done = harness.execute(test.compile_command(model, output, None, *arguments), timeout=60, expect=None,
                               preexec_fn=_limits(file_size))
    except harness.CommandFailed as error:
        return str(error)
    said = done.stderr.strip()
    if done.returncode != 1:
        return f"{harness.status_text(done.returncode)} instead of 1; it said: {said[-500:]!r}"
    errors = said.splitlines()
    if len(errors) != lines or not all(map(LINE.match, errors)):
        return f"expected {lines} line(s) 'tercet-compile: error: ...', got {said[-800:]!r}"
    if names_file and not all(e.startswith(f"tercet-compile: error: {model}: ") for e in errors):
        return f"the line does not name the file {model}: {said[-500:]!r}"
    if not re.search(expected, "\n".join(errors), re.I):
        return f"expected /{expected}/ in {said[-500:]!r}"
    if output.is_dir() and any(output.iterdir()):
        return f"left behind: {sorted(p.name for p in output.iterdir())}"
    return None


def malformed(test):
    folder = test.work / "files"
    listed = [entry for entry in hostile.write(folder) if test.wanted(entry["file"])]

    def one(entry):
        return entry["file"], attempt(test, folder / entry["file"], test.work / "out" / entry["file"],
                                      entry["arguments"], entry["expected"])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, problem in pool.map(one, listed):
            test.check(name, problem)


def surroundings(test):
    good = test.work / "good.onnx"
    good.write_bytes(hostile_case.tiny().SerializeToString())
    out = test.work / "surroundings"

    def case(name, *arguments, **how):
        if test.wanted(name):
            test.check(name, attempt(test, *arguments, **how))

    case("no_such_file", test.work / "absent.onnx", out, [], "absent\\.onnx.*(no such file|not exist|cannot open)")
    case("model_is_a_folder", test.work / "files", out, [], "directory|folder")
    case("unknown_extension", _copy(good, "good.xyz"), out, [], "xyz|format|extension")
    case("soc_and_target", good, out, ["--soc", "host", "--target", "x86_64-linux-gnu"], "--soc", names_file=False)
    case("unknown_soc", good, out, ["--soc", "nonesuch"], "nonesuch", names_file=False)
    case("unknown_cpu", good, out, ["--target", "x86_64-linux-gnu", "--cpu", "nonesuch"], "nonesuch", names_file=False)
    case("unknown_target", good, out, ["--target", "nonesuch-linux-gnu"], "nonesuch", names_file=False)
    case("bad_name", good, out, ["--name", "not a name!"], "name", names_file=False)
    case("unwritable", good, test.work / "good.onnx" / "out", [], "good\\.onnx", names_file=False)
    case("disk_full", good, test.work / "full", [], "write|space|large|full", file_size=256, names_file=False)

    if test.wanted("keeps_old_artifact"):
        kept = test.work / "kept"
        try:
            test.compile(good, kept, None, "--name", "kept")
            before = {p.name: p.read_bytes() for p in kept.iterdir()}
            harness.execute(test.compile_command(test.work / "files" / "cycle.onnx", kept, None, "--name", "kept"),
                            expect=1)
            after = {p.name: p.read_bytes() for p in kept.iterdir()}
            test.check("keeps_old_artifact", None if before == after else "a failed compilation changed the artifact")
        except harness.CommandFailed as error:
            test.check("keeps_old_artifact", str(error))

    if test.wanted("check_only_lists_all"):
        h = hostile_case
        nodes = [h.helper.make_node(op, [a], [b], name=f"n/{op}") for op, a, b in
                 [("Frobnicate", "x", "a"), ("Relu", "a", "b"), ("Twiddle", "b", "c"), ("Grok", "c", "y")]]
        several = test.work / "several.onnx"
        several.write_bytes(h.model(nodes, [h.info("x", [2, 3])], [h.info("y", [2, 3])]).SerializeToString())
        test.check("check_only_lists_all",
                   attempt(test, several, out, ["--check-only"], "Frobnicate.*\n.*Twiddle.*\n.*Grok", lines=3))


def _copy(path, name):
    return shutil.copyfile(path, path.with_name(name))


def main():
    test = harness.Test(harness.parser("bad input").parse_args())
    malformed(test)
    surroundings(test)
    test.finish()


if __name__ == "__main__":
    main()
