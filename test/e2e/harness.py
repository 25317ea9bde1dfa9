# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the end-to-end tests share: where the tools are, how to compile and run a program through the documented command
# lines, how to compare, and how to count. A test ends with the line "N passed, N failed" and the exit status to match.
# Tools are found by --tools, else the variable TERCET_TOOLS, else build/bin; generated files go below --work.

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "models"))


class CommandFailed(Exception):
    pass


def machine_without(soc, engines, folder):
    """A machine file of targets/socs with some of its engines left out; where it was written."""
    kept, skipping, found = [], False, []
    for line in (ROOT / "targets/socs" / f"{soc}.yaml").read_text().splitlines():
        if line.startswith("  - name: ") or (line and line[0] not in " #"):
            name = line[len("  - name: "):].strip()
            skipping = line.startswith("  - name: ") and name in engines
            found += [name] * skipping
        if not skipping:
            kept.append(line)
    if sorted(found) != sorted(engines):
        raise CommandFailed(f"{soc}.yaml has engines {found} of {engines}")
    path = folder / f"{soc}-without-{'-'.join(engines)}.yaml"
    path.write_text("\n".join(kept) + "\n")
    return path


def parser(description):
    p = argparse.ArgumentParser(description=description)
    tools = pathlib.Path(os.environ.get("TERCET_TOOLS", ROOT / "build/bin"))
    p.add_argument("--tools", type=pathlib.Path, default=tools,
                   help="folder of tercet-compile and tercet-run (default $TERCET_TOOLS or build/bin)")
    p.add_argument("--work", type=pathlib.Path, help="folder for generated files (default a temporary one)")
    p.add_argument("--target", help="target triple for tercet-compile (default: the host)")
    p.add_argument("--cpu", help="CPU for tercet-compile")
    p.add_argument("--only", help="only the cases whose name contains this")
    return p


class Test:
    """One test program: its arguments, its working folder, and the count of passed and failed cases."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.passed = self.failed = 0
        self._temporary = None
        if arguments.work is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="tercet-e2e-")
            self.work = pathlib.Path(self._temporary.name)
        else:
            self.work = arguments.work.resolve()
            self.work.mkdir(parents=True, exist_ok=True)

    def tool(self, name):
        return str((self.arguments.tools / name).resolve())

    def wanted(self, name):
        return not self.arguments.only or self.arguments.only in name

    def check(self, name, problem):
        """Counts one case; `problem` is a text, or None (or empty) if the case passed."""
        if problem:
            self.failed += 1
            print(f"FAIL {name}: {problem}", flush=True)
        else:
            self.passed += 1
        return not problem

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(int(self.failed > 0 or self.passed == 0))

    # --- the tools --------------------------------------------------------------------------------------------------
    def compile_command(self, model, output, dims=None, *extra):
        command = [self.tool("tercet-compile"), str(model), "-o", str(output), "--quiet"]
        if self.arguments.target:
            command += ["--target", self.arguments.target]
        if self.arguments.cpu:
            command += ["--cpu", self.arguments.cpu]
        for name, value in (dims or {}).items():
            command += ["--dim", f"{name}={value}"]
        return command + list(extra)

    def compile(self, model, output, dims=None, *extra):
        execute(self.compile_command(model, output, dims, *extra))

    def run(self, program, feeds, outputs, *extra):
        """Runs a compiled program on `feeds` (name -> array); returns the named outputs."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            command = [self.tool("tercet-run"), str(program), *extra]
            for i, (name, value) in enumerate(feeds.items()):
                np.save(f"{folder}/in{i}.npy", value)
                command += ["--input", f"{name}={folder}/in{i}.npy"]
            for i, name in enumerate(outputs):
                command += ["--output", f"{name}={folder}/out{i}.npy"]
            execute(command)
            return {name: np.load(f"{folder}/out{i}.npy") for i, name in enumerate(outputs)}


def execute(command, timeout=900, expect=0, **options):
    """Runs a command; raises CommandFailed with the end of its output unless it exits with `expect` (None: any)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                              stdin=subprocess.DEVNULL, **options)
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"no end after {timeout} s: {' '.join(command)}") from None
    except OSError as error:
        raise CommandFailed(f"{command[0]}: {error.strerror}") from None
    if expect is not None and done.returncode != expect:
        shown = " ".join(command[:4] + (["…"] if len(command) > 4 else []))
        said = (done.stdout + done.stderr)[-2000:].rstrip()
        raise CommandFailed(f"{status_text(done.returncode)} from {shown}\n{said}")
    return done


def status_text(code):
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def difference(got, expected, tolerance):
    """None if `got` is `expected`: whole numbers exactly, floats within tolerance * (1 + |expected|)."""
    if got.shape != expected.shape:
        return f"shape {got.shape} instead of {expected.shape}"
    if got.dtype != expected.dtype:
        return f"type {got.dtype} instead of {expected.dtype}"
    if expected.dtype.kind != "f":
        wrong = got != expected
    else:
        with np.errstate(invalid="ignore"):
            apart = np.abs(got.astype(np.float64) - expected.astype(np.float64))
            # Equal infinities differ by NaN; two NaNs count as equal.
            same = (got == expected) | (np.isnan(got) & np.isnan(expected))
            wrong = ~(same | (apart <= tolerance * (1 + np.abs(expected))))
    if not np.any(wrong):
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (f"{np.count_nonzero(wrong)} of {wrong.size} elements differ, first at {at}: {got[at]!r} instead of "
            f"{expected[at]!r}")


def load_case(path):
    """dims, feeds and expected outputs of an .npz that small.py or ops.py wrote."""
    parts = {"dim": {}, "in": {}, "out": {}}
    with np.load(path) as arrays:
        for key in arrays.files:
            kind, name = key.split(".", 1)
            parts[kind][name] = arrays[key]
    return {k: int(v) for k, v in parts["dim"].items()}, parts["in"], parts["out"]
